/// What has become of a policy since it is in force, by labels that played no part in its choice.
public struct Watch: Equatable, Sendable {
  /// Labels seen, and their mean recall; nil before the first.
  public private(set) var labels: Int
  public private(set) var recall: Double?
  /// Likewise since nothing spoke for a loss: if there was one, since about then.
  public private(set) var recentLabels: Int
  public private(set) var recentRecall: Double?
  /// Of the mean, and of searches whose recall is not less than `RecallGoal.tailRecall`.
  public private(set) var mean: DropDetector
  public private(set) var tail: DropDetector

  public init(
    labels: Int = 0, recall: Double? = nil, recentLabels: Int = 0, recentRecall: Double? = nil,
    mean: DropDetector = DropDetector(), tail: DropDetector = DropDetector()
  ) {
    self.labels = labels
    self.recall = recall
    self.recentLabels = recentLabels
    self.recentRecall = recentRecall
    self.mean = mean
    self.tail = tail
  }

  public var isAlarmed: Bool { mean.isAlarmed || tail.isAlarmed }

  public mutating func observe(_ found: Float, goal: RecallGoal) {
    if max(mean.best, tail.best) <= 1 { (recentLabels, recentRecall) = (0, nil) }
    (labels, recall) = Self.added(Double(found), to: recall, of: labels)
    (recentLabels, recentRecall) = Self.added(Double(found), to: recentRecall, of: recentLabels)
    mean.observe(Double(found), below: goal.mean)
    if let share = goal.tail { tail.observe(found >= RecallGoal.tailRecall ? 1 : 0, below: share) }
  }

  private static func added(_ value: Double, to mean: Double?, of count: Int) -> (Int, Double) {
    (count + 1, ((mean ?? 0) * Double(count) + value) / Double(count + 1))
  }
}

extension Watch {
  /// What a search does by what was learned.
  public enum Applied: Sendable {
    case value(Int32)
    case stopRule(StopRule, multiplier: Float)
  }

  /// Until it is alarmed.  Labels that did not measure what is applied, or that fit a rule, say nothing.
  ///
  /// - Parameter labels: taken since it is in force, and not seen before.
  public mutating func observe(_ labels: LabelMatrix, of applied: Applied, goal: RecallGoal) {
    let recall: [Float]
    switch applied {
    case .value(let value):
      recall = labels.values.firstIndex(of: value).map { labels.recall(at: $0) } ?? []
    case .stopRule(let rule, let multiplier):
      recall = rule.replay(of: labels.searches(forFitting: false)).outcomes(at: multiplier).map(\.recall)
    }
    for found in recall where !isAlarmed { observe(found, goal: goal) }
  }
}
