import Glibc

extension StopRegions {
  /// Labels behind a region, on average: a scale is known to a tenth then where distances spread by half of it.
  private static let labelsPerRegion = 25
  /// Tenants, or languages, are few; more regions than these are an attempt at finer ones.
  private static let counts = [4, 16, capacity]
  private static let folds = 5
  /// Of taking regions that say nothing.
  private static let alpha = 0.05
  /// At most so many are drawn; once so many of them save as much, p cannot be below `alpha` any more.
  private static let (permutations, enough) = (99, 5)

  /// What came of trying regions.
  public struct Trial: Sendable {
    /// To be taken; nil where none is proven to be worth it.
    public let regions: StopRegions?
    /// Buffers of the best attempt against those without regions.
    public let ratio: Double
    /// Of as good an attempt where queries say nothing about their searches.
    public let p: Double
  }

  /// Tries regions on searches that a rule was not fitted to: buffers touched at a goal with and without them,
  /// cross-validated.
  ///
  /// Both reach the goal on these very searches, and a few neighbours found by luck spare many buffers: the spread of
  /// the buffers does not tell how sure the saving is.  So the searches are dealt to the queries anew, again and again:
  /// were regions worth nothing, the true ones would be no better than most of those, whatever the number of attempts.
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
  /// - Source: Stone 1974, *Cross-validatory choice and assessment of statistical predictions*; Besag, Clifford 1991,
  ///   *Sequential Monte Carlo p-values*.
  public static func trial(
    on searches: [BatchedSearch], goal: RecallGoal, prior: StopPrior = .shipped,
    check: () throws(LearningError) -> Void = {}
  ) throws(LearningError) -> Trial? {
    guard let queries = try? VectorMatrix(searches.map(\.embedding)) else { return nil }
    let counts = Self.counts.filter { $0 * labelsPerRegion <= searches.count }
    guard !counts.isEmpty, let plain = try heldOutBuffers(searches, goal, prior, check) else { return nil }
    var random = SplitMix64(seed: UInt64(searches.count))
    var attempts: [KMeans] = []
    for count in counts {
      attempts.append(try KMeans(queries, clusters: count, metric: .cosine, random: &random, check: check))
    }
    /// The best attempt, where each query had the search at this position.
    func best(_ order: [Int]) throws(LearningError) -> (attempt: Int, ratio: Double)? {
      var best: (attempt: Int, ratio: Double)?
      for (attempt, clusters) in attempts.enumerated() {
        let regions = order.map { clusters.assignments[$0] }
        let scales = Self.offsets(of: regions, searches).map(exp)
        let scaled = zip(searches, regions).map { $0.scaled(by: scales[$1]) }
        guard let ratio = try heldOutBuffers(scaled, goal, prior, check).map({ $0 / plain }) else { continue }
        if ratio < best?.ratio ?? .infinity { best = (attempt, ratio) }
      }
      return best
    }
    var order = Array(searches.indices)
    guard let found = try best(order) else { return nil }
    var (drawn, asGood) = (0, 0)
    while drawn < permutations, asGood < enough {
      order.shuffle(using: &random)
      if let other = try best(order), other.ratio <= found.ratio { asGood += 1 }
      drawn += 1
    }
    let p = asGood < enough ? Double(asGood + 1) / Double(drawn + 1) : Double(asGood) / Double(drawn)
    // Most others may do harm: to be better than they are is not yet to save anything.
    let isWorthIt = p < alpha && found.ratio < 1
    let regions = isWorthIt ? try StopRegions(around: attempts[found.attempt], searches, random: &random, check) : nil
    return Trial(regions: regions, ratio: found.ratio, p: p)
  }

  /// Mean buffers of searches under rules fitted to the other folds, at the greatest multiplier at which all of them
  /// together reach the goal on average; nil where none does.
  private static func heldOutBuffers(
    _ searches: [BatchedSearch], _ goal: RecallGoal, _ prior: StopPrior, _ check: () throws(LearningError) -> Void
  ) throws(LearningError) -> Double? {
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
    return reaching > 0 ? replay.outcomes(at: critical[reaching - 1]).map(\.blocks).mean : nil
  }

  /// The logarithm of each region's scale: the geometric mean of the distance of the k-th row that the first batch
  /// found, in units of that of all, drawn towards 1 as by three searches more.
  private static func offsets(of regions: [Int], _ searches: [BatchedSearch]) -> [Double] {
    var all = Moments()
    var own = [Moments](repeating: Moments(), count: (regions.max() ?? -1) + 1)
    for (region, search) in zip(regions, searches) {
      guard let logarithm = search.stages.first.map({ log(abs($0.facts.kth)) }), logarithm.isFinite else { continue }
      all.add(logarithm)
      own[region].add(logarithm)
    }
    return own.map { Double($0.count) * ($0.mean - all.mean) / Double($0.count + 3) }
  }

  /// Regions by direction.
  private init(
    around clusters: KMeans, _ searches: [BatchedSearch], random: inout SplitMix64,
    _ check: () throws(LearningError) -> Void
  ) throws(LearningError) {
    var bank = try ReasoningBank(space: ParameterSpace([]), dimension: clusters.centroids.dimension)
    var offsets: [Int64: Float] = [:]
    for (region, offset) in Self.offsets(of: clusters.assignments, searches).enumerated() {
      let support = clusters.assignments.count { $0 == region }
      guard support > 0 else { continue }
      offsets[Int64(region) + 1] = Float(offset)
      try bank.store(
        LearnedPattern(
          id: Int64(region) + 1, centroid: Array(clusters.centroids[region]), parameters: [], support: support,
          confidence: 1, evidence: [], created: 0, updated: 0))
    }
    try self.init(image: BankImage.bytes(for: bank, offsets: offsets, random: &random, check: check))
  }
}
