import Glibc

/// Buffers that a search of a whole table touches, from indexes of samples of it that were built alike.
///
/// - hnsw: their logarithm is straight in the features of `SizeLaw`.
/// - ivfflat: centroids and, for each probe, the pages of a list, which grow with the rows.
struct BufferExtrapolation {
  private let kind: IndexKind
  private let law: SizeLaw
  private let fit: LeastSquares

  /// - Returns: nil when there is too little to go by.
  /// - Complexity: O(measurements).
  init?(_ kind: IndexKind, _ measurements: [SampleMeasurement], law: SizeLaw) {
    let points = measurements.map { measurement -> (features: SIMD4<Double>, target: Double, weight: Double) in
      switch kind {
      case .hnsw:
        (SIMD4(1, law.features(rows: measurement.rows, value: measurement.value)), log(measurement.buffers), 1)
      case .ivfflat:
        (
          SIMD4(1, measurement.value * measurement.rows, 0, 0), measurement.buffers,
          1 / (measurement.buffers * measurement.buffers)
        )
      }
    }
    guard Set(measurements.map(\.rows)).count > 1, let fit = LeastSquares(points) else { return nil }
    self.kind = kind
    self.law = law
    self.fit = fit
  }

  /// - Returns: the logarithm of the buffers, with its variance.
  func logarithm(rows: Double, value: Double) -> (value: Double, variance: Double)? {
    switch kind {
    case .hnsw:
      return fit(SIMD4(1, law.features(rows: rows, value: value))).map {
        ($0.value, $0.error * $0.error + fit.variance)
      }
    case .ivfflat:
      guard let (buffers, error) = fit(SIMD4(1, value * rows, 0, 0)), buffers > 0 else { return nil }
      return (log(buffers), error * error / (buffers * buffers) + fit.variance)
    }
  }
}
