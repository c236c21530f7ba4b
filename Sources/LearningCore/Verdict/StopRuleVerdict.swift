/// What the labels of one index and class of k prove about a stop rule: its multipliers tested from the
/// smallest up, on the labels that did not fit it.
///
/// A rule is kept until the labels for fitting have doubled, then it is fitted anew, to the first of them: as often as
/// they are judged before that rule is kept, it is the same.  Each fit is another chance to certify what misses the
/// target, but there are no more of them than doublings.
public struct StopRuleVerdict {
  /// At most this many rungs.
  public static let capacity = MultiplierSequence.capacity

  public let rule: StopRule
  /// Multipliers ascending: for the goal and for round numbers the greatest that is certified.
  public let rungs: [CertifiedRung]
  public let isFittedAnew: Bool
  /// Whether regions were worth it when it was fitted anew; nil when it was not, or there was nothing to try.
  public let regionsTrial: StopRegions.Trial?

  /// - Parameters:
  ///   - inForce: the rule so far.
  ///   - goal: what is asked for now; others can be asked of the rungs.
  ///   - minSamples: nothing is certified on fewer certifying labels.
  ///   - check: asked now and then whether to go on.
  /// - Returns: nil when there is no rule and too few labels for one.
  /// - Throws: what `check` throws.
  /// - Complexity: O(labels × stages × capacity × log (labels × stages)).
  public init?(
    judging labels: LabelMatrix, inForce: StopRule?, goal: RecallGoal, minSamples: Int,
    check: () throws(LearningError) -> Void = {}
  ) throws(LearningError) {
    var fitting = labels.searches(forFitting: true)
    var size = Swift.max(1, inForce?.labels ?? StopRule.leastLabels)
    while size * 2 <= fitting.count { size *= 2 }
    let isDue = inForce.map { size > $0.labels } ?? true
    fitting = Array(fitting.prefix(size))
    regionsTrial = isDue ? try StopRegions.trial(on: fitting, goal: goal, check: check) : nil
    let fitted = isDue ? try StopRule.fitted(to: fitting, regions: regionsTrial?.regions, check: check) : nil
    guard let rule = fitted ?? inForce else { return nil }
    let sequence = MultiplierSequence(
      rule.replay(of: labels.searches(forFitting: false)), minSamples: minSamples, time: labels.timeOfBatches)
    rungs = try sequence.rungs(for: goal, check)
    self.rule = rule
    isFittedAnew = fitted != nil
  }
}
