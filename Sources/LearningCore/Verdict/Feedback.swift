/// What a user said of the rows of one search.
public struct Feedback: Equatable, Sendable {
  /// Identifiers.
  public let relevant: Set<String>
  public let irrelevant: Set<String>

  /// - Parameters:
  ///   - relevant: identifiers in any order; duplicates count once.
  ///   - irrelevant: likewise.
  /// - Throws: `labels` when an identifier is in both.
  public init(relevant: [String], irrelevant: [String]) throws(LearningError) {
    self.relevant = Set(relevant)
    self.irrelevant = Set(irrelevant)
    guard self.relevant.isDisjoint(with: self.irrelevant) else { throw .labels }
  }

  /// What the feedback says of rows.  What it says nothing of is nil.
  public struct Judgement: Equatable, Sendable {
    public struct Scores: Equatable, Sendable {
      /// Share of the judged rows among them that are relevant.
      public let precision: Double?
      /// Share of the relevant identifiers that are among them.
      public let recall: Double?
    }

    /// Of the rows returned.
    public let returned: Scores
    /// Of the exact neighbours: what exact search would have got.
    public let exact: Scores?
    /// Share of the exact neighbours that was returned, each weighted by how relevant it is: 1, 0, or if nobody judged
    /// it, what the others lead to expect, (relevant + 1) / (judged + 2).
    ///
    /// - Source: Laplace's rule of succession.
    public let weightedRecall: Double?
  }

  /// Judges one search.
  ///
  /// - Parameters:
  ///   - returned: identifiers in any order; duplicates count once.
  ///   - exact: those of the exact neighbours, likewise, if known.
  ///   - trustsUnreturned: whether a relevant identifier counts as missed though no search brought it up.  If not,
  ///     recall is of those returned or among the exact neighbours, unknown without exact neighbours: it would be 1.
  /// - Complexity: O(identifiers).
  public func judge(returned: [String], exact: [String]? = nil, trustsUnreturned: Bool) -> Judgement {
    let returned = Set(returned)
    let neighbours = exact.map { Set($0) }
    let findable = trustsUnreturned ? relevant : neighbours.map { relevant.intersection($0.union(returned)) }
    func scores(_ rows: Set<String>) -> Judgement.Scores {
      let hits = rows.intersection(relevant).count
      let misses = rows.intersection(irrelevant).count
      return Judgement.Scores(
        precision: Self.share(hits, of: hits + misses), recall: findable.flatMap { Self.share(hits, of: $0.count) })
    }
    return Judgement(
      returned: scores(returned), exact: neighbours.map(scores),
      weightedRecall: neighbours.flatMap { weightedRecall(returned, of: $0) })
  }

  private func weightedRecall(_ returned: Set<String>, of neighbours: Set<String>) -> Double? {
    let hits = neighbours.intersection(relevant).count
    let judged = hits + neighbours.intersection(irrelevant).count
    let expected = Double(hits + 1) / Double(judged + 2)
    func relevance(_ rows: Set<String>) -> Double {
      let (relevant, irrelevant) = (rows.intersection(relevant).count, rows.intersection(irrelevant).count)
      return Double(relevant) + expected * Double(rows.count - relevant - irrelevant)
    }
    let total = relevance(neighbours)
    return total > 0 ? relevance(neighbours.intersection(returned)) / total : nil
  }

  private static func share(_ part: Int, of whole: Int) -> Double? { whole > 0 ? Double(part) / Double(whole) : nil }
}
