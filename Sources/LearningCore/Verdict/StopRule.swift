/// When searches in batches end: a family of policies, one for each multiplier.
public struct StopRule: Sendable {
  /// At most this many multipliers.
  public static let capacity = 64

  /// One for each batch; a search ends after the last of them whatever it found.
  public let stages: [StopStage]
  /// Recall that one more buffer must bring, ascending: the dearest policy first.
  public let multipliers: [Float]
  /// Labels that the rule was fitted to.
  public let labels: Int

  /// - Throws: `range` (argument 3) with the count that cannot be; `labels` when the multipliers are not
  ///   positive and strictly ascending.
  public init(stages: [StopStage], multipliers: [Float], labels: Int) throws(LearningError) {
    guard (1...StageLadder.capacity).contains(stages.count) else { throw .range(value: stages.count, argument: 3) }
    guard (1...Self.capacity).contains(multipliers.count) else {
      throw .range(value: multipliers.count, argument: 3)
    }
    guard labels >= 0 else { throw .range(value: labels, argument: 3) }
    guard multipliers[0] > 0, zip(multipliers, multipliers.dropFirst()).allSatisfy({ $0 < $1 }) else { throw .labels }
    self.stages = stages
    self.multipliers = multipliers
    self.labels = labels
  }
}
