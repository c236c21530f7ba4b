/// Chooses the parameter of a search from what was certified.
public enum SearchOptimizer {
  /// The smallest value certified for the target, unless someone or something stands against it; the
  /// user's own word counts before everything.
  ///
  /// Without a learned or pinned value the parameter is exactly the setting.
  ///
  /// - Parameter rungs: the evidence for this class of k, values ascending; empty when there is none.
  /// - Complexity: O(rungs), allocates nothing.
  @inlinable
  public static func plan<Rungs: RandomAccessCollection>(_ facts: SearchFacts, rungs: Rungs) -> SearchPlan
  where Rungs.Element == CertifiedRung, Rungs.Index == Int {
    func leave(_ source: SearchPlan.Source) -> SearchPlan {
      SearchPlan(parameter: facts.setting, source: source)
    }
    func accepted(_ value: Int32) -> Int32 { max(facts.minimum, min(value, facts.maximum)) }

    if facts.isSetByUser { return leave(.userSet) }
    if let pin = facts.pin { return SearchPlan(parameter: accepted(pin), source: .pinned) }
    if !facts.isAdaptive { return leave(.switchedOff) }
    if facts.mode != .apply { return leave(.observing) }
    guard let k = facts.k else { return leave(.unknownK) }
    if facts.isFiltered { return leave(.filtered) }
    // hnsw.ef_search is also the number of rows that pgvector returns at most.
    let rows = facts.kind == .hnsw ? k : 1
    guard rows <= facts.maximum,
      let rung = rungs.position(
        certifiedFor: facts.target, minSamples: facts.minSamples, setting: facts.setting)
    else { return leave(.uncertified) }
    return SearchPlan(parameter: accepted(max(rungs[rung].value, rows)), source: .learned, rung: rung)
  }
}
