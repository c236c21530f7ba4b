import Glibc

/// What libFuzzer calls with each input: the target that FUZZ_TARGET names.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  var input = Input(UnsafeBufferPointer(start: start, count: count))
  target(&input)
  return 0
}

private let targets: [String: @Sendable (inout Input) -> Void] = [
  "bank": fuzzBank, "image": fuzzImage, "numbers": fuzzNumbers, "router": fuzzRouter, "schedule": fuzzSchedule,
  "search": fuzzSearch, "verdict": fuzzVerdict,
]

private let target = {
  let name = getenv("FUZZ_TARGET").map { String(cString: $0) } ?? ""
  guard let target = targets[name] else { fatalError("FUZZ_TARGET is none of \(targets.keys.sorted())") }
  return target
}()

/// What must hold whatever the input is.
func expect(_ holds: Bool, _ what: @autoclosure () -> String, line: UInt = #line, file: StaticString = #fileID) {
  if !holds { fatalError("not so: \(what())", file: file, line: line) }
}

/// Bytes as numbers; when they run out, zeros.
struct Input {
  private(set) var rest: ArraySlice<UInt8>

  init(_ bytes: UnsafeBufferPointer<UInt8>) { rest = Array(bytes)[...] }

  mutating func byte() -> UInt8 { rest.popFirst() ?? 0 }
  mutating func flag() -> Bool { byte() & 1 == 1 }

  /// Any integer.
  mutating func bits<Number: FixedWidthInteger>(_: Number.Type = Number.self) -> Number {
    (0..<Number.bitWidth / 8).reduce(0) { number, _ in number << 8 | Number(truncatingIfNeeded: byte()) }
  }

  /// Mostly small, at times any.
  mutating func integer<Number: FixedWidthInteger & SignedInteger>(_: Number.Type = Number.self) -> Number {
    let kind = byte()
    switch kind {
    case ..<192: return Number(truncatingIfNeeded: Int(kind) - 16)
    case ..<224: return Number(truncatingIfNeeded: bits(Int16.self))
    case ..<240: return kind.isMultiple(of: 2) ? .max - Number(kind % 16) / 2 : .min + Number(kind % 16) / 2
    default: return bits()
    }
  }

  mutating func count(_ range: ClosedRange<Int>) -> Int {
    let width = range.count
    return range.lowerBound + Int(width <= 256 ? UInt16(byte()) : bits(UInt16.self)) % width
  }

  /// Any number: most are shares or whole, some are what numbers seldom are.
  mutating func double() -> Double {
    let kind = byte()
    switch kind {
    case ..<112: return Double(kind) / 100
    case ..<160: return Double(byte()) / 255
    case ..<208: return Double(bits(Int16.self))
    case ..<240: return Self.odd[Int(kind) % Self.odd.count]
    default: return Double(bitPattern: bits())
    }
  }

  mutating func float() -> Float { Float(double()) }
  mutating func doubles(_ count: Int) -> [Double] { (0..<count).map { _ in double() } }
  mutating func floats(_ count: Int) -> [Float] { (0..<count).map { _ in float() } }

  private static let odd: [Double] = [
    .nan, .infinity, -.infinity, -0.0, .leastNonzeroMagnitude, .leastNormalMagnitude, .ulpOfOne,
    .greatestFiniteMagnitude,
    -.greatestFiniteMagnitude, Double(Float.greatestFiniteMagnitude), Double(Float.leastNonzeroMagnitude), 1e300, -1e30,
    0x1p31, 0x1p53, 0x1p63,
  ]
}

extension Double {
  /// A share, or not known.
  var isShare: Bool { isNaN || (0...1).contains(self) }
}

extension Float {
  var isShare: Bool { Double(self).isShare }
}
