/// Notices that numbers which were uniform on 0...1 and independent are so no longer, whenever that happens.
///
/// A `DropDetector` whose games stake on other things: on numbers that are too high, too low, too near the middle or
/// the ends.  Each factor has mean 1 over the uniform distribution.  While they are uniform, the wealth of all games
/// exceeds a level within n numbers with probability n / level at most.
///
/// - Source: Vovk, Petej, Nouretdinov, Ahlberg, Carlsson, Gammerman 2021, *Retrain or not retrain: conformal test
///   martingales for change-point detection* (the Shiryaev-Roberts statistic of a test martingale).
struct ShiftDetector {
  private var wealths = SIMD8<Double>.zero

  var wealth: Double { wealths.sum() }

  /// - Parameter number: 0...1.
  mutating func observe(_ number: Double) {
    wealths = (wealths + 0.125) * Self.gain(number)
  }

  private static func gain(_ number: Double) -> SIMD8<Double> {
    let height = 2 * number - 1
    let spread = 2 * abs(height) - 1
    let end = min(number, 1 - number)
    /// A share of the stake on the outermost numbers of one end.
    func tail(_ share: Double, within width: Double, isUpper: Bool) -> Double {
      1 - share + (end < width && (number > 0.5) == isUpper ? share / width : 0)
    }
    return SIMD8(
      1 + 0.7 * height, 1 - 0.7 * height, 1 + 0.7 * spread, 1 - 0.7 * spread,
      tail(0.3, within: 0.05, isUpper: false), tail(0.3, within: 0.05, isUpper: true),
      tail(0.15, within: 0.01, isUpper: false), tail(0.15, within: 0.01, isUpper: true))
  }
}
