/// Judges which configuration works best for one pattern by the trials of its queries.
///
/// Without a target it is the cheapest of those that are not proven worse than the best mean quality; few trials
/// prove little, so with them the cheap is favoured, and `PatternVerdict.comparison` says at what loss.
public struct VerdictJudge: Sendable {
  /// Trials below which a configuration is not judged.
  public let minSamples: Int
  /// Probability of calling the best configuration worse than another, at most.
  public let alpha: Double
  /// Mean recall to be reached, if asked for.
  public let target: Double?

  /// - Throws: `range`: `minSamples` (argument 1) below 3, `alpha` (2) outside 0..<1, `target` (3) outside 0...1.
  public init(minSamples: Int = 3, alpha: Double = 0.05, target: Double? = nil) throws(LearningError) {
    guard minSamples >= 3 else { throw .range(value: minSamples, argument: 1) }
    guard alpha >= 0, alpha < 1 else { throw .range(value: alpha < 0 ? -1 : 1, argument: 2) }
    if let target, !(0...1).contains(target) { throw .range(value: target < 0 ? -1 : 2, argument: 3) }
    self.minSamples = minSamples
    self.alpha = alpha
    self.target = target
  }

  /// - Parameters:
  ///   - trajectories: of the queries of one pattern; trials whose quality is unknown, or not in 0...1, do not count.
  ///   - inForce: the parameters that are used now, if known.
  /// - Returns: nil when no configuration was tried, or its recall measured where that is asked for, often enough.
  /// - Complexity: O(trials × parameters), and sorting the configurations; one pass over the trajectories.
  public func judge(_ trajectories: some Sequence<QueryTrajectory>, inForce: [Double]? = nil) -> PatternVerdict? {
    let tallies = tallies(trajectories)
    let reaching = target.map { target in tallies.filter { (recall($0) ?? -1) >= target } }
    let recommended: Tally?
    switch reaching {
    case nil: recommended = best(of: tallies).flatMap { Self.cheapest(of: equals(of: $0, among: tallies)) }
    case .some(let reaching) where !reaching.isEmpty: recommended = Self.cheapest(of: reaching)
    default: recommended = tallies.filter { recall($0) != nil }.max { (recall($0) ?? 0) < (recall($1) ?? 0) }
    }
    guard let recommended else { return nil }
    let other = tallies.first { $0.parameters == inForce && $0.parameters != recommended.parameters }
    return PatternVerdict(
      recommended: recommended.configuration, reachesTarget: reaching.map { !$0.isEmpty },
      comparison: other.map { Self.compare(recommended, $0) }, configurations: tallies.map(\.configuration))
  }

  private func tallies(_ trajectories: some Sequence<QueryTrajectory>) -> [Tally] {
    var positions: [[Double]: Int] = [:]
    var tallies: [Tally] = []
    for (trajectory, trials) in trajectories.lazy.map(\.trials).enumerated() {
      for trial in trials {
        guard let quality = trial.quality, (0...1).contains(quality) else { continue }
        let position = positions[trial.parameters] ?? tallies.count
        if position == tallies.count {
          positions[trial.parameters] = position
          tallies.append(Tally(parameters: trial.parameters))
        }
        tallies[position].add(trial, quality: quality, of: trajectory)
      }
    }
    return tallies.filter { $0.qualities.count >= minSamples }
      .sorted { $0.parameters.lexicographicallyPrecedes($1.parameters) }
  }

  private func recall(_ tally: Tally) -> Double? { tally.recalls.count >= minSamples ? tally.recalls.mean : nil }

  private func best(of tallies: [Tally]) -> Tally? { tallies.max { $0.quality.mean < $1.quality.mean } }

  /// Those that are not proven worse than the best, itself among them.
  private func equals(of best: Tally, among tallies: [Tally]) -> [Tally] {
    // Whichever seems best by luck: the true best is compared with each of the others at most (Bonferroni).
    let others = tallies.filter { $0.parameters != best.parameters }
    return [best]
      + others.filter { other in
        // Where nothing varies there is no chance that a difference could be due to.
        let p = Self.test(best, other).test?.greater ?? (best.quality.mean > other.quality.mean ? 0 : 1)
        return p * Double(others.count) > alpha
      }
  }

  /// By cost where all know it, else by latency, else the first; of equals the first.
  private static func cheapest(of tallies: [Tally]) -> Tally? {
    func cheapest(by price: (Tally) -> Double?) -> Tally? {
      let priced = tallies.compactMap { tally in price(tally).map { (tally, $0) } }
      return priced.count == tallies.count ? priced.min { $0.1 < $1.1 }?.0 : nil
    }
    return cheapest { $0.configuration.cost } ?? cheapest { $0.configuration.latency } ?? tallies.first
  }

  private static func compare(_ recommended: Tally, _ other: Tally) -> PatternVerdict.Comparison {
    let (evidence, test) = test(recommended, other)
    let costs = recommended.configuration.cost.flatMap { cost in other.configuration.cost.map { (cost, $0) } }
    return PatternVerdict.Comparison(
      evidence: evidence, improvement: recommended.quality.mean - other.quality.mean,
      costRatio: costs.flatMap { $1 > 0 ? $0 / $1 : nil }, p: test?.twoSided)
  }

  /// In pairs where every query that tried one of them tried both.
  private static func test(
    _ first: Tally, _ second: Tally
  ) -> (evidence: PatternVerdict.Comparison.Evidence, test: TTest?) {
    guard first.qualities.elementsEqual(second.qualities, by: { $0.trajectory == $1.trajectory }) else {
      return (.observational, TTest(welch: first.quality, second.quality))
    }
    let differences = zip(first.qualities, second.qualities).lazy.map { $0.quality - $1.quality }
    return (.paired, TTest(paired: Moments(differences)))
  }

  /// What the trials of one configuration add up to.
  private struct Tally {
    let parameters: [Double]
    /// In the order of the trajectories.
    private(set) var qualities: [(trajectory: Int, quality: Double)] = []
    private(set) var quality = Moments()
    private(set) var recalls = Moments()
    private var latencies = Moments()
    private var costs = Moments()

    init(parameters: [Double]) {
      self.parameters = parameters
    }

    mutating func add(_ trial: Trial, quality: Double, of trajectory: Int) {
      qualities.append((trajectory, quality))
      self.quality.add(quality)
      if let recall = trial.recall { recalls.add(recall) }
      if let latency = trial.latency { latencies.add(latency) }
      if let cost = trial.cost { costs.add(cost) }
    }

    var configuration: PatternVerdict.Configuration {
      PatternVerdict.Configuration(
        parameters: parameters, quality: quality, recall: Self.mean(recalls), latency: Self.mean(latencies),
        cost: Self.mean(costs))
    }

    private static func mean(_ moments: Moments) -> Double? { moments.count > 0 ? moments.mean : nil }
  }
}
