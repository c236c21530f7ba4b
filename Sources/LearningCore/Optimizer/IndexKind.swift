/// The access methods whose parameter is learned.
public enum IndexKind: Int32, Sendable {
  /// `hnsw.ef_search`: also a cap on the rows returned.
  case hnsw = 0
  /// `ivfflat.probes`.
  case ivfflat = 1
}
