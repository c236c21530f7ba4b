/// Sums over the components of two vectors: the same instructions, hence the same digits, wherever vectors are compared.
///
/// Vectors are bytes of as many Floats, aligned or not; the shorter one counts.
enum Kernel {
  typealias Vector = UnsafeRawBufferPointer

  private static let step = MemoryLayout<SIMD8<Float>>.size

  @inline(__always)
  static func dot(_ a: Vector, _ b: Vector) -> Float {
    sum(a, b, { $0 * $1 }, { $0 * $1 })
  }

  @inline(__always)
  static func squaredDistance(_ a: Vector, _ b: Vector) -> Float {
    sum(a, b, { ($0 - $1) * ($0 - $1) }, { ($0 - $1) * ($0 - $1) })
  }

  /// 1 / length; nil for a vector too short or too long to have a direction in Float.
  @inline(__always)
  static func inverseLength(ofSquare square: Float) -> Float? {
    square.isNormal ? 1 / square.squareRoot() : nil
  }

  /// Four sums side by side, since an addition has to wait for the one before.
  @inline(__always)
  private static func sum(
    _ a: Vector, _ b: Vector, _ term: (SIMD8<Float>, SIMD8<Float>) -> SIMD8<Float>, _ last: (Float, Float) -> Float
  ) -> Float {
    guard let p = a.baseAddress, let q = b.baseAddress else { return 0 }
    let bytes = min(a.count, b.count)
    @inline(__always) func terms(_ place: Int) -> SIMD8<Float> {
      term(
        p.loadUnaligned(fromByteOffset: place, as: SIMD8<Float>.self),
        q.loadUnaligned(fromByteOffset: place, as: SIMD8<Float>.self))
    }
    var (first, second) = (SIMD8<Float>.zero, SIMD8<Float>.zero)
    var place = 0
    while place &+ 2 &* step <= bytes {
      first += terms(place)
      second += terms(place &+ step)
      place &+= 2 &* step
    }
    var total = (first + second).sum()
    while place &+ 4 <= bytes {
      total += last(
        p.loadUnaligned(fromByteOffset: place, as: Float.self), q.loadUnaligned(fromByteOffset: place, as: Float.self))
      place &+= 4
    }
    return total
  }
}

extension [Float] {
  /// The vector with length 1; nil for one without direction.
  var direction: [Float]? {
    inverseLength.map { factor in map { $0 * factor } }
  }

  var inverseLength: Float? { Kernel.inverseLength(ofSquare: dot(self)) }

  func dot(_ other: [Float]) -> Float {
    withUnsafeBytes { own in other.withUnsafeBytes { Kernel.dot(own, $0) } }
  }
}
