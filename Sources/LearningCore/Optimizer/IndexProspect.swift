/// What is known beforehand of a search on one of several indexes that could answer it.
public enum IndexProspect: Equatable, Sendable {
  /// What is certified for the goal will be applied: buffers and microseconds of a search on average, both above 0;
  /// no time while that is not known.  Beside them the fixed value whose searches touch as many buffers, for pgvector's
  /// own estimate; nil for filtered searches, which it does not know.
  case certified(blocks: Float, microseconds: Float?, value: Int32?)
  /// It will run at pgvector's setting, whose measured recall is below the goal on average.
  case missing(recall: Float)
  /// It will run at pgvector's setting, of which nothing is measured, or nothing bad.
  case open
  /// The user has said how to search, or learning only looks on, or k is not known: there is nothing to choose by.
  case settled

  /// What `SearchOptimizer` would do on the index, and what labels say of that.
  ///
  /// - Parameters: as those of `SearchOptimizer.plan`.
  /// - Complexity: O(rungs + multipliers), allocates nothing.
  @inlinable
  public init<Rungs: RandomAccessCollection>(_ facts: SearchFacts, rungs: Rungs, multipliers: Rungs)
  where Rungs.Element == CertifiedRung, Rungs.Index == Int {
    func isCost(_ measured: Float) -> Bool { measured > 0 && measured.isFinite }
    let plan = SearchOptimizer.plan(facts, rungs: rungs, multipliers: multipliers)
    self = .open
    switch plan.source {
    case .learned:
      let rung = plan.stop.map { multipliers[$0] } ?? plan.rung.map { rungs[$0] }
      if let rung, let blocks = rung.blocks, isCost(blocks) {
        let alike = rungs.first { ($0.blocks ?? 0) >= blocks } ?? rungs.last
        let value = facts.isFiltered ? nil : alike.flatMap { Int32(exactly: $0.value) }
        self = .certified(
          blocks: blocks, microseconds: rung.microseconds.flatMap { isCost($0) ? $0 : nil },
          value: value.map { max(facts.minimum, facts.kind.leastValue(k: facts.k ?? 1), min($0, facts.maximum)) })
      }
    case .uncertified, .filtered:
      // Labels of filtered searches tell of those in batches only.
      guard plan.isFiltered == facts.isFiltered else { return }
      if let rung = rungs.first(where: { $0.value == Float(facts.setting) }), let recall = rung.recall,
        rung.seemsToMiss(facts.goal, minSamples: facts.minSamples)
      {
        self = .missing(recall: recall)
      }
    case .userSet, .pinned, .switchedOff, .observing, .unknownK: self = .settled
    }
  }
}
