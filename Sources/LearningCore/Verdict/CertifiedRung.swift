/// What is known of one value of a search parameter, or of a stop rule at one multiplier.
public struct CertifiedRung: Sendable {
  /// `ef_search`, `probes` or multiplier.
  public let value: Float
  /// Labels that measured its recall.
  public let labels: Int
  /// Mean recall; nil when not measured.
  public let recall: Float?
  /// This and everything tested before it has at least this mean recall (97.5 %, at every look); nil when
  /// not tested.
  public let bound: Float?
  /// Mean buffers touched by a search; nil when not measured.
  public let blocks: Float?

  @inlinable
  public init(value: Float, labels: Int, recall: Float?, bound: Float?, blocks: Float?) {
    self.value = value
    self.labels = labels
    self.recall = recall
    self.bound = bound
    self.blocks = blocks
  }
}
