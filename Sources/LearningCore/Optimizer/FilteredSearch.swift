/// When a filtered search in batches has seen enough.
///
/// If one row in ten passes, whatever the distance, the k nearest that pass are the first among about 10k nearest rows:
/// the search is one for these, and needs as many more rows as a search without a filter that asks for 10k.  How
/// many rows are that near is what the search itself sees, filter and distance may have much to do with each
/// other: its reach.  So the parameter that is learned is rows taken for each row within reach, told as
/// the `ef_search` at which a search without a filter, whose reach is k, takes as many.
public struct FilteredSearch: Sendable {
  private let k: Int32
  private let value: Int32
  private let least: Int32

  /// - Parameters:
  ///   - k: rows asked for, at least 1.
  ///   - value: rows taken for k within reach; 0: it is enough that k rows pass.
  ///   - least: rows to take in any case.
  public init(k: Int32, value: Int32, least: Int32) {
    self.k = max(k, 1)
    self.value = value
    self.least = max(least, k)
  }

  /// The rows to have taken after the next batch, nil when it is enough.
  ///
  /// Steps grow by 2^½ from max(k, 10), always the same ones wherever they begin: batches taken as one find the same.
  ///
  /// - Parameters:
  ///   - taken: so far.
  ///   - reach: rows, passing or not, that are as near as the k-th that passes; nil while fewer than k passed.
  /// - Complexity: O(log taken), allocates nothing.
  public func next(taken: Int32, reach: Int32?) -> Int32? {
    if let reach, taken >= least, Int64(taken) * Int64(k) >= Int64(value) * Int64(reach) { return nil }
    var step = Double(max(k, 10))
    while step.rounded() < Double(least) || step.rounded() <= Double(taken) { step *= 2.0.squareRoot() }
    return step.rounded() < Double(Int32.max) ? Int32(step.rounded()) : nil
  }
}
