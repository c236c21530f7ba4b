/// What the labels of one index and class of k prove about fixed values of its search parameter.
///
/// The values are tested from the largest down, each only if all larger ones passed: a fixed sequence,
/// where choosing the smallest that passes costs no confidence.  Falsely certifying any value takes a false
/// bound of the one largest value that misses the target, 5 % at most; and as the bounds hold at every time,
/// judging again after every label costs nothing either.  (A value that joins the sequence later, as when the
/// configured setting changes, brings 5 % of its own.)
///
/// - Source: Wiens 2003, *A fixed sequence Bonferroni procedure*; Angelopoulos et al. 2021, *Learn then
///   test*; the bounds: `BettingBound`.
public struct FixedValueVerdict {
  public enum State: Int32, Sendable {
    /// No value has enough labels.
    case collecting = 0
    /// More labels may certify a value, or one that is not too dear.
    case undecided = 1
    /// Even the largest value is proven to miss the target (95 %).
    case unreachable = 2
    /// `chosen` reaches the target (95 %).
    case certified = 3
    /// The applied value is proven to miss the target since it is in force; a false alarm has a
    /// probability of 1 % for each value put in force.  It outranks every other state, and nothing is chosen.
    case alarm = 4
  }

  /// What is asked of the labels.
  public struct Goal: Sendable {
    /// Mean recall to reach, in (0, 1).
    public let target: Double
    /// Nothing is chosen on fewer labels, at least 1.
    public let minSamples: Int
    /// The value in force without us, if known.
    public let setting: Int32?
    /// The learned value in force, if there is one.
    public let applied: Int32?
    /// The labels at the end that were taken since.
    public let appliedLabels: Int

    /// - Throws: `range` (argument 3).
    public init(
      target: Double, minSamples: Int, setting: Int32? = nil, applied: Int32? = nil, appliedLabels: Int = 0
    ) throws(LearningError) {
      guard target > 0, target < 1 else { throw .range(value: target >= 1 ? 1 : 0, argument: 3) }
      guard minSamples >= 1 else { throw .range(value: minSamples, argument: 3) }
      guard appliedLabels >= 0 else { throw .range(value: appliedLabels, argument: 3) }
      self.target = target
      self.minSamples = minSamples
      self.setting = setting
      self.applied = applied
      self.appliedLabels = appliedLabels
    }
  }

  /// The applied value since it is in force.
  public struct Watch: Sendable {
    public let labels: Int
    /// Mean.
    public let recall: Double
    /// 99 % upper bound of the mean.
    public let upper: Double
  }

  public let state: State
  public let rungs: [CertifiedRung]
  /// Position of the value to put in force.
  public let chosen: Int?
  /// Buffers touched with the chosen value against those without us, on the same labels.
  public let cost: RatioInterval?
  /// nil when no label measured an applied value.
  public let watch: Watch?

  private static let bound = BettingBound(confidence: 0.95)
  private static let alarmBound = BettingBound(confidence: 0.99)

  /// - Parameter check: asked now and then whether to go on.
  /// - Throws: what `check` throws.
  /// - Complexity: O(labels × rungs).
  public init(
    judging labels: LabelMatrix, goal: Goal, check: () throws(LearningError) -> Void = {}
  ) throws(LearningError) {
    rungs = try Self.climbDown(labels, goal.minSamples, check)
    watch = try Self.watch(labels, goal, check)
    let best = rungs.position(certifiedFor: goal.target, minSamples: goal.minSamples, setting: goal.setting)
    if let watch, watch.upper < goal.target {
      state = .alarm
    } else if !rungs.contains(where: { $0.labels >= goal.minSamples }) {
      state = .collecting
    } else if best != nil {
      state = .certified
    } else if try Self.isUnreachable(labels, goal.target, check) {
      state = .unreachable
    } else {
      state = .undecided
    }
    chosen = state == .certified ? best : nil
    cost = chosen.flatMap { RatioInterval(labels.blocksAgainstSetting(at: $0)) }
  }

  /// The rungs, each with the least of the bounds from it up.  A value that fewer than `minSamples` labels
  /// measured, or fewer than half as many as others, is not in the sequence: a new one must not hold back
  /// those that are well known, and how often it was measured says nothing of its recall.
  private static func climbDown(
    _ labels: LabelMatrix, _ minSamples: Int, _ check: () throws(LearningError) -> Void
  ) throws(LearningError) -> [CertifiedRung] {
    var rungs: [CertifiedRung] = []
    var least = 1.0
    let enough = max(minSamples, (labels.values.indices.map { labels.recall(at: $0).count }.max() ?? 0) / 2)
    for position in labels.values.indices.reversed() {
      let recall = labels.recall(at: position)
      let lower = recall.count < enough ? nil : try bound.lower(recall, check: check)
      if let lower { least = min(least, lower) }
      rungs.append(
        CertifiedRung(
          value: labels.values[position], labels: recall.count, recall: mean(recall).map { Float($0) },
          bound: lower == nil ? nil : Float(roundedDown: least),
          blocks: mean(labels.blocks(at: position)).map { Float($0) }))
    }
    return rungs.reversed()
  }

  private static func watch(
    _ labels: LabelMatrix, _ goal: Goal, _ check: () throws(LearningError) -> Void
  ) throws(LearningError) -> Watch? {
    guard let applied = goal.applied, let position = labels.values.firstIndex(of: applied) else { return nil }
    let recall = labels.recall(at: position, last: goal.appliedLabels)
    guard let mean = mean(recall), let upper = try alarmBound.upper(recall, check: check) else { return nil }
    return Watch(labels: recall.count, recall: mean, upper: upper)
  }

  /// Whether the largest value that was measured is proven to miss the target.
  private static func isUnreachable(
    _ labels: LabelMatrix, _ target: Double, _ check: () throws(LearningError) -> Void
  ) throws(LearningError) -> Bool {
    for position in labels.values.indices.reversed() {
      if let upper = try bound.upper(labels.recall(at: position), check: check) { return upper < target }
    }
    return false
  }

  private static func mean(_ measured: [Float]) -> Double? {
    measured.isEmpty ? nil : measured.reduce(0.0) { $0 + Double($1) } / Double(measured.count)
  }
}

extension Float {
  /// The greatest Float that is not above `value`.
  fileprivate init(roundedDown value: Double) {
    let nearest = Float(value)
    self = Double(nearest) > value ? nearest.nextDown : nearest
  }
}
