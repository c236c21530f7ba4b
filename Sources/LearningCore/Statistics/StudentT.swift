import Glibc

/// Student's t distribution.
///
/// - Source: Student 1908, *The probable error of a mean*; the tail as a regularised incomplete beta function:
///   Abramowitz, Stegun 1964, 26.7.1; its continued fraction: NIST DLMF 8.17.22.
public struct StudentT: Equatable, Sendable {
  /// Degrees of freedom, above 0, need not be whole; infinite for the normal distribution.
  public let freedom: Double

  /// Beyond it logarithms of Γ lose more digits than the normal distribution does.
  private static let nearlyInfinite = 0x1p28

  public init(freedom: Double) {
    self.freedom = freedom
  }

  /// The probability of a value above `t`, to within 10⁻⁹ up to a million degrees of freedom, else 10⁻⁶ of itself.
  ///
  /// - Complexity: O(√freedom) at worst, near the middle of the distribution.
  public func upperTail(_ t: Double) -> Double {
    guard freedom <= Self.nearlyInfinite else { return erfc(t / 2.0.squareRoot()) / 2 }
    let odds = t * t / freedom
    let half = Self.incompleteBeta(1 / (1 + odds), complement: 1 / (1 + 1 / odds), freedom / 2, 0.5) / 2
    return t < 0 ? 1 - half : half
  }

  /// I_x(a, b); `complement` is 1 − x, given since it may be far smaller than what is lost by subtraction.
  private static func incompleteBeta(_ x: Double, complement: Double, _ a: Double, _ b: Double) -> Double {
    if x <= 0 { return 0 }
    if complement <= 0 { return 1 }
    return x < (a + 1) / (a + b + 2)
      ? fraction(x, complement: complement, a, b) : 1 - fraction(complement, complement: x, b, a)
  }

  /// I_x(a, b) where x is no greater than about (a + 1) / (a + b + 2), so that the fraction converges quickly.
  private static func fraction(_ x: Double, complement: Double, _ a: Double, _ b: Double) -> Double {
    let front = exp(lgamma(a + b).0 - lgamma(a).0 - lgamma(b).0 + a * log(x) + b * log(complement))
    let fraction = ContinuedFraction.value(first: 1) { n in
      let m = (n / 2).rounded(.down)
      let isEven = n == 2 * m
      let numerator = isEven ? m * (b - m) * x : -(a + m) * (a + b + m) * x
      return (numerator / (isEven ? (a + n - 1) * (a + n) : (a + n - 1) * (a + n)), 1)
    }
    return front / (a * fraction)
  }
}
