/// Labelled searches under a stop rule: what they would have found and touched at any multiplier.
///
/// A search ends where the rule says, else after the last stage that the rule has and the label measured.  Should a
/// later batch have found less, the least from there on counts: then the recall of every search falls, or stays,
/// as the multiplier rises.
public struct StopRuleReplay {
  public struct Outcome: Sendable {
    /// Greater multipliers end the search here, or before.
    let worth: Double
    public let recall: Float
    public let blocks: Float
  }

  /// For each search the stages at which a multiplier could end it, their worth falling to 0.
  private let searches: [[Outcome]]

  /// - Parameter searches: those without a stage are left out.
  /// - Complexity: O(searches × stages); then as much for each multiplier.
  public init(of searches: [BatchedSearch], stages: [StopStage]) {
    self.searches = searches.lazy.map { Self.ends($0, stages) }.filter { !$0.isEmpty }
  }

  /// Those of several replays, one after the other.
  init(_ replays: [StopRuleReplay]) {
    searches = replays.flatMap(\.searches)
  }

  private static func ends(_ search: BatchedSearch, _ stages: [StopStage]) -> [Outcome] {
    var recall = Float.infinity
    let recalls = search.stages.prefix(stages.count).reversed().map { stage in
      recall = min(recall, stage.recall)
      return recall
    }
    var least = Double.infinity
    var ends: [Outcome] = []
    for (position, recall) in recalls.reversed().enumerated() {
      let measured = search.stages[position]
      let worth = position == recalls.count - 1 ? 0 : stages[position].worth(after: measured.facts)
      if worth < least { ends.append(Outcome(worth: worth, recall: recall, blocks: measured.blocks)) }
      least = worth < least ? worth : least
    }
    return ends
  }

  /// How each search ends, in order.
  ///
  /// - Parameter multiplier: above 0.
  public func outcomes(at multiplier: Float) -> [Outcome] {
    searches.map { ends in ends.first { $0.worth < Double(multiplier) } ?? ends[ends.count - 1] }
  }

  /// The multipliers, ascending, above which some search ends earlier: between two of them nothing changes.
  public func criticalMultipliers() -> [Float] {
    searches.joined().lazy.map { Float($0.worth) }.filter { $0 > 0 }.sorted()
  }
}
