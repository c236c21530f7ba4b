extension StopRule {
  /// Fewer labels than these fit nothing that is worth certifying.
  public static let leastLabels = 12

  /// Batches after which fewer than one search in so many would end are not looked at.
  static let rareEnds = 100

  /// The rule that predicts best what these searches were missing after each stage.
  ///
  /// - Parameters:
  ///   - searches: those that were measured.
  ///   - prior: what is believed of the model beforehand.
  ///   - regions: what scales the distances, if anything.
  ///   - check: asked now and then whether to go on.
  /// - Returns: nil for fewer than `leastLabels` searches, or when nothing is known of any stage.
  /// - Throws: what `check` throws.
  /// - Complexity: O(searches × stages).
  public static func fitted(
    to searches: [BatchedSearch], prior: StopPrior = .shipped, regions: StopRegions? = nil,
    check: () throws(LearningError) -> Void = {}
  ) throws(LearningError) -> StopRule? {
    let searches = regions?.scaled(searches) ?? searches
    guard searches.count >= leastLabels, let last = searches.map(\.stages.count).max(), last > 0 else { return nil }
    var stages: [StopStage] = []
    for stage in 0..<last - 1 {
      try check()
      stages.append(StopStage(fittedTo: searches.filter { $0.stages.count > stage + 1 }, after: stage, prior))
    }
    guard stages.contains(where: { $0.nextBlocks > 0 }) else { return nil }
    stages.append(StopStage(weights: .zero, nextBlocks: .infinity))
    return try StopRule(stages: stages, labels: searches.count, regions: regions)
  }
}

extension StopStage {
  /// - Parameter searches: those that measured the stage and the next one.
  fileprivate init(fittedTo searches: [BatchedSearch], after stage: Int, _ prior: StopPrior) {
    let known = searches.map(\.stages[stage]).filter(\.facts.isKnown)
    let rows = known.map { (features: $0.facts.contrasts, target: 1 - Double($0.recall)) }
    let next = searches.reduce(0) { $0 + Double($1.stages[stage + 1].blocks - $1.stages[stage].blocks) }
    if let fit = FractionalLogit(rows, prior: prior.after(stage)) {
      let (level, nearest, last) = (fit.weights.y, fit.weights.z, fit.weights.w)
      let fitted = StopStage(
        weights: SIMD4<Float>(SIMD4(fit.weights.x, nearest, level - nearest - last, last)),
        nextBlocks: Float(max(0, next / Double(searches.count))))
      let worths = known.map { fitted.worth(after: $0.facts) }.filter { !$0.isNaN }.sorted()
      let rare = worths.count / StopRule.rareEnds
      self.init(
        weights: fitted.weights, nextBlocks: fitted.nextBlocks,
        leastWorth: rare > 0 && fitted.nextBlocks > 0 ? Float(worths[rare]) : 0)
    } else {
      self.init(weights: .zero, nextBlocks: 0)
    }
  }
}
