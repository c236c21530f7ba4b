/// What the labels of one index and class of k prove about a stop rule: its multipliers tested from the
/// smallest up, on the labels that did not fit it.
///
/// A rule is kept until the labels for fitting have doubled, then it is fitted anew.  Each fit is another
/// chance to certify what misses the target, but there are no more of them than doublings.
public struct StopRuleVerdict {
  public let rule: StopRule
  /// Multipliers ascending.
  public let rungs: [CertifiedRung]
  public let isFittedAnew: Bool

  /// - Parameters:
  ///   - inForce: the rule so far.
  ///   - minSamples: nothing is certified on fewer certifying labels.
  ///   - check: asked now and then whether to go on.
  /// - Returns: nil when there is no rule and too few labels for one.
  /// - Throws: what `check` throws.
  /// - Complexity: O(labels × stages × multipliers).
  public init?(
    judging labels: LabelMatrix, inForce: StopRule?, minSamples: Int,
    check: () throws(LearningError) -> Void = {}
  ) throws(LearningError) {
    let fitting = labels.searches(forFitting: true)
    let isDue = inForce.map { fitting.count / 2 >= $0.labels } ?? true
    let fitted = isDue ? try StopRule.fitted(to: fitting, check: check) : nil
    guard let rule = fitted ?? inForce else { return nil }
    let replay = StopRuleReplay(of: labels.searches(forFitting: false), stages: rule.stages)
    var sequence = FixedSequence(minSamples: minSamples, time: labels.timeOfBatches)
    for multiplier in rule.multipliers {
      let outcomes = replay.outcomes(at: multiplier)
      try sequence.test(multiplier, recall: outcomes.map(\.recall), blocks: outcomes.map(\.blocks), check)
    }
    self.rule = rule
    rungs = sequence.rungs
    isFittedAnew = fitted != nil
  }
}
