/// The access methods whose parameter is learned.
public enum IndexKind: Int32, Sendable {
  /// `hnsw.ef_search`: also a cap on the rows returned.
  case hnsw = 0
  /// `ivfflat.probes`.
  case ivfflat = 1

  /// The smallest value of the parameter at which pgvector can return k rows: it returns at most `ef_search`.
  @inlinable
  public func leastValue(k: Int32) -> Int32 { self == .hnsw ? k : 1 }

  /// What the first batch of a search takes: some rows, or the nearest list.
  func firstBatch(k: Int32) -> Int32 { self == .hnsw ? max(k, 10) : 1 }
}
