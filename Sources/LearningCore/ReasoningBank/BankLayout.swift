/// Where things lie in a `BankImage`, in bytes from its start.
struct BankLayout: Equatable {
  let patterns: Int
  let dimension: Int
  let parameters: Int
  let groups: Int

  let ids: Int
  let confidences: Int
  let values: Int
  let starts: Int
  let offsets: Int
  let heads: Int
  let centroids: Int
  let bytes: Int

  static let magic: UInt64 = 0x4B4E_4142_5652_0A1A
  static let version: UInt32 = 1
  static let size = 8 + 4 + 4
  static let checksum = 24
  private static let counts = 32
  private static let header = 48

  /// With these no sum here leaves Int.
  private static let mostDimensions = 1 << 20
  private static let mostParameters = 1 << 16
  private static let mostPatterns = Int(UInt32.max)

  /// - Returns: nil for counts that cannot be.
  init?(patterns: Int, dimension: Int, parameters: Int, groups: Int) {
    guard (0...Self.mostPatterns).contains(patterns), (1...Self.mostDimensions).contains(dimension),
      (0...Self.mostParameters).contains(parameters), (0...patterns).contains(groups)
    else { return nil }
    self.patterns = patterns
    self.dimension = dimension
    self.parameters = parameters
    self.groups = groups
    ids = Self.header
    confidences = ids + 8 * patterns
    values = confidences + 8 * patterns
    starts = values + 8 * patterns * parameters
    offsets = starts + 4 * (groups + 1)
    heads = offsets + 4 * patterns
    centroids = heads + 4 * groups * dimension
    bytes = centroids + 4 * patterns * dimension
  }

  /// What a header says, nil unless there is one and all it speaks of is there.
  init?(header image: UnsafeRawBufferPointer) {
    guard image.count >= Self.header,
      image.loadUnaligned(fromByteOffset: 0, as: UInt64.self) == Self.magic,
      image.loadUnaligned(fromByteOffset: 8, as: UInt32.self) == Self.version
    else { return nil }
    func count(_ place: Int) -> Int { Int(image.loadUnaligned(fromByteOffset: place, as: UInt32.self)) }
    self.init(
      patterns: count(Self.counts), dimension: count(12), parameters: count(Self.counts + 4),
      groups: count(Self.counts + 8))
    let said = image.loadUnaligned(fromByteOffset: Self.size, as: UInt64.self)
    guard said == UInt64(bytes), bytes <= image.count else { return nil }
  }

  /// Writes a header; all else must be there, since it is summed up.
  func seal(_ image: UnsafeMutableRawBufferPointer) {
    image.storeBytes(of: Self.magic, as: UInt64.self)
    image.storeBytes(of: Self.version, toByteOffset: 8, as: UInt32.self)
    image.storeBytes(of: UInt32(dimension), toByteOffset: 12, as: UInt32.self)
    image.storeBytes(of: UInt64(bytes), toByteOffset: Self.size, as: UInt64.self)
    for (place, count) in [patterns, parameters, groups, 0].enumerated() {
      image.storeBytes(of: UInt32(count), toByteOffset: Self.counts + 4 * place, as: UInt32.self)
    }
    image.storeBytes(
      of: Self.checksum(of: UnsafeRawBufferPointer(image)), toByteOffset: Self.checksum, as: UInt64.self)
  }

  /// FNV-1a of all bytes but those of the checksum.
  ///
  /// - Source: Fowler, Noll, Vo, Eastlake 2025, RFC 9923, *The FNV non-cryptographic hash algorithm*.
  static func checksum(of image: UnsafeRawBufferPointer) -> UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for place in image.indices where !(checksum..<checksum + 8).contains(place) {
      hash = (hash ^ UInt64(image[place])) &* 0x100_0000_01B3
    }
    return hash
  }
}
