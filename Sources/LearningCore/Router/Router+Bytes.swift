/// A router as bytes that make the same router again, bit for bit, on any machine.
///
///     magic                                  4 bytes
///     parameters, features, hidden           UInt32 each
///     each parameter                         kind UInt32; scale UInt32, bounds Double × 2 | choices UInt32
///     means, deviations                      Double × features each
///     weights of the cell, of the heads      Double
///     errors                                 Double × parameters
///     FNV-1a of all before                   UInt64
///
/// All little-endian.
extension Router {
  private static let magic: UInt32 = 0x3152_5652

  private enum Kind: UInt32 {
    case integer = 0
    case float = 1
    case choice = 2
  }

  public var bytes: [UInt8] {
    var bytes: [UInt8] = []
    func append(_ number: some FixedWidthInteger) {
      withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
    }
    func append(_ numbers: [Double]) { for number in numbers { append(number.bitPattern) } }
    func append(_ kind: Kind, _ range: ClosedRange<Double>, _ scale: ParameterSpace.Scale) {
      append(kind.rawValue)
      append(UInt32(bitPattern: scale.rawValue))
      append([range.lowerBound, range.upperBound])
    }
    append(Self.magic)
    for count in [space.parameters.count, features, network.cell.hidden] { append(UInt32(clamping: count)) }
    for parameter in space.parameters {
      switch parameter {
      case .integer(let range, let scale): append(.integer, range, scale)
      case .float(let range, let scale): append(.float, range, scale)
      case .choice(let count):
        append(Kind.choice.rawValue)
        append(UInt32(clamping: count))
      }
    }
    append(standard.means)
    append(standard.deviations)
    append(network.weights)
    append(errors)
    append(Self.checksum(bytes[...]))
    return bytes
  }

  /// As many as a router of `RouterTrainer` has at most.
  public static func mostBytes(space: ParameterSpace, features: Int) -> Int {
    let hidden = RouterTrainer().hidden
    let numbers =
      2 * features + FastGRNNCell.size(inputs: features, hidden: hidden)
      + RouterNetwork.heads(of: space, hidden: hidden) + space.parameters.count
    return 24 + 24 * space.parameters.count + 8 * numbers
  }

  /// - Throws: `labels` for bytes that no router left.
  /// - Complexity: O(bytes).
  public init(bytes: [UInt8]) throws(LearningError) {
    var reader = Reader(rest: bytes.dropLast(8))
    var tail = Reader(rest: bytes.suffix(8))
    guard try tail.integer(UInt64.self) == Self.checksum(bytes.dropLast(8)),
      try reader.integer(UInt32.self) == Self.magic
    else { throw .labels }
    let parameters = try reader.count()
    let features = try reader.count()
    let hidden = try reader.count()
    var kinds: [ParameterSpace.Parameter] = []
    for _ in 0..<parameters { kinds.append(try reader.parameter()) }
    guard hidden >= 1, features >= 1 else { throw .labels }
    standard = Standardisation(means: try reader.doubles(features), deviations: try reader.doubles(features))
    let cell = try reader.doubles(FastGRNNCell.size(inputs: features, hidden: hidden))
    do {
      let space = try ParameterSpace(kinds)
      network = try RouterNetwork(
        space: space, cell: FastGRNNCell(inputs: features, hidden: hidden, weights: cell),
        heads: reader.doubles(RouterNetwork.heads(of: space, hidden: hidden)))
    } catch {
      throw .labels
    }
    errors = try reader.doubles(parameters)
    guard reader.rest.isEmpty, standard.means.allSatisfy(\.isFinite), standard.deviations.allSatisfy({ $0 > 0 }),
      errors.allSatisfy({ $0 >= 0 && $0.isFinite })
    else { throw .labels }
  }

  /// - Source: Fowler, Noll, Vo, *The FNV non-cryptographic hash algorithm*, FNV-1a of 64 bits.
  private static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    bytes.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
  }

  private struct Reader {
    var rest: ArraySlice<UInt8>

    mutating func integer<Number: FixedWidthInteger>(_: Number.Type) throws(LearningError) -> Number {
      let size = MemoryLayout<Number>.size
      guard rest.count >= size else { throw .labels }
      defer { rest = rest.dropFirst(size) }
      return rest.prefix(size).reversed().reduce(0) { $0 << 8 | Number(truncatingIfNeeded: $1) }
    }

    mutating func count() throws(LearningError) -> Int {
      let count = Int(try integer(UInt32.self))
      guard count <= FastGRNNCell.most else { throw .labels }
      return count
    }

    mutating func doubles(_ count: Int) throws(LearningError) -> [Double] {
      guard rest.count / 8 >= count else { throw .labels }
      var numbers: [Double] = []
      numbers.reserveCapacity(count)
      for _ in 0..<count { numbers.append(Double(bitPattern: try integer(UInt64.self))) }
      return numbers
    }

    mutating func parameter() throws(LearningError) -> ParameterSpace.Parameter {
      guard let kind = Kind(rawValue: try integer(UInt32.self)) else { throw .labels }
      if kind == .choice { return .choice(try count()) }
      guard let scale = ParameterSpace.Scale(rawValue: Int32(bitPattern: try integer(UInt32.self))) else {
        throw .labels
      }
      let bounds = try doubles(2)
      guard bounds[0] <= bounds[1] else { throw .labels }
      return kind == .integer ? .integer(bounds[0]...bounds[1], scale) : .float(bounds[0]...bounds[1], scale)
    }
  }
}
