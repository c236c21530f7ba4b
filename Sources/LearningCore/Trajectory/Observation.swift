/// What is remembered of one search to see how searches change: no vector.
public struct Observation: Equatable, Sendable {
  /// Microseconds of any clock.
  public var time: Int64
  /// Of `KClass`; negative when filtered, 0 when k is unknown.
  public var kClass: Int32
  /// The part of the space where the query lies, such as a pattern of a bank; nil when it was not looked up.
  public var region: Int64?
  /// 0...1; nil when not measured.
  public var recall: Float?
  /// Microseconds, finite; nil when not measured.
  public var latency: Float?
  /// What was searched with: ef_search or probes.
  public var parameter: Int32

  public init(
    time: Int64, kClass: Int32, region: Int64? = nil, recall: Float? = nil, latency: Float? = nil, parameter: Int32
  ) {
    self.time = time
    self.kClass = kClass
    self.region = region
    self.recall = recall
    self.latency = latency
    self.parameter = parameter
  }

  public var isFiltered: Bool { kClass < 0 }
}
