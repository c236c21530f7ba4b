import LearningCore
import Testing

struct ReasoningBankTests {
  private func bank(_ patterns: [LearnedPattern], dimension: Int = 2) throws -> ReasoningBank {
    try ReasoningBank(space: Clustered.space, dimension: dimension, patterns: patterns)
  }

  private func pattern(
    _ id: Int64, _ centroid: [Float], _ value: Double = 10, confidence: Double = 0.5, support: Int = 5,
    usage: Int64 = 0, updated: Int64 = 0
  ) -> LearnedPattern {
    LearnedPattern(
      id: id, centroid: centroid, parameters: [value], support: support, confidence: confidence, evidence: [],
      usage: usage, created: 0, updated: updated)
  }

  @Test func findsTheNearestByCosine() throws {
    var clustered = Clustered(centers: 7, seed: 1)
    var bank = try clustered.bank(50, noise: 1)
    try bank.buildHierarchy(identifier: 51, now: 0)
    for _ in 0..<20 {
      let query = clustered.vector(near: 3, noise: 2)
      let expected = bank.patterns.filter { $0.level == 0 }
        .map { ($0.id, cosine($0.centroid, query)) }.sorted { $0.1 > $1.1 }
      let found = bank.lookup(query, most: 9)
      #expect(found.map(\.pattern.id) == expected.prefix(9).map(\.0))
      #expect(zip(found, expected).allSatisfy { abs(Double($0.similarity) - $1.1) < 1e-5 })
    }
    #expect(bank.lookup([1, 2]).isEmpty)
    #expect(bank.lookup([Float](repeating: 0, count: 16)).isEmpty)
    #expect(bank.lookup([Float](repeating: .nan, count: 16)).isEmpty)
    #expect(bank.lookup(clustered.centers[0]).count == 3 && bank.lookup(clustered.centers[0], most: -1).isEmpty)
  }

  @Test func equalsComeByIdentifier() throws {
    let bank = try bank([pattern(4, [1, 0]), pattern(2, [2, 0]), pattern(3, [1, 0])])
    #expect(bank.lookup([5, 0]).map(\.pattern.id) == [2, 3, 4])
  }

  @Test func suggestsTheBlendOfThree() throws {
    // cosines 1, 0.6 and 0; the fourth does not count
    let bank = try bank([
      pattern(1, [1, 0], 100, confidence: 0.9), pattern(2, [3, 4], 40, confidence: 0.5), pattern(3, [0, 1], 1000),
      pattern(4, [-1, 0], 1000),
    ])
    let suggestion = try #require(bank.suggestion(for: [7, 0]))
    #expect(suggestion.parameters == [85] && suggestion.patterns == [1, 2, 3])
    #expect(abs(suggestion.confidence - 0.4) < 1e-6)
  }

  @Test func weightsSumToOne() throws {
    var clustered = Clustered(centers: 4, seed: 2)
    let bank = try clustered.bank(30, noise: 1)
    for _ in 0..<50 {
      let query = clustered.vector(near: 1, noise: 3)
      guard let suggestion = bank.suggestion(for: query) else { continue }
      let matches = bank.lookup(query)
      let weights = matches.map { Double(max($0.similarity, 0)) * $0.pattern.confidence }
      let total = weights.reduce(0, +)
      let mean = zip(matches, weights).reduce(0) { $0 + $1.0.pattern.parameters[0] * $1.1 / total }
      #expect(abs(suggestion.parameters[0] - mean) <= 0.5001)
      #expect(abs(suggestion.confidence - total / 3) < 1e-9)
    }
  }

  @Test func suggestsNothingWithoutWeight() throws {
    #expect(try bank([]).suggestion(for: [1, 0]) == nil)
    #expect(try bank([pattern(1, [-1, 0])]).suggestion(for: [1, 0]) == nil)
    #expect(try bank([pattern(1, [1, 0], confidence: 0)]).suggestion(for: [1, 0]) == nil)
    #expect(try bank([pattern(1, [1, 0])]).suggestion(for: [1, 0]) != nil)
  }

  @Test func storesAndReplaces() throws {
    var bank = try bank([])
    try bank.store(pattern(7, [1, 0]))
    try bank.store(pattern(3, [0, 1]))
    try bank.store(pattern(7, [1, 1], 20))
    #expect(bank.patterns.map(\.id) == [3, 7] && bank[7]?.parameters == [20] && bank[4] == nil)
    #expect(bank.lookup([1, 1]).first?.pattern.id == 7)
    #expect(throws: LearningError.dimension(expected: 2, given: 1)) { try bank.store(pattern(1, [1])) }
    #expect(throws: LearningError.notFinite(position: 2)) { try bank.store(pattern(1, [1, .nan])) }
    var parent = pattern(9, [1, 0])
    (parent.level, parent.children) = (1, [7])
    let bad = [
      pattern(0, [1, 0]), pattern(1, [1, 0], 2000), pattern(1, [1, 0], 1.5), pattern(1, [1, 0], confidence: 1.1),
      pattern(1, [1, 0], confidence: .nan), pattern(1, [1, 0], support: 0), pattern(1, [1, 0], support: .max),
      pattern(1, [1, 0], usage: -1), parent,
    ]
    for pattern in bad {
      #expect(throws: LearningError.range(value: Int(pattern.id), argument: 1)) { try bank.store(pattern) }
    }
    #expect(bank.patterns.count == 2)
  }

  @Test func refusesInconsistentPatterns() throws {
    func parent(_ id: Int64, _ children: [Int64], support: Int, level: Int = 1) -> LearnedPattern {
      var parent = pattern(id, [1, 0], support: support)
      (parent.level, parent.children) = (level, children)
      return parent
    }
    let children = [pattern(1, [1, 0]), pattern(2, [0, 1])]
    #expect(try bank(children + [parent(3, [1, 2], support: 10)]).patterns.count == 3)
    let bad = [
      [pattern(2, [1, 1])], [parent(3, [1, 2], support: 9)], [parent(3, [1, 4], support: 10)],
      [parent(3, [1, 2], support: 10, level: 2)], [parent(3, [2, 1], support: 10)],
      [parent(3, [1], support: 5), parent(4, [1, 2], support: 10)], [parent(3, [], support: 0)],
    ]
    for others in bad {
      #expect(throws: LearningError.self) { try bank(children + others) }
    }
  }

  @Test func statisticsOfLevel0() throws {
    func evidence(_ value: Double, _ quality: Double, count: Int, trials: Int? = nil) -> LearnedPattern.Evidence {
      LearnedPattern.Evidence(
        parameters: [value], count: count, quality: quality, squaredDeviations: 0,
        counts: .init(trials: trials ?? count, precision: 0, recall: 0, latency: 0, cost: 0))
    }
    var first = pattern(1, [1, 0], 20, confidence: 0.2)
    first.evidence = [evidence(10, 0.5, count: 9), evidence(20, 0.8, count: 3)]
    var second = pattern(2, [0, 1], 10, confidence: 0.6)
    second.evidence = [evidence(10, 0.5, count: 9)]
    var unknown = pattern(3, [-1, 0], 20, confidence: 1)
    unknown.evidence = [evidence(10, 0, count: 0, trials: 9), evidence(20, 0.8, count: 3)]
    var bank = try bank([first, second, unknown])
    try bank.buildHierarchy(identifier: 4, now: 0)
    let statistics = bank.statistics
    #expect(statistics.patterns == [3, 2, 1] && statistics.support == 15)
    #expect(abs(try #require(statistics.confidence) - 0.6) < 1e-12)
    #expect(abs(try #require(statistics.improvement) - 0.15) < 1e-12)
    let nothing = try self.bank([]).statistics
    #expect(nothing.patterns == [0] && nothing.support == 0 && nothing.confidence == nil)
    #expect(try self.bank([unknown]).statistics.improvement == nil)
  }
}

struct HierarchyTests {
  private func expectTree(_ bank: ReasoningBank, support: Int) throws {
    for level in 1...3 {
      let patterns = bank.patterns.filter { $0.level == level }
      guard !patterns.isEmpty else { continue }
      let children = patterns.flatMap(\.children)
      #expect(Set(children).count == children.count)
      #expect(patterns.reduce(0) { $0 + $1.support } == support)
      for pattern in patterns {
        let below = try pattern.children.map { try #require(bank[$0]) }
        #expect(below.allSatisfy { $0.level == level - 1 })
        #expect(below.reduce(0) { $0 + $1.support } == pattern.support)
      }
    }
    // what the bank itself demands
    _ = try ReasoningBank(space: bank.space, dimension: bank.dimension, patterns: bank.patterns)
  }

  @Test(arguments: [0, 1, 2, 3, 5, 27, 100]) func supportIsConserved(count: Int) throws {
    var clustered = Clustered(centers: 6, seed: 3)
    var bank = try clustered.bank(count)
    let support = bank.statistics.support
    let next = try bank.buildHierarchy(identifier: 1000, now: 5)
    try expectTree(bank, support: support)
    let sizes = bank.statistics.patterns
    let known = [0: [0], 1: [1], 2: [2, 1], 27: [27, 9, 3, 1], 100: [100, 22, 5, 1]]
    if let expected = known[count] { #expect(sizes == expected) }
    #expect(next == 1000 + Int64(sizes.dropFirst().reduce(0, +)))
    #expect(bank.patterns.filter { $0.level > 0 }.map(\.id) == Array(1000..<next))
    let once = bank
    try bank.buildHierarchy(identifier: 1000, now: 5)
    #expect(bank == once)
  }

  @Test func groupsWhatIsNear() throws {
    var clustered = Clustered(centers: 3, seed: 4)
    var bank = try clustered.bank(27)
    try bank.buildHierarchy(identifier: 100, now: 5)
    for pattern in bank.patterns where pattern.level == 2 {
      let members = try pattern.children.flatMap { try #require(bank[$0]).children }
      #expect(Set(members.map { $0 % 3 }).count == 1 && members.count == 9)
    }
  }

  @Test func aParentIsTheMeanOfItsChildren() throws {
    func pattern(_ id: Int64, _ value: Double, _ support: Int, _ confidence: Double) -> LearnedPattern {
      LearnedPattern(
        id: id, centroid: [Float(id), 1], parameters: [value], support: support, confidence: confidence,
        evidence: [.init(parameters: [value], count: 1, quality: 0.5, squaredDeviations: 0)], created: 0, updated: 0)
    }
    var bank = try ReasoningBank(
      space: Clustered.space, dimension: 2, patterns: [pattern(1, 10, 1, 0.9), pattern(2, 50, 3, 0.1)])
    try bank.buildHierarchy(identifier: 8, now: 6)
    let parent = try #require(bank[8])
    // weights 0.9 and 0.3
    #expect(parent.parameters == [20] && parent.centroid == [1.75, 1] && parent.support == 4)
    #expect(abs(parent.confidence - 0.3) < 1e-12 && parent.children == [1, 2] && parent.level == 1)
    #expect(parent.evidence.map(\.parameters) == [[10], [50]] && parent.created == 6)
  }

  @Test func levelsFollowLevel0() throws {
    var clustered = Clustered(centers: 6, seed: 5)
    var bank = try clustered.bank(60)
    try bank.buildHierarchy(identifier: 1000, now: 0)
    try bank.consolidate()
    #expect(bank.statistics.patterns[0] < 60)
    try expectTree(bank, support: bank.statistics.support)
    let kept = try #require(bank.patterns.first { $0.level == 0 })
    try bank.store(clustered.pattern(Int(kept.id), clustered.centers[0]))
    try expectTree(bank, support: bank.statistics.support)
  }

  @Test func consolidatingConservesSupport() throws {
    var clustered = Clustered(centers: 5, seed: 6)
    var bank = try clustered.bank(40)
    let support = bank.statistics.support
    try bank.consolidate()
    #expect(bank.patterns.count < 40 && bank.statistics.support == support)
    for pattern in bank.patterns {
      for other in bank.patterns where other.id < pattern.id {
        #expect(cosine(pattern.centroid, other.centroid) <= 0.95001)
      }
    }
  }

  @Test func refusesAndStops() throws {
    var clustered = Clustered(centers: 2, seed: 7)
    var bank = try clustered.bank(8)
    let before = bank
    for identifier in [8, Int64.max] {
      #expect(throws: LearningError.range(value: Int(identifier), argument: 1)) {
        try bank.buildHierarchy(identifier: identifier, now: 0)
      }
    }
    #expect(throws: LearningError.cancelled) {
      try bank.buildHierarchy(identifier: 9, now: 0) { () throws(LearningError) in throw .cancelled }
    }
    #expect(bank == before)
  }
}
