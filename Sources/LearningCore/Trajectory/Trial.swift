/// One configuration that was tried for one query, and what came of it.  What was not measured is nil.
public struct Trial: Equatable, Sendable {
  /// Values in the bank's `ParameterSpace`; trials with equal ones are of the same configuration.
  public let parameters: [Double]
  /// Share of what was returned that is relevant, 0...1.
  public let precision: Double?
  /// Share of what is relevant, or of the exact neighbours, that was returned, 0...1.
  public let recall: Double?
  /// Microseconds.
  public let latency: Double?
  /// Buffers touched; in a bank that belongs to no table, whatever its application counts.
  public let cost: Double?

  public init(
    parameters: [Double], precision: Double? = nil, recall: Double? = nil, latency: Double? = nil, cost: Double? = nil
  ) {
    self.parameters = parameters
    self.precision = precision
    self.recall = recall
    self.latency = latency
    self.cost = cost
  }

  /// F₁, the harmonic mean of precision and recall; where only one of them is known, that; 0...1.
  public var quality: Double? {
    guard let precision, let recall else { return precision ?? recall }
    return precision + recall > 0 ? 2 * precision * recall / (precision + recall) : 0
  }
}
