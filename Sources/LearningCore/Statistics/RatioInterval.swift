/// The ratio of two means measured on the same subjects, with its 95 % interval.
public struct RatioInterval: Equatable, Sendable {
  public let ratio: Double
  /// nil when the data do not bound the ratio: fewer than two pairs, or a denominator that may be zero.
  public let bounds: ClosedRange<Double>?

  /// - Parameter pairs: one (numerator, denominator) for each subject, finite.
  /// - Returns: nil without pairs, or when the mean of the denominators is not positive.
  /// - Complexity: O(pairs).
  /// - Source: Fieller 1954, *Some problems in interval estimation*.
  public init?(_ pairs: [(numerator: Double, denominator: Double)]) {
    let count = Double(pairs.count)
    let x = pairs.reduce(0) { $0 + $1.numerator } / count
    let y = pairs.reduce(0) { $0 + $1.denominator } / count
    guard y > 0, x.isFinite else { return nil }
    ratio = x / y
    guard pairs.count >= 2 else {
      bounds = nil
      return
    }
    var xx = 0.0
    var yy = 0.0
    var xy = 0.0
    for (numerator, denominator) in pairs {
      xx += (numerator - x) * (numerator - x)
      yy += (denominator - y) * (denominator - y)
      xy += (numerator - x) * (denominator - y)
    }
    // The interval is where the quadratic a·r² − 2b·r + c of a ratio r is not positive.
    let t = Self.quantile(freedom: pairs.count - 1)
    let scale = t * t / (count * (count - 1))
    let a = y * y - scale * yy
    let b = x * y - scale * xy
    let c = x * x - scale * xx
    guard a > 0 else {
      bounds = nil
      return
    }
    let spread = max(0, b * b - a * c).squareRoot()
    bounds = (b - spread) / a <= (b + spread) / a ? (b - spread) / a...(b + spread) / a : nil
  }

  /// The 97.5 % quantile of Student's t, to within 0.2 %.
  ///
  /// - Source: Abramowitz, Stegun 1964, 26.7.5; exact for one and two degrees of freedom.
  private static func quantile(freedom: Int) -> Double {
    switch freedom {
    case 1: return 12.706205
    case 2: return 4.302653
    default:
      let n = Double(freedom)
      return 1.959964 + (2.372271 + (2.822500 + (2.555852 + 1.589536 / n) / n) / n) / n
    }
  }
}
