/// Chooses the parameter of a search from what was certified.
public enum SearchOptimizer {
  /// What is certified for the target and cheapest (see `Choice`), unless someone or something stands against it; the
  /// user's own word counts before everything.
  ///
  /// Without a learned or pinned value the parameter is exactly the setting; only that a filtered search begins at k at
  /// the least and goes on until k rows pass.
  ///
  /// - Parameters:
  ///   - rungs: the evidence for this class of k, values ascending; empty when there is none.
  ///   - multipliers: likewise that of a stop rule, multipliers ascending.
  /// - Complexity: O(rungs + multipliers), allocates nothing.
  @inlinable
  public static func plan<Rungs: RandomAccessCollection>(
    _ facts: SearchFacts, rungs: Rungs, multipliers: Rungs
  ) -> SearchPlan where Rungs.Element == CertifiedRung, Rungs.Index == Int {
    func leave(_ source: SearchPlan.Source) -> SearchPlan {
      SearchPlan(parameter: facts.setting, source: source)
    }
    func accepted(_ value: Int32) -> Int32 { max(facts.minimum, min(value, facts.maximum)) }

    if facts.isSetByUser { return leave(.userSet) }
    if let pin = facts.pin { return SearchPlan(parameter: accepted(pin), source: .pinned) }
    if !facts.isAdaptive { return leave(.switchedOff) }
    if facts.mode != .apply { return leave(.observing) }
    guard let k = facts.k else { return leave(.unknownK) }
    let least = facts.kind.leastValue(k: k)
    let ladder = StageLadder(facts.kind, k: k, maximum: facts.maximum)
    let canBatch = facts.canBatch && !ladder.isEmpty
    if facts.isFiltered {
      guard canBatch else { return leave(.filtered) }
      if case .value(let rung) = Choice(
        values: rungs, multipliers: rungs.prefix(0), goal: facts.goal, minSamples: facts.minSamples,
        setting: facts.setting, inForce: facts.inForce),
        let value = Int32(exactly: rungs[rung].value)
      {
        return SearchPlan(parameter: max(value, least), source: .learned, rung: rung, isFiltered: true)
      }
      return SearchPlan(parameter: max(facts.setting, least), source: .filtered, isFiltered: true)
    }
    guard least <= facts.maximum else { return leave(.uncertified) }
    switch Choice(
      values: rungs, multipliers: canBatch && facts.canFollowRule ? multipliers[...] : multipliers.prefix(0),
      goal: facts.goal, minSamples: facts.minSamples, setting: facts.setting,
      inForce: facts.inForce)
    {
    case .multiplier(let stop, let value):
      return SearchPlan(parameter: ladder[0], source: .learned, stop: stop, rung: value)
    case .value(let rung):
      guard let value = Int32(exactly: rungs[rung].value) else { return leave(.uncertified) }
      return SearchPlan(parameter: accepted(max(value, least)), source: .learned, rung: rung)
    case nil: return leave(.uncertified)
    }
  }
}
