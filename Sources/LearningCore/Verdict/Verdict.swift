/// What the labels of one index and class of k prove, and what is to be put in force.
public struct Verdict {
  public enum State: Int32, Sendable {
    /// No value has enough labels.
    case collecting = 0
    /// More labels may certify something, or something that is not too dear.
    case undecided = 1
    /// Even the largest value is proven to miss the target (97.5 %).
    case unreachable = 2
    /// `choice` reaches the target (95 %).
    case certified = 3
  }

  /// What is asked of the labels.
  public struct Goal: Sendable {
    /// Both in (0, 1).
    public let recall: RecallGoal
    /// Nothing is chosen on fewer labels, at least 1.
    public let minSamples: Int
    /// The value in force without us, if known.
    public let setting: Int32?
    /// The stop rule so far, whether it is applied or not.
    public let rule: StopRule?
    /// What the last verdict has chosen for this recall.
    public let inForce: InForce?

    /// - Throws: `range` (argument 3).
    public init(
      recall: RecallGoal, minSamples: Int, setting: Int32? = nil, rule: StopRule? = nil, inForce: InForce? = nil
    ) throws(LearningError) {
      for share in [recall.mean, recall.tail].compactMap({ $0 }) {
        guard share > 0, share < 1 else { throw .range(value: share >= 1 ? 1 : 0, argument: 3) }
      }
      guard minSamples >= 1 else { throw .range(value: minSamples, argument: 3) }
      self.recall = recall
      self.minSamples = minSamples
      self.setting = setting
      self.rule = rule
      self.inForce = inForce
    }
  }

  public let state: State
  public let fixed: FixedValueVerdict
  /// nil when there is no stop rule.
  public let stopRule: StopRuleVerdict?
  /// What to put in force.
  public let choice: Choice?
  /// Buffers touched with the choice against those without us, on the same labels.
  public let cost: RatioInterval?
  /// The buffers that pgvector alone touches: median, 95th and 99th percentile.
  public let percentilesAtSetting: SIMD3<Float>?

  /// - Parameter check: asked now and then whether to go on.
  /// - Throws: what `check` throws.
  /// - Complexity: O(labels × values) and that of `StopRuleVerdict`.
  public init(
    judging labels: LabelMatrix, goal: Goal, check: () throws(LearningError) -> Void = {}
  ) throws(LearningError) {
    fixed = try FixedValueVerdict(
      judging: labels, minSamples: goal.minSamples, setting: goal.setting, check: check)
    stopRule = try StopRuleVerdict(
      judging: labels, inForce: goal.rule, goal: goal.recall, minSamples: goal.minSamples, check: check)
    let best = Choice(
      values: fixed.rungs, multipliers: stopRule?.rungs ?? [], goal: goal.recall, minSamples: goal.minSamples,
      setting: goal.setting, inForce: goal.inForce)
    if !fixed.rungs.contains(where: { $0.labels >= goal.minSamples }) {
      state = .collecting
    } else if best != nil {
      state = .certified
    } else if try FixedValueVerdict.isUnreachable(goal.recall, labels, check) {
      state = .unreachable
    } else {
      state = .undecided
    }
    choice = state == .certified ? best : nil
    percentilesAtSetting = labels.percentilesAtSetting
    switch (choice, stopRule) {
    case (.value(let position), _): cost = RatioInterval(labels.blocksAgainstSetting(at: fixed.rungs[position].value))
    case (.multiplier(let position, _), let stop?):
      cost = RatioInterval(labels.blocksAgainstSetting(under: stop.rule, at: stop.rungs[position].value))
    default: cost = nil
    }
  }
}
