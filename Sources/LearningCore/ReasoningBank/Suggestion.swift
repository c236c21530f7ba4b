/// What patterns near a query advise for it.
public struct Suggestion: Equatable, Sendable {
  /// The advice of one pattern.
  public struct Advice: Equatable, Sendable {
    public let id: Int64
    /// Cosine with the query.
    public let similarity: Float
    /// 0...1.
    public let confidence: Double
    public let parameters: [Double]

    public init(id: Int64, similarity: Float, confidence: Double, parameters: [Double]) {
      self.id = id
      self.similarity = similarity
      self.confidence = confidence
      self.parameters = parameters
    }

    /// Similarity × confidence; of what points the other way 0.
    public var weight: Double { Double(max(similarity, 0)) * confidence }
  }

  public let parameters: [Double]
  /// Sum of the weights by the number of patterns asked, 0...1.
  public let confidence: Double
  /// Identifiers, nearest first.
  public let patterns: [Int64]

  /// The blend of advice by weight.
  ///
  /// - Parameter advice: nearest first, parameters in `space`.
  /// - Returns: nil without any that has weight.
  public init?(of advice: [Advice], in space: ParameterSpace) {
    guard let blend = space.blend(advice.map { ($0.parameters, $0.weight) }) else { return nil }
    parameters = blend
    confidence = min(advice.reduce(0) { $0 + $1.weight } / Double(advice.count), 1)
    patterns = advice.map(\.id)
  }
}
