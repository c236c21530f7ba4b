import Glibc

extension StopRegions {
  /// Labels behind a region, on average: a scale is known to a tenth then where distances spread by half of it.
  private static let labelsPerRegion = 25
  /// Tenants, or languages, are few; more regions than these are an attempt at finer ones.
  private static let counts = [4, 16, capacity]
  private static let folds = 5
  /// Of taking regions that are worth nothing.
  private static let alpha = 0.05

  /// What came of trying regions.
  public struct Trial: Sendable {
    /// To be taken; nil where none is proven to be worth it.
    public let regions: StopRegions?
    /// Buffers of the best attempt against those without regions.
    public let ratio: Double
    /// Of that attempt touching no fewer, corrected for the number of attempts.
    public let p: Double
  }

  /// Tries regions on searches that a rule was not fitted to: buffers touched at a goal with and without them, in
  /// pairs, cross-validated.
  ///
  /// The regions themselves use what searches saw, not what they missed, so all searches may make them.
  ///
  /// - Parameters:
  ///   - searches: those for fitting.
  ///   - prior: of the rules.
  ///   - check: asked now and then whether to go on.
  /// - Returns: nil where there is nothing to try: not every query is known, or one lies too far out to be compared,
  ///   there are too few of them, or the goal is out of reach.
  /// - Throws: what `check` throws.
  /// - Source: Stone 1974, *Cross-validatory choice and assessment of statistical predictions*; `Holm`.
  public static func trial(
    on searches: [BatchedSearch], goal: RecallGoal, prior: StopPrior = .shipped,
    check: () throws(LearningError) -> Void = {}
  ) throws(LearningError) -> Trial? {
    guard let queries = try? VectorMatrix(searches.map(\.embedding)) else { return nil }
    let counts = Self.counts.filter { $0 * labelsPerRegion <= searches.count }
    guard !counts.isEmpty, let plain = try heldOutBuffers(searches, goal, prior, check), let before = plain.mean else {
      return nil
    }
    var attempts: [(regions: StopRegions, p: Double, ratio: Double)] = []
    for count in counts {
      let regions = try StopRegions(of: searches, at: queries, count: count, check)
      guard let scaled = try heldOutBuffers(regions.scaled(searches), goal, prior, check), let after = scaled.mean
      else { continue }
      let saved = Moments(zip(plain, scaled).lazy.map { Double($0) - Double($1) })
      attempts.append((regions, TTest(paired: saved)?.greater ?? 1, after / before))
    }
    let corrected = zip(attempts, Holm.adjusted(attempts.map(\.p)))
    let proven = corrected.filter { $0.1 < alpha }
    return (proven.isEmpty ? Array(corrected) : proven).min { $0.0.ratio < $1.0.ratio }.map { attempt, p in
      Trial(regions: p < alpha ? attempt.regions : nil, ratio: attempt.ratio, p: p)
    }
  }

  /// Of each search the buffers it touches under a rule fitted to the other folds, at the greatest multiplier at which
  /// all of them together reach the goal on average; nil where none does.
  private static func heldOutBuffers(
    _ searches: [BatchedSearch], _ goal: RecallGoal, _ prior: StopPrior, _ check: () throws(LearningError) -> Void
  ) throws(LearningError) -> [Float]? {
    var replays: [StopRuleReplay] = []
    for fold in 0..<folds {
      func isHeldOut(_ position: Int) -> Bool { position % folds == fold }
      let others = searches.indices.filter { !isHeldOut($0) }.map { searches[$0] }
      guard let rule = try StopRule.fitted(to: others, prior: prior, check: check) else { return nil }
      replays.append(
        StopRuleReplay(of: searches.indices.filter(isHeldOut).map { searches[$0] }, stages: rule.stages))
    }
    let replay = StopRuleReplay(replays)
    let critical = replay.criticalMultipliers()
    var (reaching, missing) = (0, critical.count)
    while reaching < missing {
      let middle = (reaching + missing) / 2
      let recall = replay.outcomes(at: critical[middle]).map(\.recall).mean ?? 0
      if recall >= goal.mean { reaching = middle + 1 } else { missing = middle }
    }
    return reaching > 0 ? replay.outcomes(at: critical[reaching - 1]).map(\.blocks) : nil
  }

  /// Regions by direction.  A scale is the geometric mean of the distance of the k-th row that the first batch found,
  /// in units of that of all, drawn towards 1 as by three searches more.
  private init(
    of searches: [BatchedSearch], at queries: VectorMatrix, count: Int, _ check: () throws(LearningError) -> Void
  ) throws(LearningError) {
    var random = SplitMix64(seed: UInt64(searches.count))
    let clusters = try KMeans(queries, clusters: count, metric: .cosine, random: &random, check: check)
    let logarithms = searches.map { search in
      search.stages.first.map { log(abs($0.facts.kth)) }.flatMap { $0.isFinite ? $0 : nil }
    }
    let all = Moments(logarithms.compactMap { $0 })
    let members = Dictionary(grouping: searches.indices, by: { clusters.assignments[$0] })
    var bank = try ReasoningBank(space: ParameterSpace([]), dimension: queries.dimension)
    var offsets: [Int64: Float] = [:]
    for (region, positions) in members {
      let own = Moments(positions.compactMap { logarithms[$0] })
      offsets[Int64(region) + 1] = Float(Double(own.count) * (own.mean - all.mean) / Double(own.count + 3))
      try bank.store(
        LearnedPattern(
          id: Int64(region) + 1, centroid: Array(clusters.centroids[region]), parameters: [], support: positions.count,
          confidence: 1, evidence: [], created: 0, updated: 0))
    }
    try self.init(image: BankImage.bytes(for: bank, offsets: offsets, random: &random, check: check))
  }
}
