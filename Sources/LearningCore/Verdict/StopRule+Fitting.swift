import Glibc

extension StopRule {
  /// Fewer labels than these fit nothing that is worth certifying.
  public static let leastLabels = 12

  /// The mean recall on the fitted labels at the smallest and the greatest multiplier.
  private static let recalls = (dearest: 0.999, cheapest: 0.8)
  /// The multipliers begin so many times below: what few labels never saw missing may be missing elsewhere.
  private static let reserve = 30.0

  /// The rule that predicts best what these searches were missing after each stage, with multipliers that take
  /// their mean recall from above 0.999 to 0.8: half of them in equal ratios, half where what is missing changes
  /// in equal ratios.
  ///
  /// - Parameters:
  ///   - searches: those that were measured.
  ///   - prior: what is believed of the model beforehand.
  ///   - check: asked now and then whether to go on.
  /// - Returns: nil for fewer than `leastLabels` searches, or when no multiplier gives such a recall.
  /// - Throws: what `check` throws.
  /// - Complexity: O(searches × stages × log searches).
  public static func fitted(
    to searches: [BatchedSearch], prior: StopPrior = .shipped, check: () throws(LearningError) -> Void = {}
  ) throws(LearningError) -> StopRule? {
    guard searches.count >= leastLabels, let last = searches.map(\.stages.count).max(), last > 0 else { return nil }
    var stages: [StopStage] = []
    for stage in 0..<last - 1 {
      try check()
      stages.append(StopStage(fittedTo: searches.filter { $0.stages.count > stage + 1 }, after: stage, prior))
    }
    stages.append(StopStage(weights: .zero, nextBlocks: .infinity))
    let multipliers = multipliers(StopRuleReplay(of: searches, stages: stages))
    return multipliers.isEmpty
      ? nil : try StopRule(stages: stages, multipliers: multipliers, labels: searches.count)
  }

  private static func multipliers(_ replay: StopRuleReplay) -> [Float] {
    let critical = replay.criticalMultipliers()
    /// The greatest that still reaches it: recall falls as the multiplier rises.
    func greatest(reaching recall: Double) -> Float? {
      var (reaching, missing) = (0, critical.count)
      while reaching < missing {
        let middle = (reaching + missing) / 2
        if replay.recall(at: critical[middle]) >= recall { reaching = middle + 1 } else { missing = middle }
      }
      return reaching > 0 ? critical[reaching - 1] : nil
    }
    guard let cheapest = greatest(reaching: recalls.cheapest) else { return [] }
    let least = Double(greatest(reaching: recalls.dearest) ?? critical[0]) / reserve
    let missing = (least: 1 - recalls.dearest, greatest: 1 - recalls.cheapest)
    var chosen: Set<Float> = []
    for step in 0..<capacity / 2 {
      let share = Double(step) / Double(capacity / 2 - 1)
      chosen.insert(Float(least * pow(Double(cheapest) / least, share)))
      if let one = greatest(reaching: 1 - missing.least * pow(missing.greatest / missing.least, share)) {
        chosen.insert(one)
      }
    }
    return chosen.filter { $0 > 0 }.sorted()
  }
}

extension StopStage {
  /// - Parameter searches: those that measured the stage and the next one.
  fileprivate init(fittedTo searches: [BatchedSearch], after stage: Int, _ prior: StopPrior) {
    let rows = searches.map(\.stages[stage]).filter(\.facts.isKnown).map { measured in
      (features: measured.facts.contrasts, target: 1 - Double(measured.recall))
    }
    let next = searches.reduce(0) { $0 + Double($1.stages[stage + 1].blocks - $1.stages[stage].blocks) }
    if let fit = FractionalLogit(rows, prior: prior.after(stage)) {
      let (level, nearest, last) = (fit.weights.y, fit.weights.z, fit.weights.w)
      self.init(
        weights: SIMD4<Float>(SIMD4(fit.weights.x, nearest, level - nearest - last, last)),
        nextBlocks: Float(max(0, next / Double(searches.count))))
    } else {
      self.init(weights: .zero, nextBlocks: 0)
    }
  }
}
