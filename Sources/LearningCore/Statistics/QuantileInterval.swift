import Glibc

/// A quantile of a sample, with an interval that holds whatever the distribution is.
///
/// Of n independent draws, how many lie below the true quantile is binomial; so the order statistics between which it
/// lies with a given probability are known beforehand.  Ties only make the interval more cautious.
///
/// - Source: Hahn, Meeker 1991, *Statistical Intervals*, §5.2.
public struct QuantileInterval: Equatable, Sendable {
  /// By the nearest rank: the least number with at least `share` of the sample at or below it.
  public let quantile: Double
  /// nil when the sample is too small for a bound on this side.
  public let low: Double?
  public let high: Double?

  /// - Parameters:
  ///   - sample: in any order; finite.
  ///   - share: which quantile, above 0 and below 1.
  ///   - confidence: of the interval; half of the rest is left on each side.
  /// - Returns: nil without a sample, or for a share or a confidence that is not between 0 and 1.
  /// - Complexity: O(n log n).
  public init?(_ sample: [Double], share: Double, confidence: Double = 0.95) {
    guard !sample.isEmpty, share > 0, share < 1, confidence > 0, confidence < 1 else { return nil }
    let ordered = sample.sorted()
    let count = ordered.count
    let rank = Int((share * Double(count)).rounded(.up))
    quantile = ordered[min(max(rank, 1), count) - 1]
    let outside = (1 - confidence) / 2
    // As many as this many below it, or fewer, are too improbable: the next larger one is a lower bound.
    low = Self.improbable(outside, count, share).map { ordered[$0] }
    high = Self.improbable(outside, count, 1 - share).map { ordered[count - 1 - $0] }
  }

  /// The greatest number of successes that, with all smaller ones, has a probability of at most `outside`; nil if even
  /// none at all has more.
  private static func improbable(_ outside: Double, _ count: Int, _ share: Double) -> Int? {
    let n = Double(count)
    var probability = 0.0
    for successes in 0...count {
      let k = Double(successes)
      let ways = lgamma(n + 1).0 - lgamma(k + 1).0 - lgamma(n - k + 1).0
      probability += exp(ways + k * log(share) + (n - k) * log1p(-share))
      if probability > outside { return successes == 0 ? nil : successes - 1 }
    }
    return nil
  }
}
