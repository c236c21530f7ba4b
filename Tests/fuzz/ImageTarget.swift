import Glibc

@testable import LearningCore

/// Bytes that a table or a dump gave back: any, and those sealed as if they were written by us.
///
/// An image that is accepted finds what comparing one by one finds, and nothing that is not in it.
@Sendable func fuzzImage(_ input: inout Input) {
  var bytes = Array(input.rest)
  bytes.withUnsafeBytes { look($0) }
  bytes.withUnsafeMutableBytes { seal($0) }
  bytes.withUnsafeBytes { look($0) }
}

/// Makes the header and the checksum right where the counts allow it, so that only the content can be wrong.
private func seal(_ bytes: UnsafeMutableRawBufferPointer) {
  guard bytes.count >= 48 else { return }
  func count(_ place: Int) -> Int { Int(bytes.loadUnaligned(fromByteOffset: place, as: UInt32.self)) }
  guard
    let layout = BankLayout(patterns: count(32), dimension: count(12), parameters: count(36), groups: count(40)),
    layout.bytes <= bytes.count
  else { return }
  layout.seal(UnsafeMutableRawBufferPointer(rebasing: bytes[..<layout.bytes]))
}

private func look(_ bytes: UnsafeRawBufferPointer) {
  _ = BankImage(trusting: bytes)
  guard let image = BankImage(validating: bytes) else { return }
  let regions = try? StopRegions(image: Array(bytes))
  expect(regions?.checksum == image.checksum && regions?.dimension == image.dimension, "an image is one of regions too")
  // Without patterns there may be any dimension.
  guard image.dimension <= 1000 else { return }
  // What follows the header is as good a query as any.
  let query = (0..<image.dimension).map { place in
    let start = 48 + 4 * place
    return start + 4 <= bytes.count ? bytes.loadUnaligned(fromByteOffset: start, as: Float.self) : 1
  }
  for query in [query, query.map { _ in 1 }, query.map { _ in .nan }, query.map { _ in .greatestFiniteMagnitude }] {
    look(query, in: image)
  }
  look([Float](repeating: 1, count: image.dimension + 1), in: image)
}

private func look(_ query: [Float], in image: BankImage) {
  var matches = [BankImage.Match](repeating: BankImage.Match(), count: 3)
  let found = query.withUnsafeBufferPointer { query in
    matches.withUnsafeMutableBufferPointer { image.lookup(query, into: $0) }
  }
  expect(found <= min(3, image.count), "\(found) of \(image.count)")
  expect(found == 0 || query.count == image.dimension, "a query of another dimension")
  let near = matches.prefix(found)
  for match in near {
    expect((0..<image.count).contains(match.position) && match.id > 0, "\(match)")
    expect(abs(match.similarity) <= 1.001 && (0...1).contains(match.confidence), "\(match)")
    expect((0..<image.parameters).allSatisfy { image.parameter($0, of: match).isFinite }, "\(match)")
  }
  expect(zip(near, near.dropFirst()).allSatisfy { $0.similarity >= $1.similarity }, "\(near)")
  expect(image.parameter(image.parameters, of: BankImage.Match()).isNaN, "a parameter too many")
  let scale = query.withUnsafeBufferPointer { image.scale(at: $0) }
  expect(scale > 0 && scale.isFinite, "\(scale)")
  let spaces: [[ParameterSpace.Parameter]] = [
    Array(repeating: .float(-1e9...1e9, .linear), count: image.parameters),
    Array(repeating: .integer(1...1000, .logarithmic), count: image.parameters),
    Array(repeating: .choice(3), count: image.parameters),
  ]
  for parameters in spaces {
    guard let space = try? ParameterSpace(parameters), let suggestion = image.suggestion(for: query, in: space) else {
      continue
    }
    expect(space.contains(suggestion.parameters) && (0...1).contains(suggestion.confidence), "\(suggestion)")
    expect(suggestion.patterns == near.map(\.id), "\(suggestion)")
  }
}
