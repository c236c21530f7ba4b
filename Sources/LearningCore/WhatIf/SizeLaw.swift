import Glibc

/// How what is measured on few rows goes on to many: straight in (1, ln value, s, s ln value), where s = rows^-exponent.
///
/// The more rows, the smaller the neighbourhood of a query against the whole, and the more alike the graph looks
/// around it: what is measured tends to a limit, and s to 0.  Of the powers tried, and ln rows, these brought samples
/// of 1.25 to 5 % nearest to whole tables; their neighbours are about as good, so how far these lie apart belongs to
/// the error.
///
/// - Source: measured, docs/statistics.md.
struct SizeLaw {
  /// The first counts, then a slower and a faster one.
  static let recall = [SizeLaw(exponent: 1 / 4.0), SizeLaw(exponent: 1 / 5.0), SizeLaw(exponent: 1 / 3.0)]
  static let buffers = [SizeLaw(exponent: 1 / 3.0), SizeLaw(exponent: 1 / 4.0), SizeLaw(exponent: 1 / 2.0)]

  let exponent: Double

  func features(rows: Double, value: Double) -> SIMD3<Double> {
    let size = pow(rows, -exponent)
    return SIMD3(log(value), size, size * log(value))
  }
}

extension SIMD4<Double> {
  init(_ first: Double, _ rest: SIMD3<Double>) { self.init(first, rest.x, rest.y, rest.z) }
}
