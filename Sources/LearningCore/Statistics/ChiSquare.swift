import Glibc

/// The χ² distribution.
///
/// - Source: Pearson 1900; the tail as a regularised incomplete gamma function: Abramowitz, Stegun 1964, 26.4.19;
///   its series and continued fraction: NIST DLMF 8.7.1 and 8.9.2.
public struct ChiSquare: Equatable, Sendable {
  /// Degrees of freedom, finite, above 0.
  public let freedom: Double

  public init(freedom: Double) {
    self.freedom = freedom
  }

  /// The probability of a value above `x`: the survival function; 1 for an `x` of 0 or less.
  ///
  /// - Complexity: O(√freedom).
  public func upperTail(_ x: Double) -> Double {
    guard x > 0 else { return x.isNaN ? x : 1 }
    guard x.isFinite else { return 0 }
    let (a, half) = (freedom / 2, x / 2)
    let front = exp(a * log(half) - half - lgamma(a).0)
    if half < a + 1 {
      var (term, sum) = (1 / a, 1 / a)
      var n = a + 1
      while term > sum * .ulpOfOne {
        term *= half / n
        sum += term
        n += 1
      }
      return 1 - front * sum
    }
    return front
      / ContinuedFraction.value(first: half + 1 - a) { n in (-n * (n - a), half + 2 * n + 1 - a) }
  }
}
