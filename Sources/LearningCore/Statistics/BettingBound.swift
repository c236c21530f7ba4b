/// One-sided confidence bounds for the mean of observations in 0...1, valid at every time at once.
///
/// Whether the mean could be as low as `m` is put to a game: starting with wealth 1, a share of it is staked
/// on each next observation lying above `m`, at odds that are fair if the mean is `m`.  Under that
/// hypothesis the wealth exceeds 1/α at any time with probability α at most (Ville's inequality), so an `m`
/// against which the wealth once reached 1/α is refuted, and the bound is the greatest refuted `m`.  Looking
/// after every observation costs nothing: there is no sample size to be fixed beforehand.
///
/// Several stakes are played side by side, each with its own part of the starting wealth: a mixture, which grows
/// nearly as fast as its best member.  The best for n observations of deviation σ is √(2 ln(1/α) / n) / σ.  Nobody
/// knows σ beforehand, but it is a part of √(m (1 − m)), the deviation of hits and misses with mean `m`: so stakes are
/// told in units of 1 / √(m (1 − m)), up to nearly the largest that is possible, `1/m`.  That one wins when few
/// observations must do, small ones close to the mean.  Every factor `1 + stake · (x − m)` falls with `m`, hence so
/// does the wealth, and bisection is exact.
///
/// - Source: Waudby-Smith, Ramdas 2023, *Estimating means of bounded random variables by betting*, §4 and
///   its appendix on diversified Kelly betting; Orabona, Jun 2021, *Tight concentrations and confidence sequences from the
///   regret of universal portfolio*.
public struct BettingBound: Sendable {
  private let enough: Double

  /// In units of 1 / √(m (1 − m)): the best for some 250, 2500 and 25000 observations of half the greatest deviation,
  /// as recalls of ten neighbours have it.
  private static let stakes = SIMD4(.infinity, 0.35, 0.11, 0.035)
  private static let start = SIMD4(0.25, 0.25, 0.4, 0.1)
  /// Of 1/m: at that itself an observation of 0 would end the game.
  private static let greatestShare = SIMD4(repeating: 0.98)
  private static let halvings = 26
  private static let observationsBetweenChecks = 4096

  /// - Parameter confidence: of each side by itself, in 0..<1.
  public init(confidence: Double) {
    enough = 1 / (1 - confidence)
  }

  /// The greatest mean below which the observations refute every mean.
  ///
  /// - Parameters:
  ///   - observations: each in 0...1, in the order in which they were made.
  ///   - check: asked now and then whether to go on.
  /// - Returns: 0...1, to within 2⁻²⁶ and never above the true bound; nil without observations.
  /// - Complexity: O(observations), some 26 passes.
  public func lower(
    _ observations: some Collection<Float>, check: () throws(LearningError) -> Void = {}
  ) throws(LearningError) -> Double? {
    try greatestRefuted(observations.lazy.map { Double($0) }, check)
  }

  /// The least mean above which the observations refute every mean; otherwise like `lower`.
  public func upper(
    _ observations: some Collection<Float>, check: () throws(LearningError) -> Void = {}
  ) throws(LearningError) -> Double? {
    guard let refuted = try greatestRefuted(observations.lazy.map { 1 - Double($0) }, check) else { return nil }
    return 1 - refuted
  }

  /// Whether the observations refute every mean up to `mean`, which is above 0; otherwise like `lower`.
  ///
  /// - Complexity: O(observations), one pass.
  public func refutes(
    _ mean: Double, _ observations: some Collection<Float>, check: () throws(LearningError) -> Void = {}
  ) throws(LearningError) -> Bool {
    try isRefuted(mean, observations.lazy.map { Double($0) }, check)
  }

  private func greatestRefuted(
    _ observations: some Collection<Double>, _ check: () throws(LearningError) -> Void
  ) throws(LearningError) -> Double? {
    guard !observations.isEmpty else { return nil }
    var refuted = 0.0
    var open = 1.0
    for _ in 0..<Self.halvings {
      let mean = (refuted + open) / 2
      if try isRefuted(mean, observations, check) { refuted = mean } else { open = mean }
    }
    return refuted
  }

  /// Whether the wealth of the game against `mean` has ever been enough.
  ///
  /// Wealth needs no logarithms: the game ends before it can grow large, and a share of it that is lost to
  /// underflow only makes the bound more cautious.
  private func isRefuted(
    _ mean: Double, _ observations: some Collection<Double>, _ check: () throws(LearningError) -> Void
  ) throws(LearningError) -> Bool {
    let odds = 1 / mean
    let shares = pointwiseMin(Self.stakes * (mean / max(0, 1 - mean)).squareRoot(), Self.greatestShare)
    var wealth = Self.start
    var untilCheck = Self.observationsBetweenChecks
    for observation in observations {
      wealth *= 1 + shares * (observation * odds - 1)
      if wealth.sum() >= enough { return true }
      untilCheck -= 1
      if untilCheck == 0 {
        try check()
        untilCheck = Self.observationsBetweenChecks
      }
    }
    return false
  }
}
