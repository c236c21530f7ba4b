import Glibc

/// How what is measured on few rows goes on to many: straight in (1, ln value, s, s ln value), where s = rows^-exponent.
///
/// The more rows, the smaller the neighbourhood of a query against the whole, and the more alike the graph looks
/// around it: what is measured tends to a limit, and s to 0.  Of the powers tried, ln rows among them, -1/4 brought
/// recall and buffers of samples of 1.25 to 5 % nearest to those of whole tables; -1/5 and -1/3 are about as good,
/// so how far these lie apart belongs to the error.
///
/// - Source: measured, `Benchmarks/whatif`.
struct SizeLaw {
  static let measured = SizeLaw(exponent: 1 / 4.0)
  static let alternatives = (slow: SizeLaw(exponent: 1 / 5.0), fast: SizeLaw(exponent: 1 / 3.0))

  let exponent: Double

  func features(rows: Double, value: Double) -> SIMD3<Double> {
    let size = pow(rows, -exponent)
    return SIMD3(log(value), size, size * log(value))
  }
}

extension SIMD4<Double> {
  init(_ first: Double, _ rest: SIMD3<Double>) { self.init(first, rest.x, rest.y, rest.z) }
}
