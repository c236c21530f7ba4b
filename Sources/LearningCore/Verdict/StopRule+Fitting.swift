import Glibc

extension StopRule {
  /// Fewer labels than these fit nothing that is worth certifying.
  public static let leastLabels = 50

  /// The mean misses (1 − recall) on the fitted labels between which multipliers are chosen.
  private static let misses = (least: 0.001, greatest: 0.2)

  /// The rule that predicts best what these searches were missing after each stage, with multipliers that
  /// take their mean recall from 0.999 to 0.8, in geometric steps of what is missing.
  ///
  /// - Parameters:
  ///   - searches: those that were measured.
  ///   - check: asked now and then whether to go on.
  /// - Returns: nil for fewer than `leastLabels` searches, or when no multiplier gives such a recall.
  /// - Throws: what `check` throws.
  /// - Complexity: O(searches × stages × log searches).
  public static func fitted(
    to searches: [BatchedSearch], check: () throws(LearningError) -> Void = {}
  ) throws(LearningError) -> StopRule? {
    guard searches.count >= leastLabels, let last = searches.map(\.stages.count).max(), last > 0 else { return nil }
    var stages: [StopStage] = []
    for stage in 0..<last - 1 {
      try check()
      stages.append(StopStage(fittedTo: searches.filter { $0.stages.count > stage + 1 }, after: stage))
    }
    stages.append(StopStage(weights: .zero, nextBlocks: .infinity, typicalWorth: 0))
    let multipliers = multipliers(StopRuleReplay(of: searches, stages: stages))
    return multipliers.isEmpty
      ? nil : try StopRule(stages: stages, multipliers: multipliers, labels: searches.count)
  }

  /// For each step of mean recall the greatest multiplier that still reaches it.
  private static func multipliers(_ replay: StopRuleReplay) -> [Float] {
    let critical = replay.criticalMultipliers()
    var chosen: [Float] = []
    for step in 0..<capacity {
      let share = Double(step) / Double(capacity - 1)
      let miss = misses.least * pow(misses.greatest / misses.least, share)
      // Recall falls as the multiplier rises.
      var (reaching, missing) = (0, critical.count)
      while reaching < missing {
        let middle = (reaching + missing) / 2
        if replay.recall(at: critical[middle]) >= 1 - miss { reaching = middle + 1 } else { missing = middle }
      }
      if reaching > 0, critical[reaching - 1] > chosen.last ?? 0 { chosen.append(critical[reaching - 1]) }
    }
    return chosen
  }
}

extension StopStage {
  /// - Parameter searches: those that measured the stage and the next one.
  fileprivate init(fittedTo searches: [BatchedSearch], after stage: Int) {
    let rows = searches.map(\.stages[stage]).filter(\.facts.isKnown).map { measured in
      (features: measured.facts.features, target: 1 - Double(measured.recall))
    }
    let next = searches.reduce(0) { $0 + Double($1.stages[stage + 1].blocks - $1.stages[stage].blocks) }
    let missing = searches.reduce(0) { $0 + 1 - Double($1.stages[stage].recall) }
    if let fit = FractionalLogit(rows) {
      self.init(
        weights: SIMD4<Float>(fit.weights), nextBlocks: Float(max(0, next / Double(searches.count))),
        typicalWorth: next > 0 ? Float(missing / next) : 0)
    } else {
      self.init(weights: .zero, nextBlocks: 0, typicalWorth: 0)
    }
  }
}
