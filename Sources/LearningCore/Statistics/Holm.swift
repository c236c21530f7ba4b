/// Correction of several tests made at once, which holds however they depend on each other.
///
/// - Source: Holm 1979, *A simple sequentially rejective multiple test procedure*.
public enum Holm {
  /// - Parameter p: of each test, 0...1.
  /// - Returns: in the same order; rejecting those at most α is wrong anywhere with probability at most α.
  /// - Complexity: O(tests × log tests).
  public static func adjusted(_ p: [Double]) -> [Double] {
    var adjusted = p
    var least = 0.0
    for (rank, position) in p.indices.sorted(by: { p[$0] < p[$1] }).enumerated() {
      least = max(least, min(1, Double(p.count - rank) * p[position]))
      adjusted[position] = least
    }
    return adjusted
  }
}
