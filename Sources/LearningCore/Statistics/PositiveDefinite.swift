/// Four linear equations whose matrix is symmetric and positive definite.
struct PositiveDefinite {
  private(set) var rows = [SIMD4<Double>](repeating: .zero, count: 4)

  init(diagonal: SIMD4<Double>) {
    for axis in 0..<4 { rows[axis][axis] = diagonal[axis] }
  }

  /// Adds weight × x xᵀ.
  mutating func add(_ x: SIMD4<Double>, weight: Double) {
    for axis in 0..<4 { rows[axis] += weight * x[axis] * x }
  }

  /// By elimination: like Cholesky's factors it needs no pivots.
  ///
  /// - Returns: nil when the matrix is not positive definite, or not finite.
  func solve(_ right: SIMD4<Double>) -> SIMD4<Double>? {
    var (matrix, solution) = (rows, right)
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
