import LearningCore
import Testing

struct BankImageTests {
  private func bytes(_ bank: ReasoningBank, offsets: [Int64: Float] = [:], seed: UInt64 = 1) throws -> [UInt8] {
    var random = SplitMix64(seed: seed)
    return try BankImage.bytes(for: bank, offsets: offsets, random: &random)
  }

  private func lookup(_ image: BankImage, _ query: [Float], most: Int = 3) -> [BankImage.Match] {
    var matches = [BankImage.Match](repeating: BankImage.Match(), count: most)
    let found = query.withUnsafeBufferPointer { query in
      matches.withUnsafeMutableBufferPointer { image.lookup(query, into: $0) }
    }
    return Array(matches.prefix(found))
  }

  /// Hands the bytes over at an address that is aligned to nothing.
  private func withImage<Result>(
    _ bytes: [UInt8], _ body: (BankImage?) throws -> Result
  ) rethrows -> Result {
    try ([0] + bytes).withUnsafeBytes { padded in
      try body(BankImage(validating: UnsafeRawBufferPointer(rebasing: padded.dropFirst())))
    }
  }

  @Test func holdsWhatTheBankHolds() throws {
    let space = try ParameterSpace([.integer(0...1000, .linear), .choice(3), .float(0...1, .linear)])
    var clustered = Clustered(centers: 4, dimension: 5, seed: 1)
    let patterns = (1...9).map { id in
      LearnedPattern(
        id: Int64(id) << 40, centroid: clustered.vector(near: id), parameters: [Double(id), Double(id % 3), 0.25],
        support: id, confidence: Double(id) / 10, evidence: [], created: 0, updated: 0)
    }
    var bank = try ReasoningBank(space: space, dimension: 5, patterns: patterns)
    try bank.buildHierarchy(identifier: 1 << 50, now: 0)
    let bytes = try bytes(bank, offsets: [2 << 40: -1.5, 77: 3])
    #expect(bytes.count == BankImage.size(patterns: 9, dimension: 5, parameters: 3))
    try withImage(bytes) { image in
      let image = try #require(image)
      #expect(image.count == 9 && image.dimension == 5 && image.parameters == 3)
      for pattern in patterns {
        let match = try #require(lookup(image, pattern.centroid).first)
        #expect(match.id == pattern.id && match.confidence == pattern.confidence && abs(match.similarity - 1) < 1e-6)
        #expect(match.offset == (pattern.id == 2 << 40 ? -1.5 : 0))
        #expect((0..<3).map { image.parameter($0, of: match) } == pattern.parameters)
        #expect(image.parameter(3, of: match).isNaN && image.parameter(0, of: .init(position: 9)).isNaN)
        #expect(image.suggestion(for: pattern.centroid, in: space) == bank.suggestion(for: pattern.centroid))
      }
      #expect(image.suggestion(for: patterns[0].centroid, in: Clustered.space) == nil)
      #expect(lookup(image, patterns[0].centroid, most: 2).count == 2 && lookup(image, [1, 2]).isEmpty)
      #expect(lookup(image, [0, 0, 0, 0, 0]).isEmpty && lookup(image, [1, .nan, 0, 0, 0]).isEmpty)
    }
  }

  /// Same matches, same digits, whatever the dimension leaves over.
  @Test(arguments: [1, 2, 7, 8, 16, 17, 31]) func belowTheBorderItIsBruteForce(dimension: Int) throws {
    var clustered = Clustered(centers: 9, dimension: dimension, seed: 2)
    let bank = try clustered.bank(BankImage.grouped - 1, noise: 1)
    try withImage(try bytes(bank)) { image in
      let image = try #require(image)
      for query in 0..<20 {
        let query = clustered.vector(near: query, noise: 2)
        let (found, expected) = (lookup(image, query), bank.lookup(query))
        #expect(found.map(\.id) == expected.map(\.pattern.id))
        #expect(found.map(\.similarity) == expected.map(\.similarity))
      }
    }
  }

  /// Of the true three, on queries between the patterns of 20 clusters; random groups would find about a tenth.
  @Test(arguments: [3, 4, 5]) func groupsFindNearlyAll(seed: UInt64) throws {
    var clustered = Clustered(centers: 20, seed: seed)
    let bank = try clustered.bank(600, noise: 0.4)
    try withImage(try bytes(bank, seed: seed)) { image in
      let image = try #require(image)
      var hits = 0
      for query in 0..<200 {
        let query = clustered.vector(near: query, noise: 0.4)
        let (found, expected) = (lookup(image, query), bank.lookup(query))
        #expect(found.count == 3 && found.map(\.similarity) == found.map(\.similarity).sorted(by: >))
        hits += Set(found.map(\.id)).intersection(expected.map(\.pattern.id)).count
      }
      #expect(Double(hits) / 600 >= 0.95)
    }
  }

  @Test func isTheSameForTheSameSeed() throws {
    var clustered = Clustered(centers: 5, dimension: 6, seed: 6)
    let bank = try clustered.bank(BankImage.grouped, noise: 1)
    #expect(try bytes(bank, seed: 7) == bytes(bank, seed: 7))
    #expect(try bytes(bank, seed: 7) != bytes(bank, seed: 8))
  }

  @Test func anEmptyBankAnswersNothing() throws {
    try withImage(try bytes(ReasoningBank(space: Clustered.space, dimension: 3))) { image in
      let image = try #require(image)
      #expect(lookup(image, [1, 2, 3]).isEmpty)
    }
  }

  @Test func aPatternWithoutDirectionIsNearNothing() throws {
    var clustered = Clustered(centers: 1, dimension: 2, seed: 7)
    let bank = try ReasoningBank(
      space: Clustered.space, dimension: 2,
      patterns: [clustered.pattern(1, [0, 0]), clustered.pattern(2, clustered.vector(near: 0))])
    try withImage(try bytes(bank)) { image in
      let found = lookup(try #require(image), clustered.centers[0])
      #expect(found.map(\.id) == [2, 1] && found[1].similarity == 0)
    }
  }

  @Test func tenThousandPatternsAreLessThan100Megabytes() throws {
    #expect(try #require(BankImage.size(patterns: 10_000, dimension: 384, parameters: 8)) < 100_000_000)
    #expect(BankImage.size(patterns: -1, dimension: 384, parameters: 1) == nil)
    #expect(BankImage.size(patterns: .max, dimension: .max, parameters: .max) == nil)
    var clustered = Clustered(centers: 20, dimension: 3, seed: 8)
    let size = try #require(BankImage.size(patterns: 300, dimension: 3, parameters: 1))
    #expect(try bytes(clustered.bank(300, noise: 1)).count == size)
  }

  @Test func refusesOffsetsThatAreNone() throws {
    let bank = try ReasoningBank(space: Clustered.space, dimension: 3)
    for offset in [.nan, .infinity, 1000, -1000] as [Float] {
      #expect(throws: LearningError.range(value: 5, argument: 2)) { try bytes(bank, offsets: [5: offset]) }
    }
  }

  /// FNV-1a of all bytes but the checksum's own, written again.
  private func sealed(_ bytes: [UInt8]) -> [UInt8] {
    guard bytes.count >= 32 else { return bytes }
    var hash: UInt64 = 14_695_981_039_346_656_037
    for byte in bytes[..<24] + bytes[32...] { hash = (hash ^ UInt64(byte)) &* 1_099_511_628_211 }
    var sealed = bytes
    for place in 0..<8 { sealed[24 + place] = UInt8(truncatingIfNeeded: hash >> (8 * UInt64(place))) }
    return sealed
  }

  /// Any change is seen; with a checksum that fits, the image is refused or answers within its bounds.
  @Test(arguments: [4, BankImage.grouped]) func hostileBytesDoNoHarm(patterns: Int) throws {
    var clustered = Clustered(centers: 3, dimension: 2, seed: 9)
    let good = try bytes(clustered.bank(patterns, noise: 1))
    #expect(sealed(good) == good && withImage(good) { $0 != nil } && withImage(good + [1, 2, 3]) { $0 != nil })
    var random = SplitMix64(seed: UInt64(patterns))
    let mutations = patterns == 4 ? 9_000 : 1_000
    var (answered, refused) = (0, 0)
    for mutation in 0..<mutations {
      var bad = good
      if mutation % 10 == 0 { bad.removeLast(Int.random(in: 1...bad.count, using: &random)) }
      // half of them in the header, the counts and sizes
      let end = mutation % 2 == 0 ? min(48, bad.count) : bad.count
      for _ in 0..<Int.random(in: 1...4, using: &random) where end > 0 {
        let place = Int.random(in: 0..<end, using: &random)
        bad[place] ^= UInt8.random(in: 1...255, using: &random)
      }
      if bad != good { #expect(withImage(bad) { $0 == nil }) }
      withImage(sealed(bad)) { image in
        guard let image else {
          refused += 1
          return
        }
        answered += 1
        for match in lookup(image, clustered.centers[mutation % 3]) {
          #expect((0..<image.count).contains(match.position) && match.id > 0 && match.offset.isFinite)
          #expect((0...1).contains(match.confidence) && abs(match.similarity) < 1.01)
          #expect(image.parameter(0, of: match).isFinite)
        }
      }
    }
    #expect(answered > 0 && refused > mutations / 2)
  }

  /// A value each, with a checksum that fits: what the checksum cannot tell.
  @Test func refusesContentThatCannotBe() throws {
    var clustered = Clustered(centers: 3, dimension: 2, seed: 11)
    let patterns = BankImage.grouped
    let good = try bytes(clustered.bank(patterns, noise: 1))
    let ids = 48
    let (confidences, values, starts) = (ids + 8 * patterns, ids + 16 * patterns, ids + 24 * patterns)
    // dimension 2, one parameter: all but the heads has a size that is known
    let groups = (good.count - starts - 4 - 12 * patterns) / 12
    let (offsets, heads) = (starts + 4 * (groups + 1), starts + 4 * (groups + 1) + 4 * patterns)
    let signs = [ids + 7, confidences + 7].map { ($0, UInt8(0x80)) }
    let groupStarts = (0...groups).map { (starts + 4 * $0 + 3, UInt8(1)) }
    // the largest exponents make infinities or lengths far from 1
    let exponents = [confidences, values].map { ($0 + 7, UInt8(0x7F)) }
    let singles = [offsets + 3, heads + 3, good.count - 1].map { ($0, UInt8(0x7F)) }
    for (place, byte) in signs + groupStarts + exponents + singles {
      var bad = good
      bad[place] |= byte
      bad[place - 1] |= 0xF0
      #expect(withImage(sealed(bad)) { $0 == nil }, "byte \(place)")
    }
  }

  @Test func trustsWhatWasValidated() throws {
    var clustered = Clustered(centers: 3, dimension: 2, seed: 10)
    var bytes = try bytes(clustered.bank(5))
    bytes[bytes.count - 1] ^= 1
    bytes.withUnsafeBytes { bytes in
      #expect(BankImage(validating: bytes) == nil && BankImage(trusting: bytes) != nil)
      #expect(BankImage(trusting: UnsafeRawBufferPointer(rebasing: bytes.dropLast())) == nil)
    }
    #expect(BankImage(trusting: UnsafeRawBufferPointer(start: nil, count: 0)) == nil)
  }
}
