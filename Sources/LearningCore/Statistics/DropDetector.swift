/// Notices that the mean of observations in 0...1 has fallen below a level, whenever that happens.
///
/// As in `BettingBound`, shares of a wealth are staked on each observation lying below the level, at odds that are
/// fair while the mean is the level.  A mean that fell after a long good time would have that time's losses to make
/// up; so with every observation another game begins, with a wealth of 1 - level, and the sum of all their wealths is
/// watched.  While the mean is at the level or above, the sum grows by 1 - level an observation at most on average:
/// the alarm at `patience` is false within the first n observations with probability n · (1 - level) / patience at
/// most, and comes after patience / (1 - level) of them on average or later.  Above the level it is far rarer.
///
/// - Source: Shin, Ramdas, Rinaldo 2024, *E-detectors: a nonparametric framework for sequential change detection*
///   (the Shiryaev-Roberts e-detector, its mixture over bets); the bets: Waudby-Smith, Ramdas 2023.
public struct DropDetector: Equatable, Sendable {
  /// How much must be missing until a false alarm, at the very level, on average, at the very least: so many
  /// observations of 0.
  ///
  /// One such observation can multiply the wealth by 1 / (2 · (1 - level)), hence the unit: the nearer the level is to
  /// 1, the less may a single one say.  As great as lets half of the losses of 0.05 be noticed within 100 labels from
  /// level 0.95 up (docs/statistics.md has the replays); a false alarm costs the labels of another certificate.
  public static let patience = 250.0

  /// Of the largest stake.  Large ones notice a great loss after few observations, small ones a small loss at all.
  private static let shares = SIMD4(0.5, 0.3, 0.15, 0.06)

  /// The wealth of all games begun so far, by share; zero at the beginning.
  public private(set) var wealth: SIMD4<Double>
  /// That of the single game which has won most, at one share; 1 or less: none that goes on has won anything.
  public private(set) var best: Double

  public init(wealth: SIMD4<Double> = .zero, best: Double = 0) {
    self.wealth = wealth
    self.best = best
  }

  public var isAlarmed: Bool { wealth.sum() >= Self.patience }

  /// - Parameters:
  ///   - observation: 0...1.
  ///   - level: in 0..<1, the same for all of them.
  public mutating func observe(_ observation: Double, below level: Double) {
    let gain = (1 - observation) / (1 - level) - 1
    wealth = (wealth + 0.25 * (1 - level)) * (1 + Self.shares * gain)
    best = max(best, 1) * (1 + Self.shares[1] * gain)
  }
}
