/// A function that is linear in up to four features, fitted by weighted least squares.
struct LeastSquares {
  let weights: SIMD4<Double>
  /// Of a point of weight 1 about the function.
  let variance: Double
  private let normal: PositiveDefinite

  /// - Parameter points: features, of which those that are not wanted are 0; finite targets; weights above 0.
  /// - Returns: nil for fewer points than features, or when they lie too badly.
  /// - Complexity: O(points).
  init?(_ points: [(features: SIMD4<Double>, target: Double, weight: Double)]) {
    let size = points.reduce(SIMD4<Double>.zero) { $0 + $1.weight * $1.features * $1.features }
    let wanted = (0..<4).count { size[$0] > 0 }
    guard points.count >= wanted, wanted > 0 else { return nil }
    // A ridge far below what is known keeps the equations solvable where two features say the same.
    var normal = PositiveDefinite(diagonal: (size * 1e-10).replacing(with: 1, where: size .== 0))
    var right = SIMD4<Double>.zero
    for point in points {
      normal.add(point.features, weight: point.weight)
      right += point.weight * point.target * point.features
    }
    guard let weights = normal.solve(right), (weights * 0).sum() == 0 else { return nil }
    self.weights = weights
    self.normal = normal
    let residuals = points.reduce(0) { sum, point in
      let residual = point.target - (weights * point.features).sum()
      return sum + point.weight * residual * residual
    }
    variance = points.count > wanted ? residuals / Double(points.count - wanted) : 0
  }

  /// - Returns: the function's value, and its standard error.
  func callAsFunction(_ features: SIMD4<Double>) -> (value: Double, error: Double)? {
    guard let unknown = normal.solve(features) else { return nil }
    let error = (variance * max(0, (features * unknown).sum())).squareRoot()
    let value = (weights * features).sum()
    return value.isFinite && error.isFinite ? (value, error) : nil
  }
}
