import Glibc

/// A logistic regression on three features whose targets are shares in 0...1, drawn by a ridge towards slopes
/// that were believed before.
///
/// The ridge acts on the features standardised to mean 0 and variance 1; the standardisation is then folded
/// back into the weights.  Its trace on the intercept keeps that finite when every target is 0 or 1.  To Bayes
/// these are the likeliest weights a posteriori, if the slopes are normal about the prior's beforehand.
///
/// Newton's method with steps that are halved until the loss falls: the penalised loss is strictly convex,
/// so there is one minimum and the same data always give the same weights.
///
/// - Source: Papke, Wooldridge 1996, *Econometric methods for fractional response variables*; le Cessie,
///   van Houwelingen 1992, *Ridge estimators in logistic regression*.
public struct FractionalLogit {
  /// Of (1, features) in the log odds, finite.
  public let weights: SIMD4<Double>

  public typealias Row = (features: SIMD3<Double>, target: Double)

  /// What is believed of the slopes before a row is seen.
  public struct Prior: Equatable, Sendable {
    /// In the log odds, of features standardised on the rows at hand: they have no unit, so they can come from
    /// data measured in another one.
    public let slopes: SIMD3<Double>
    /// The ridge: 1 / variance of each slope.
    public let strength: Double

    /// - Parameters:
    ///   - slopes: finite.
    ///   - strength: finite, above 0.
    public init(slopes: SIMD3<Double>, strength: Double) {
      self.slopes = slopes
      self.strength = strength
    }

    /// That they are small.
    public static let none = Prior(slopes: .zero, strength: 3)

    fileprivate var weights: SIMD4<Double> { SIMD4(0, slopes.x, slopes.y, slopes.z) }
    fileprivate var ridge: SIMD4<Double> { SIMD4(1e-6, strength, strength, strength) }
  }

  private static let iterations = 60

  /// - Parameters:
  ///   - rows: finite features, targets in 0...1.
  ///   - prior: counts for much while there are few rows.
  /// - Returns: nil without rows, or when numbers become too large to go on.
  /// - Complexity: O(rows), some 10 passes.
  public init?(_ rows: [Row], prior: Prior = .none) {
    guard !rows.isEmpty else { return nil }
    let count = Double(rows.count)
    let center = rows.reduce(.zero) { $0 + $1.features } / count
    let deviation = (rows.reduce(.zero) { $0 + ($1.features - center) * ($1.features - center) } / count).squareRoot()
    // A feature that does not vary beyond the precision of its measurement says nothing.
    let magnitude = center.replacing(with: -center, where: center .< 0)
    let scale = deviation.replacing(with: .infinity, where: deviation .<= 1e-6 * magnitude)
    let problem = rows.map { row in
      let standard = (row.features - center) / scale
      return (x: SIMD4(1, standard.x, standard.y, standard.z), target: row.target)
    }
    guard let standard = Self.minimum(problem, prior) else { return nil }
    let slopes = SIMD3(standard.y, standard.z, standard.w) / scale
    weights = SIMD4(standard.x - (slopes * center).sum(), slopes.x, slopes.y, slopes.z)
    guard (weights * 0).sum() == 0 else { return nil }
  }

  private static func minimum(
    _ rows: [(x: SIMD4<Double>, target: Double)], _ prior: Prior
  ) -> SIMD4<Double>? {
    let mean = rows.reduce(0) { $0 + $1.target } / Double(rows.count)
    let start = min(max(mean, 1e-4), 1 - 1e-4)
    var weights = prior.weights + SIMD4(log(start / (1 - start)), 0, 0, 0)
    var loss = loss(rows, prior, weights)
    for _ in 0..<iterations {
      let ridge = prior.ridge
      var gradient = ridge * (weights - prior.weights)
      var hessian = PositiveDefinite(diagonal: ridge)
      for (x, target) in rows {
        let share = 1 / (1 + exp(-(weights * x).sum()))
        gradient += (share - target) * x
        hessian.add(x, weight: share * (1 - share))
      }
      guard var step = hessian.solve(gradient) else { return nil }
      if (step * gradient).sum() < 1e-12 { return weights }
      var next = Self.loss(rows, prior, weights - step)
      while !(next <= loss), (step * gradient).sum() > 1e-12 {
        step /= 2
        next = Self.loss(rows, prior, weights - step)
      }
      weights -= step
      loss = next
    }
    return nil
  }

  private static func loss(
    _ rows: [(x: SIMD4<Double>, target: Double)], _ prior: Prior, _ weights: SIMD4<Double>
  ) -> Double {
    let strange = weights - prior.weights
    return rows.reduce((prior.ridge * strange * strange).sum() / 2) { sum, row in
      let logOdds = (weights * row.x).sum()
      return sum + max(logOdds, 0) + log1p(exp(-abs(logOdds))) - row.target * logOdds
    }
  }
}
