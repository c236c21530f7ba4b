/// A continued fraction b₀ + a₁ / (b₁ + a₂ / (b₂ + …)).
///
/// - Source: Lentz 1976, *Generating Bessel functions in Mie scattering calculations using continued fractions*;
///   Thompson, Barnett 1986, *Coulomb and Bessel functions of complex arguments and order* (zero denominators).
enum ContinuedFraction {
  /// Enough for the tails of Student's t and χ² at every degree of freedom that is not treated as infinite.
  private static let iterations = 100_000
  /// Stands for a zero in a denominator.
  private static let tiny = 1e-300

  /// - Parameters:
  ///   - first: b₀.
  ///   - term: (aₙ, bₙ) for n = 1, 2, ….
  /// - Returns: its value to double precision where it converges.
  static func value(first: Double, _ term: (Double) -> (a: Double, b: Double)) -> Double {
    func nonzero(_ number: Double) -> Double { number == 0 ? tiny : number }
    var value = nonzero(first)
    var (numerator, denominator) = (value, 0.0)
    for n in 1...iterations {
      let (a, b) = term(Double(n))
      denominator = 1 / nonzero(b + a * denominator)
      numerator = nonzero(b + a / numerator)
      let factor = numerator * denominator
      value *= factor
      if abs(factor - 1) <= 2 * Double.ulpOfOne { break }
    }
    return value
  }
}
