import Glibc

/// Recall of searches on a whole table, from indexes of samples of it that were built alike: a fractional logit
/// in the features of a `SizeLaw`.
struct RecallExtrapolation {
  private let law: SizeLaw
  private let fit: FractionalLogit
  /// As if every measurement stood for itself, and the prior were known.
  private let information: PositiveDefinite
  /// All values of one index share its rows and the queries: together they say as much as one of them.  And the prior
  /// was told by the same samples.
  private let ownInformation: PositiveDefinite
  /// Variance of a measurement about the fit, in shares of that of single neighbours found or missed.
  ///
  /// - Source: McCullagh, Nelder 1989, *Generalized Linear Models*, §4.5.
  let dispersion: Double

  /// Nothing is believed, only that the equations have one solution.
  static let flat = FractionalLogit.Prior(slopes: .zero, strength: 1e-4)

  /// - Parameters:
  ///   - measurements: more than four, of at least two numbers of rows and two values.
  ///   - prior: what is believed of the slopes.
  /// - Returns: nil when there are too few of them.
  /// - Complexity: O(measurements²).
  init?(_ measurements: [SampleMeasurement], law: SizeLaw, prior: FractionalLogit.Prior) {
    guard measurements.count > 4, Set(measurements.map(\.rows)).count > 1, Set(measurements.map(\.value)).count > 1,
      let fit = FractionalLogit(
        measurements.map { (law.features(rows: $0.rows, value: $0.value), $0.recall) }, prior: prior)
    else { return nil }
    self.law = law
    self.fit = fit
    let deviation = law.deviation(of: measurements)
    var information = PositiveDefinite(
      diagonal: SIMD4(1e-12, prior.strength * deviation * deviation))
    var ownInformation = PositiveDefinite(diagonal: SIMD4(1e-12, Self.flat.strength * deviation * deviation))
    var residuals = 0.0
    for measurement in measurements {
      let point = SIMD4(1, law.features(rows: measurement.rows, value: measurement.value))
      let share = 1 / (1 + exp(-(fit.weights * point).sum()))
      // What is all but certain has no spread to speak of: a neighbour in a thousand is the least.
      let spread = max(share * (1 - share), 1e-3)
      information.add(point, weight: spread)
      ownInformation.add(point, weight: spread / Double(measurements.count { $0.rows == measurement.rows }))
      residuals += (measurement.recall - share) * (measurement.recall - share) / spread
    }
    self.information = information
    self.ownInformation = ownInformation
    dispersion = residuals / Double(measurements.count - 4)
  }

  /// What all these have in common: the slopes when they are taken for one.
  ///
  /// - Parameter measurements: of configurations that were measured at the same rows and values.
  static func common(_ measurements: [SampleMeasurement], law: SizeLaw) -> FractionalLogit.Prior {
    let rows = measurements.map { (law.features(rows: $0.rows, value: $0.value), $0.recall) }
    guard let fit = FractionalLogit(rows, prior: flat) else { return flat }
    let slopes = SIMD3(fit.weights.y, fit.weights.z, fit.weights.w) * law.deviation(of: measurements)
    // As much as a configuration's own measurements say, whose shares have a spread of some 0.05 each.
    return FractionalLogit.Prior(slopes: slopes, strength: 1)
  }

  func logOdds(rows: Double, value: Double) -> Double {
    (fit.weights * SIMD4(1, law.features(rows: rows, value: value))).sum()
  }

  /// Variance of `logOdds`: what the fit does not know.
  ///
  /// - Parameter isDifference: from that of another configuration; what the rows and queries of the samples do to both
  ///   cancels out.
  func variance(rows: Double, value: Double, isDifference: Bool) -> Double? {
    let point = SIMD4(1, law.features(rows: rows, value: value))
    return (isDifference ? information : ownInformation).solve(point).map { dispersion * max(0, (point * $0).sum()) }
  }
}

extension SizeLaw {
  fileprivate func deviation(of measurements: [SampleMeasurement]) -> SIMD3<Double> {
    let features = measurements.map { self.features(rows: $0.rows, value: $0.value) }
    let count = Double(max(1, features.count))
    let center = features.reduce(.zero, +) / count
    return (features.reduce(.zero) { $0 + ($1 - center) * ($1 - center) } / count).squareRoot()
  }
}
