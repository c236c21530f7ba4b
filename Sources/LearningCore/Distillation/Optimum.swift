/// What works best in a pattern by its evidence, and how good that is known to be.
///
/// With a goal it is the cheapest configuration whose mean recall reaches it.  Without one, or where none reaches it,
/// numbers are the mean of all that was tried and choices a vote, each trial with its quality as weight.
///
/// Confidence is q · n/(n + 3): q the mean quality of the chosen configuration (of a blend the mean with the weights of
/// the blend), n the trials that tell of it, of a blend at most one for each trajectory.  So it is 0 while no quality
/// is known, and as many trials as the least pattern has members earn half.
public struct Optimum: Equatable, Sendable {
  public let parameters: [Double]
  /// 0...1.
  public let confidence: Double

  /// Members of the least pattern: fewer say nothing about a next query.
  public static let leastMembers = 3

  /// - Parameters:
  ///   - evidence: parameters in `space`.
  ///   - support: trajectories behind the evidence.
  ///   - goal: recall, 0...1.
  /// - Returns: nil without evidence.
  public init?(of evidence: [LearnedPattern.Evidence], support: Int, in space: ParameterSpace, goal: Double? = nil) {
    if let goal, let cheapest = Self.cheapest(of: evidence, reaching: goal) {
      parameters = cheapest.parameters
      confidence = Self.confidence(cheapest.quality, trials: cheapest.count)
      return
    }
    let known = evidence.filter { $0.count > 0 }
    let weights = known.map { Double($0.count) * $0.quality }
    if let blend = space.blend(Array(zip(known.map(\.parameters), weights))) {
      let quality = zip(known, weights).reduce(0) { $0 + $1.0.quality * $1.1 } / weights.reduce(0, +)
      parameters = blend
      confidence = Self.confidence(quality, trials: min(known.reduce(0) { $0 + $1.count }, support))
    } else {
      guard let usual = evidence.mostFrequent else { return nil }
      parameters = usual.parameters
      confidence = 0
    }
  }

  /// By what was touched; where that is unknown, by time.  Recall of fewer than `leastMembers` trials is luck.
  private static func cheapest(
    of evidence: [LearnedPattern.Evidence], reaching goal: Double
  ) -> LearnedPattern.Evidence? {
    let reaching = evidence.filter { $0.counts.recall >= leastMembers && $0.recall ?? 0 >= goal }
    func least(_ price: (LearnedPattern.Evidence) -> Double?) -> LearnedPattern.Evidence? {
      reaching.filter { price($0) != nil }.min { price($0) ?? 0 < price($1) ?? 0 }
    }
    return least(\.cost) ?? least(\.latency)
  }

  private static func confidence(_ quality: Double, trials: Int) -> Double {
    min(max(quality * Double(trials) / Double(trials + leastMembers), 0), 1)
  }
}

extension [LearnedPattern.Evidence] {
  /// The configuration with most trials, the first of equals.
  var mostFrequent: LearnedPattern.Evidence? {
    self.max { $0.counts.trials < $1.counts.trials }.flatMap { most in
      first { $0.counts.trials == most.counts.trials }
    }
  }
}
