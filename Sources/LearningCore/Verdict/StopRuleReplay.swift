/// Labelled searches under a stop rule: what they would have found and touched at any multiplier.
///
/// A search ends where the rule says, else after the last stage that the rule has and the label measured.
public struct StopRuleReplay {
  public struct Outcome: Sendable {
    /// Of the next batch, as the rule predicts it: `StopStage.worth`.
    let worth: Double
    public let recall: Float
    public let blocks: Float
  }

  /// For each search the stages at which a multiplier could end it, none of them empty.
  private let searches: [[Outcome]]

  /// - Parameter searches: those without a stage are left out.
  /// - Complexity: O(searches × stages); then as much for each multiplier.
  public init(of searches: [BatchedSearch], stages: [StopStage]) {
    self.searches = searches.lazy.filter { !$0.stages.isEmpty }.map { search in
      zip(stages, search.stages).map { stage, measured in
        Outcome(worth: stage.worth(after: measured.facts), recall: measured.recall, blocks: measured.blocks)
      }
    }
  }

  /// How each search ends, in order.
  public func outcomes(at multiplier: Float) -> [Outcome] {
    searches.map { end($0, Double(multiplier)) }
  }

  /// Mean.
  func recall(at multiplier: Float) -> Double {
    var sum = 0.0
    for search in searches { sum += Double(end(search, Double(multiplier)).recall) }
    return sum / Double(searches.count)
  }

  private func end(_ search: [Outcome], _ multiplier: Double) -> Outcome {
    search.first { $0.worth < multiplier } ?? search[search.count - 1]
  }

  /// The multipliers, ascending, above which some search ends earlier.
  func criticalMultipliers() -> [Float] {
    var critical: [Float] = []
    for stages in searches {
      var least = Float.infinity
      for stage in stages where Float(stage.worth) < least {
        least = Float(stage.worth)
        if least > 0 { critical.append(least) }
      }
    }
    return critical.sorted()
  }
}
