/// When searches in batches end: a family of policies, one for each multiplier, the recall that one more buffer must
/// bring.
public struct StopRule: Sendable {
  /// One for each batch; a search ends after the last of them whatever it found.
  public let stages: [StopStage]
  /// Labels that the rule was fitted to.
  public let labels: Int
  /// What scales the distances that the stages read; nil where they read them as they are.
  public let regions: StopRegions?

  /// - Throws: `range` (argument 3) with the count that cannot be.
  public init(stages: [StopStage], labels: Int, regions: StopRegions? = nil) throws(LearningError) {
    guard (1...StageLadder.capacity).contains(stages.count) else { throw .range(value: stages.count, argument: 3) }
    guard labels >= 0 else { throw .range(value: labels, argument: 3) }
    self.stages = stages
    self.labels = labels
    self.regions = regions
  }

  /// What searches would have found and touched under it.
  public func replay(of searches: [BatchedSearch]) -> StopRuleReplay {
    StopRuleReplay(of: regions?.scaled(searches) ?? searches, stages: stages)
  }
}
