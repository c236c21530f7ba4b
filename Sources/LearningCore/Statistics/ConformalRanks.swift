/// Where each new score lies among all so far, as a probability: uniform on 0...1 and independent of those before, as
/// long as the scores are exchangeable, whatever their distribution.
///
/// - Source: Vovk, Gammerman, Shafer 2005, *Algorithmic learning in a random world*, theorem 8.2 (smoothed p-values).
struct ConformalRanks {
  /// Ascending.
  private var scores: [Float] = []

  /// The share of the scores so far, this one included, that are below it; equal ones by lot.
  ///
  /// - Parameter score: not NaN.
  /// - Complexity: O(scores).
  mutating func rank(of score: Float, using random: inout some RandomNumberGenerator) -> Double {
    let first = position { $0 < score }
    let behind = position { $0 <= score }
    scores.insert(score, at: first)
    return (Double(first) + Double.random(in: 0..<1, using: &random) * Double(behind - first + 1))
      / Double(scores.count)
  }

  /// Of the first score that is not `before`.
  private func position(_ before: (Float) -> Bool) -> Int {
    var (low, high) = (0, scores.count)
    while low < high {
      let middle = (low + high) / 2
      if before(scores[middle]) { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
