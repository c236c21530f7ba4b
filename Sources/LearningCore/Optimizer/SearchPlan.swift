/// The parameter of one search, and on what grounds.
public struct SearchPlan: Equatable, Sendable {
  /// Where the parameter came from; if from pgvector, why.
  public enum Source: Int32, Sendable {
    /// Certified for the target.
    case learned = 0
    /// Set by the user in this session.
    case userSet = 1
    /// Pinned by the user.
    case pinned = 2
    /// Adaptive search is off.
    case switchedOff = 3
    /// Learning only looks on.
    case observing = 4
    /// No recall of filtered searches is certified.
    case filtered = 5
    /// k is not known beforehand.
    case unknownK = 6
    /// Nothing is certified for this target and k yet.
    case uncertified = 7
  }

  /// `ef_search` or `probes`; of a search in batches, what the first takes.
  public let parameter: Int32
  public let source: Source
  /// Position of the multiplier at which a stop rule ends the search; nil unless it is to search in batches.
  public let stop: Int?
  /// Position of the best fixed value among the rungs, used where no rule is; nil unless one was learned.
  public let rung: Int?
  /// The search has a filter, and goes on in batches until enough rows pass it: see `FilteredSearch`.
  public let isFiltered: Bool

  @inlinable
  init(parameter: Int32, source: Source, stop: Int? = nil, rung: Int? = nil, isFiltered: Bool = false) {
    self.parameter = parameter
    self.source = source
    self.stop = stop
    self.rung = rung
    self.isFiltered = isFiltered
  }
}
