/// Recall of a search against the exact neighbours, by distance or by identity.
public enum Recall {
  /// The share of the exact neighbours that the search found.
  ///
  /// A found row is correct when it is no farther than the last exact neighbour, so that ties at rank k
  /// all count.  A NaN is no distance: it is never correct, and no exact neighbour either.
  ///
  /// - Parameters:
  ///   - k: rows asked for.
  ///   - exact: distances of the exact neighbours, ascending; at most `k` are read, fewer when the table
  ///     has fewer rows.
  ///   - found: distances of the rows found, best first; at most `k` are read.
  /// - Returns: 0...1; nil without an exact neighbour (unknown is not zero).
  /// - Throws: `range` (argument 5) when `k` is less than 1.
  /// - Complexity: O(k), allocates nothing.
  /// - Source: Aumüller, Bernhardsson, Faithfull 2017 (ANN-Benchmarks), §2.
  public static func at(k: Int, exact: Span<Double>, found: Span<Double>) throws(LearningError) -> Double? {
    guard k >= 1 else { throw .range(value: k, argument: 5) }
    var neighbours = 0
    var farthest = -Double.infinity
    for rank in 0..<min(k, exact.count) where !exact[rank].isNaN {
      neighbours += 1
      farthest = max(farthest, exact[rank])
    }
    guard neighbours > 0 else { return nil }
    var correct = 0
    for rank in 0..<min(k, found.count) where found[rank] <= farthest { correct += 1 }
    return Double(min(correct, neighbours)) / Double(neighbours)
  }

  /// The share of the exact neighbours that the search found, where only their identifiers are known: a row that is as
  /// near as the last of them, but is not one of them, does not count.
  ///
  /// - Parameters:
  ///   - exact: identifiers of the exact neighbours.
  ///   - found: identifiers of the rows found; each counts once.
  /// - Returns: 0...1; nil without an exact neighbour.
  /// - Complexity: O(rows).
  public static func byIdentity(exact: Set<String>, found: Set<String>) -> Double? {
    exact.isEmpty ? nil : Double(exact.intersection(found).count) / Double(exact.count)
  }
}
