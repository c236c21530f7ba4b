import Glibc

/// A logistic regression on three features whose targets are shares in 0...1, penalised by a ridge.
///
/// The ridge acts on the features standardised to mean 0 and variance 1; the standardisation is then folded
/// back into the weights.  Its trace on the intercept keeps that finite when every target is 0 or 1.
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

  private static let ridge = SIMD4<Double>(1e-6, 3, 3, 3)
  private static let iterations = 60

  /// - Parameter rows: finite features, targets in 0...1.
  /// - Returns: nil without rows, or when numbers become too large to go on.
  /// - Complexity: O(rows), some 10 passes.
  public init?(_ rows: [Row]) {
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
    guard let standard = Self.minimum(problem) else { return nil }
    let slopes = SIMD3(standard.y, standard.z, standard.w) / scale
    weights = SIMD4(standard.x - (slopes * center).sum(), slopes.x, slopes.y, slopes.z)
    guard (weights * 0).sum() == 0 else { return nil }
  }

  private static func minimum(_ rows: [(x: SIMD4<Double>, target: Double)]) -> SIMD4<Double>? {
    let mean = rows.reduce(0) { $0 + $1.target } / Double(rows.count)
    let start = min(max(mean, 1e-4), 1 - 1e-4)
    var weights = SIMD4(log(start / (1 - start)), 0, 0, 0)
    var loss = loss(rows, weights)
    for _ in 0..<iterations {
      var gradient = ridge * weights
      var hessian = (0..<4).map { axis in
        var row = SIMD4<Double>.zero
        row[axis] = ridge[axis]
        return row
      }
      for (x, target) in rows {
        let share = 1 / (1 + exp(-(weights * x).sum()))
        gradient += (share - target) * x
        for axis in 0..<4 { hessian[axis] += share * (1 - share) * x[axis] * x }
      }
      guard var step = solve(hessian, gradient) else { return nil }
      if (step * gradient).sum() < 1e-12 { return weights }
      var next = Self.loss(rows, weights - step)
      while !(next <= loss), (step * gradient).sum() > 1e-12 {
        step /= 2
        next = Self.loss(rows, weights - step)
      }
      weights -= step
      loss = next
    }
    return nil
  }

  private static func loss(_ rows: [(x: SIMD4<Double>, target: Double)], _ weights: SIMD4<Double>) -> Double {
    rows.reduce((ridge * weights * weights).sum() / 2) { sum, row in
      let logOdds = (weights * row.x).sum()
      return sum + max(logOdds, 0) + log1p(exp(-abs(logOdds))) - row.target * logOdds
    }
  }

  /// The solution of four equations whose matrix is symmetric and positive definite, by elimination: like
  /// Cholesky's factors it needs no pivots.
  private static func solve(_ matrix: [SIMD4<Double>], _ right: SIMD4<Double>) -> SIMD4<Double>? {
    var (matrix, solution) = (matrix, right)
    for pivot in 0..<4 {
      guard matrix[pivot][pivot] > 0, matrix[pivot][pivot].isFinite else { return nil }
      solution[pivot] /= matrix[pivot][pivot]
      matrix[pivot] /= matrix[pivot][pivot]
      for row in 0..<4 where row != pivot {
        solution[row] -= matrix[row][pivot] * solution[pivot]
        matrix[row] -= matrix[row][pivot] * matrix[pivot]
      }
    }
    return solution
  }
}
