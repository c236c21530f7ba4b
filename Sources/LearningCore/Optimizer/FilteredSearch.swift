/// When a filtered search in batches has seen enough.
///
/// If one row in ten passes, whatever the distance, the k nearest that pass are the first among about 10k nearest rows:
/// the search is one for these.  How many rows are that near is what the search itself sees, filter and distance may
/// have much to do with each other: its reach.  So the parameter that is learned is what to take for k rows within
/// reach, and more is taken where the reach is larger.
///
/// On hnsw, in proportion: a search without a filter that asks for 10k rows needs ten times the rows.  The value is
/// told as the `ef_search` at which a search without a filter, whose reach is k, takes as many.  On ivfflat, by the
/// fourth root: the lists that hold a query's neighbours become more much more slowly than these.  Replayed on
/// 116,697 vectors of 384 dimensions in 341 lists, with filters that pass 1 % to 50 % of the rows, powers of 1/5 and
/// 1/4 took least of those from 0 to 1, and with 1/4 recall was the same at all pass rates.
public struct FilteredSearch: Sendable {
  private let kind: IndexKind
  private let k: Int32
  private let value: Int32
  private let least: Int32

  /// - Parameters:
  ///   - k: rows asked for, at least 1.
  ///   - value: rows or lists to take for k within reach; 0: it is enough that k rows pass.
  ///   - least: to take in any case.
  public init(_ kind: IndexKind, k: Int32, value: Int32, least: Int32) {
    self.kind = kind
    self.k = max(k, 1)
    self.value = value
    self.least = max(least, kind.leastValue(k: self.k))
  }

  /// What to have taken after the next batch, nil when it is enough.
  ///
  /// Steps grow by 2^½ from the first batch, always the same ones wherever they begin: batches taken as one find the
  /// same.
  ///
  /// - Parameters:
  ///   - taken: so far.
  ///   - reach: rows, passing or not, that are as near as the k-th that passes; nil while fewer than k passed.
  /// - Complexity: O(log taken), allocates nothing.
  public func next(taken: Int32, reach: Int32?) -> Int32? {
    if let reach, taken >= least, Double(taken) >= Double(value) * growth(reach) { return nil }
    var step = Double(kind.firstBatch(k: k))
    while step.rounded() < Double(least) || step.rounded() <= Double(taken) { step *= 2.0.squareRoot() }
    return step.rounded() < Double(Int32.max) ? Int32(step.rounded()) : nil
  }

  private func growth(_ reach: Int32) -> Double {
    let times = Double(reach) / Double(k)
    return kind == .hnsw ? times : times.squareRoot().squareRoot()
  }
}
