/// Chooses parameters by the features of a query: a small recurrent network over standardised features, trained on what
/// came of earlier choices (`RouterTrainer`), its decisions blended with what a bank suggests.
public struct Router: Equatable, Sendable {
  let standard: Standardisation
  let network: RouterNetwork
  /// Of each number, root mean square error on the scale of 0...1 over the outcomes held out; 0 of a choice.
  let errors: [Double]

  /// Features as deviations from their mean, in standard deviations.
  struct Standardisation: Equatable, Sendable {
    let means: [Double]
    /// Above 0; infinite for a feature that did not vary.
    let deviations: [Double]

    /// Farther off says no more: the cell has long been saturated.
    private static let farthest = 10.0

    /// - Throws: `dimension` or `notFinite`.
    func callAsFunction(_ features: [Double]) throws(LearningError) -> [Double] {
      guard features.count == means.count else { throw .dimension(expected: means.count, given: features.count) }
      try features.checkFinite()
      return features.indices.map {
        let standard = features[$0] / deviations[$0] - means[$0] / deviations[$0]
        return min(max(standard.isNaN ? 0 : standard, -Self.farthest), Self.farthest)
      }
    }
  }

  /// What a bank has to say.
  public struct Suggestion: Sendable {
    /// Of the pattern that weighs most.
    public let pattern: Int64
    /// In the router's space.
    public let values: [Double]
    /// 0...1.
    public let confidence: Double

    public init(pattern: Int64, values: [Double], confidence: Double) {
      self.pattern = pattern
      self.values = values
      self.confidence = confidence
    }

    /// Below it a suggestion has no weight, above it this share of its confidence (SONA's ReasoningBank, §6): the bank
    /// corrects the router, by 30 % at most.
    static let leastConfidence = 0.5
    static let weight = 0.3
  }

  public struct Decision: Equatable, Sendable {
    public enum Reason: Equatable, Sendable {
      case router
      case blended(pattern: Int64, weight: Double)
    }

    /// In the router's space.
    public let values: [Double]
    /// How sure the router is of each, 0...1: of a choice the probability it gives it; of a number what its error on
    /// outcomes held out leaves of the error of a blind guess, the middle for a value anywhere on the scale (1/√12).
    public let sureness: [Double]
    public let reason: Reason

    /// The least of `sureness`; 1 where nothing is to be decided.
    public var confidence: Double { sureness.min() ?? 1 }
  }

  public var space: ParameterSpace { network.space }

  /// Features of a query.
  public var features: Int { standard.means.count }

  /// - Parameters:
  ///   - features: finite, as many as it was trained with.
  ///   - suggestion: numbers move towards it on their scale, choices are voted on: the router's probabilities against
  ///     the suggested choice.
  /// - Throws: `dimension`, `notFinite`; `range` (argument 2) for a suggestion outside the space, or a confidence outside
  ///   0...1.
  /// - Complexity: O(weights).
  public func decide(_ features: [Double], suggestion: Suggestion? = nil) throws(LearningError) -> Decision {
    var weight = 0.0
    if let suggestion {
      guard space.contains(suggestion.values), (0...1).contains(suggestion.confidence) else {
        throw .range(value: suggestion.values.count, argument: 2)
      }
      if suggestion.confidence > Suggestion.leastConfidence { weight = suggestion.confidence * Suggestion.weight }
    }
    let outputs = try network.outputs(standard(features))
    let other = weight > 0 ? suggestion.map { RouterNetwork.targets(of: $0.values, in: space) } : nil
    let blended = other.map { zip(outputs, $0).map { Self.blend($0, $1, weight) } } ?? outputs
    let values = zip(space.parameters, blended).map { parameter, output in
      parameter.value(atUnit: output[0]) ?? Self.favourite(output)
    }
    let sureness = space.parameters.indices.map { position in
      if case .choice = space.parameters[position] {
        let choice = Int(values[position])
        return outputs[position][choice]
      }
      return max(0, 1 - errors[position] * 12.0.squareRoot())
    }
    let reason = weight > 0 ? suggestion.map { Decision.Reason.blended(pattern: $0.pattern, weight: weight) } : nil
    return Decision(values: values, sureness: sureness, reason: reason ?? .router)
  }

  private static func blend(_ own: [Double], _ other: [Double], _ weight: Double) -> [Double] {
    // The place of a number is limited to its scale before it moves; probabilities are anyway.
    zip(own, other).map { (1 - weight) * min(max($0, 0), 1) + weight * $1 }
  }

  /// The position of the greatest vote, of equals the first.
  private static func favourite(_ votes: [Double]) -> Double {
    Double(votes.indices.max { votes[$0] < votes[$1] } ?? 0)
  }
}
