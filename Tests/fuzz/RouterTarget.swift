@testable import LearningCore

/// Bytes of a router that a table gave back: any, and those with the checksum that belongs to them.
///
/// A router that is read is written as it was, and decides within its space.
@Sendable func fuzzRouter(_ input: inout Input) {
  let bytes = Array(input.rest)
  look(bytes)
  let body = bytes.dropLast(8)
  let sum = body.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
  look(body + (0..<8).map { UInt8(truncatingIfNeeded: sum >> (8 * UInt64($0))) })
}

private func look(_ bytes: [UInt8]) {
  guard let router = try? Router(bytes: bytes) else { return }
  expect(router.bytes == bytes, "written as it was read")
  expect((try? Router(bytes: router.bytes)) != nil, "read as it was written")
  let space = router.space
  let highest = space.parameters.map { parameter in
    switch parameter {
    case .integer(let range, _), .float(let range, _): range.upperBound
    case .choice(let count): Double(count - 1)
    }
  }
  let sure = Router.Suggestion(pattern: 1, values: highest, confidence: 1)
  for features in [0, 1, -1e3, .greatestFiniteMagnitude] as [Double] {
    for suggestion in [nil, sure] {
      let features = [Double](repeating: features, count: router.features)
      guard let decision = try? router.decide(features, suggestion: suggestion) else { fatalError("no decision") }
      expect(space.contains(decision.values), "\(decision) of \(space)")
      expect((decision.sureness + [decision.confidence]).allSatisfy((0...1.000001).contains), "\(decision) of \(space)")
    }
  }
  for wrong in [[Double](repeating: .nan, count: router.features), [Double](repeating: 0, count: router.features + 1)] {
    expect((try? router.decide(wrong)) == nil, "features that cannot be")
  }
}
