/// Whether queries, oldest first, are of one mix.
///
/// A certificate speaks of the mix of queries that its labels were drawn from: it takes for granted that these are
/// exchangeable, and that is what is tested.  Each query is looked at from some places: its distance to each of the
/// first queries, and what else is known of it.  If two mixes differ, almost surely so do these distances.  From each
/// place a `ShiftDetector` watches the rank of the newest among all so far.
///
/// - Source: Chwialkowski, Ramdas, Sejdinovic, Gretton 2015, *Fast two-sample testing with analytic representations of
///   probability measures* (kernels at random places instead of the whole maximum mean discrepancy).
public enum QueryMix {
  /// The queries that the others' distances are measured to; they are not tested themselves.
  static let anchors = 16
  /// What else may be known.
  static let facts = 2
  /// When the mix changed is looked for among so many of the latest queries: the time it takes grows with their square.
  static let memory = 2000

  /// Queries of one mix until they are said not to be, on average, at the very least: within n, with probability
  /// n / patience at most.
  public static let patience = 50_000.0

  public struct Change: Equatable, Sendable {
    /// Position of the first query that is about the first of the new mix, and of the one with which it was noticed.
    public let since: Int
    public let noticed: Int
    /// Between the queries before and since, from the place that noticed it: the new mix has at least about this share
    /// of queries that the old one has not, 0...1 (Kolmogorov-Smirnov, a lower bound of the total variation).
    public let distance: Double
  }

  /// - Parameters:
  ///   - vectors: nil when they are not known.
  ///   - facts: at most two of each query, as columns as long as there are queries; NaN where unknown, which makes the
  ///     column one that says nothing.
  ///   - check: asked now and then whether to go on.
  /// - Returns: nil when nothing speaks against one mix.
  /// - Throws: `labels` for columns of other lengths, and what `check` throws.
  /// - Complexity: O(16 × (queries × (dimension + queries) + 2000²)).
  public static func change(
    vectors: VectorMatrix?, facts: [[Float]], using random: inout some RandomNumberGenerator,
    check: () throws(LearningError) -> Void = {}
  ) throws(LearningError) -> Change? {
    let count = vectors?.count ?? facts.first?.count ?? 0
    guard facts.count <= Self.facts, facts.allSatisfy({ $0.count == count }) else { throw .labels }
    guard count > anchors else { return nil }
    var columns = facts.map { Array($0[anchors...]) }.filter { !$0.contains(where: \.isNaN) }
    if let vectors {
      for anchor in 0..<anchors {
        try check()
        columns.append((anchors..<count).map { vectors.squaredDistance($0, vectors, anchor) })
      }
    }
    return try change(in: columns, check, &random)
  }

  private static func change(
    in columns: [[Float]], _ check: () throws(LearningError) -> Void, _ random: inout some RandomNumberGenerator
  ) throws(LearningError) -> Change? {
    var ranks = columns.map { _ in ConformalRanks() }
    var detectors = columns.map { _ in ShiftDetector() }
    for position in 0..<(columns.first?.count ?? 0) {
      if position.isMultiple(of: 100) { try check() }
      for column in columns.indices {
        detectors[column].observe(ranks[column].rank(of: columns[column][position], using: &random))
        // each place has its share of the false alarms
        if detectors[column].wealth >= patience * Double(anchors + Self.facts) {
          let latest = columns.map { $0[...position].suffix(memory) }
          let since = try ChangePoint.find(in: latest, check: check)
          return Change(
            since: anchors + latest[column].startIndex + since, noticed: anchors + position,
            distance: ChangePoint.Ascending(latest[column]).distance(since: since))
        }
      }
    }
    return nil
  }
}
