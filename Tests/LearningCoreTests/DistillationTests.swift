import LearningCore
import Testing

struct PatternExtractorTests {
  @Test func aPatternForEachCluster() throws {
    var clustered = Clustered(centers: 4, seed: 1)
    var random = SplitMix64(seed: 1)
    let trajectories = clustered.trajectories(40)
    let extractor = PatternExtractor(space: Clustered.space, goal: 0.9)
    let (patterns, left) = try extractor.patterns(of: trajectories, identifier: 5, now: 77, random: &random)
    #expect(left.isEmpty && patterns.map(\.id) == [5, 6, 7, 8] && patterns.allSatisfy { $0.support == 10 })
    for (center, needed) in clustered.centers.enumerated().map({ ($0.element, [10.0, 20, 40, 40][$0.offset]) }) {
      let pattern = try #require(patterns.max { cosine($0.centroid, center) < cosine($1.centroid, center) })
      #expect(cosine(pattern.centroid, center) > 0.99)
      // the least value whose recall, value/10, /20, /30 or /40, reaches 0.9
      #expect(pattern.parameters == [needed])
      #expect(abs(pattern.confidence - 10.0 / 13) < 1e-12)
      #expect(pattern.evidence.map(\.parameters) == [[10], [20], [40], [80]])
      #expect(pattern.evidence.allSatisfy { $0.count == 10 && $0.counts.cost == 10 })
      #expect(pattern.created == 77 && pattern.updated == 77 && pattern.level == 0 && pattern.children.isEmpty)
    }
  }

  @Test func theCentroidIsTheMeanDirection() throws {
    var random = SplitMix64(seed: 2)
    let trajectories = [[3, 0], [0, 5], [1, 0], [2, 0]].map {
      QueryTrajectory(embedding: $0, trials: [Trial(parameters: [10], recall: 1)], time: 0)
    }
    let extractor = PatternExtractor(space: Clustered.space, clusters: 1)
    let pattern = try #require(
      try extractor.patterns(of: trajectories, identifier: 1, now: 0, random: &random).patterns.first)
    #expect(pattern.centroid == [0.75, 0.25])
  }

  @Test func whatTellsNothingIsLeft() throws {
    var random = SplitMix64(seed: 3)
    let trial = Trial(parameters: [10], recall: 1)
    func trajectory(_ embedding: [Float], _ trials: [Trial]) -> QueryTrajectory {
      QueryTrajectory(embedding: embedding, trials: trials, time: 0)
    }
    let trajectories = [
      trajectory([1, 0], [trial]), trajectory([0, 0], [trial]), trajectory([1, 0], []), trajectory([2, 0], [trial]),
      trajectory([0, 1], [trial]), trajectory([3, 0], [trial]), trajectory([0, 1], [trial]),
      trajectory([1e19, 0], [trial]),
    ]
    let extractor = PatternExtractor(space: Clustered.space, clusters: 2)
    let (patterns, left) = try extractor.patterns(of: trajectories, identifier: 1, now: 0, random: &random)
    #expect(patterns.map(\.support) == [3] && patterns[0].centroid == [1, 0])
    #expect(left == [1, 2, 4, 6, 7])
    let nothing = try extractor.patterns(of: [trajectories[2]], identifier: 1, now: 0, random: &random)
    #expect(nothing.patterns.isEmpty && nothing.left == [0])
    #expect(try extractor.patterns(of: [], identifier: 1, now: 0, random: &random).left.isEmpty)
  }

  @Test func refusesWhatCannotBe() throws {
    var random = SplitMix64(seed: 4)
    let extractor = PatternExtractor(space: Clustered.space)
    func extract(_ trajectories: [QueryTrajectory], identifier: Int64 = 1) throws {
      _ = try extractor.patterns(of: trajectories, identifier: identifier, now: 0, random: &random)
    }
    func trajectory(_ trial: Trial, _ embedding: [Float] = [1, 2]) -> QueryTrajectory {
      QueryTrajectory(embedding: embedding, trials: [trial], time: 0)
    }
    let good = trajectory(Trial(parameters: [10], recall: 1))
    let bad = [
      Trial(parameters: [10], recall: 1.1), Trial(parameters: [10], precision: .nan), Trial(parameters: [0.5]),
      Trial(parameters: []), Trial(parameters: [10], latency: -1), Trial(parameters: [10], cost: .infinity),
    ]
    for trial in bad {
      #expect(throws: LearningError.range(value: 2, argument: 1)) { try extract([good, trajectory(trial)]) }
    }
    #expect(throws: LearningError.dimension(expected: 2, given: 1)) {
      try extract([good, trajectory(Trial(parameters: [10]), [1])])
    }
    for identifier in [0, Int64.max] {
      #expect(throws: LearningError.range(value: Int(identifier), argument: 2)) {
        try extract([good], identifier: identifier)
      }
    }
  }
}

struct PatternCompressorTests {
  private let compressor = PatternCompressor(space: Clustered.space)

  @Test func mergesBySupportUntilNoTwoAreTheSame() throws {
    var clustered = Clustered(centers: 5, seed: 5)
    let patterns = (0..<60).map { clustered.pattern($0 + 1, clustered.vector(near: $0, noise: 0.25)) }
    let merged = try compressor.compress(patterns)
    #expect(merged.count >= 5 && merged.count < 60)
    #expect(merged.reduce(0) { $0 + $1.support } == patterns.reduce(0) { $0 + $1.support })
    for (place, pattern) in merged.enumerated() {
      #expect(merged[..<place].allSatisfy { cosine($0.centroid, pattern.centroid) <= 0.95001 })
    }
    for place in clustered.centers[0].indices {
      func sum(_ patterns: [LearnedPattern]) -> Double {
        patterns.reduce(0) { $0 + Double($1.support) * Double($1.centroid[place]) }
      }
      #expect(abs(sum(merged) - sum(patterns)) < 1e-3)
    }
    #expect(try compressor.compress(merged) == merged)
    var random = SplitMix64(seed: 5)
    #expect(try compressor.compress(patterns.shuffled(using: &random)) == merged)
  }

  @Test func aMergedPatternIsTheWeightedMean() throws {
    func pattern(_ id: Int64, _ support: Int, _ value: Double, _ confidence: Double) -> LearnedPattern {
      LearnedPattern(
        id: id, centroid: [Float(id), 0], parameters: [value], support: support, confidence: confidence, evidence: [],
        usage: id, created: 10 - id, updated: id)
    }
    let merged = try #require(try compressor.compress([pattern(3, 3, 80, 0.8), pattern(2, 1, 40, 0.4)]).first)
    let expected = LearnedPattern(
      id: 2, centroid: [2.75, 0], parameters: [70], support: 4, confidence: 0.7, evidence: [], usage: 5, created: 7,
      updated: 3)
    #expect(abs(merged.confidence - 0.7) < 1e-12)
    var rounded = merged
    rounded.confidence = 0.7
    #expect(rounded == expected)
  }

  @Test func evidenceDecidesAndFeedbackStays() throws {
    var random = SplitMix64(seed: 6)
    var clustered = Clustered(centers: 1, seed: 6)
    let extractor = PatternExtractor(space: Clustered.space, goal: 0.9, clusters: 1)
    let all = clustered.trajectories(20)
    func pattern(_ part: ArraySlice<QueryTrajectory>, _ id: Int64) throws -> LearnedPattern {
      try #require(try extractor.patterns(of: Array(part), identifier: id, now: 0, random: &random).patterns.first)
    }
    var (first, second, whole) = (try pattern(all[..<5], 1), try pattern(all[5...], 2), try pattern(all[...], 1))
    let compressor = PatternCompressor(space: Clustered.space, goal: 0.9)
    let merged = try #require(try compressor.compress([first, second]).first)
    #expect(merged.parameters == whole.parameters && merged.support == 20 && merged.evidence == whole.evidence)
    #expect(abs(merged.confidence - whole.confidence) < 1e-12)
    first.confidence -= 0.2
    second.confidence += 0.04
    whole.confidence += -0.2 * 0.25 + 0.04 * 0.75
    #expect(abs(try #require(try compressor.compress([first, second]).first).confidence - whole.confidence) < 1e-12)
  }
}

struct DistillationEngineTests {
  private let engine = DistillationEngine(extractor: PatternExtractor(space: Clustered.space, goal: 0.9))

  private func support(_ patterns: [LearnedPattern]) -> Int { patterns.reduce(0) { $0 + $1.support } }

  @Test func inPartsIsWhatItIsAtOnce() throws {
    var clustered = Clustered(centers: 4, seed: 7)
    let all = clustered.trajectories(80)
    var random = SplitMix64(seed: 7)
    let once = try engine.distill(all, into: [], identifier: 1, now: 9, random: &random)
    let first = try engine.distill(Array(all[..<40]), into: [], identifier: 1, now: 8, random: &random)
    let second = try engine.distill(
      Array(all[40...]), into: first.patterns, identifier: first.identifier, now: 9, random: &random)
    #expect(first.absorbed == 0 && second.absorbed == 40 && second.identifier == first.identifier)
    #expect(once.patterns.count == 4 && second.patterns.map(\.id) == first.patterns.map(\.id))
    #expect(support(once.patterns) == 80 && support(second.patterns) == 80)
    for pattern in once.patterns {
      let same = try #require(
        second.patterns.max { cosine($0.centroid, pattern.centroid) < cosine($1.centroid, pattern.centroid) })
      #expect(zip(same.centroid, pattern.centroid).allSatisfy { abs($0 - $1) < 1e-5 })
      #expect(same.parameters == pattern.parameters && same.support == pattern.support)
      #expect(abs(same.confidence - pattern.confidence) < 1e-9)
      #expect(same.created == 8 && same.updated == 9)
    }
  }

  @Test func whatIsNearNoPatternMakesNewOnes() throws {
    var clustered = Clustered(centers: 6, seed: 8)
    let all = clustered.trajectories(120)
    var random = SplitMix64(seed: 8)
    let old = all.enumerated().filter { $0.offset % 6 < 4 }.map(\.element)
    let new = all.enumerated().filter { $0.offset % 6 >= 3 }.map(\.element)
    let first = try engine.distill(old, into: [], identifier: 1, now: 0, random: &random)
    let second = try engine.distill(
      new, into: first.patterns, identifier: first.identifier, now: 0, random: &random)
    #expect(first.patterns.count == 4 && first.identifier == 5)
    #expect(second.absorbed == 20 && second.left.isEmpty && second.patterns.map(\.id) == [1, 2, 3, 4, 5, 6])
    #expect(support(second.patterns) == old.count + new.count)
  }

  /// Whatever the data: what is not in a pattern is named.
  @Test func nothingIsLostOrCountedTwice() throws {
    var random = SplitMix64(seed: 9)
    var patterns: [LearnedPattern] = []
    var (identifier, expected): (Int64, Int) = (1, 0)
    for tick in 0..<6 {
      var clustered = Clustered(centers: 3 + tick, dimension: 4, seed: UInt64(tick % 3))
      let trajectories = clustered.trajectories(30, noise: 0.7)
      let outcome = try engine.distill(
        trajectories, into: patterns, identifier: identifier, now: 0, random: &random)
      expected += trajectories.count - outcome.left.count
      (patterns, identifier) = (outcome.patterns, outcome.identifier)
      #expect(support(patterns) == expected && Set(outcome.left).count == outcome.left.count)
      #expect(patterns.allSatisfy { $0.id < identifier } && Set(patterns.map(\.id)).count == patterns.count)
      let bank = try ReasoningBank(space: Clustered.space, dimension: 4, patterns: patterns)
      #expect(bank.statistics.support == expected)
    }
    #expect(patterns.count > 1 && expected > 100)
  }

  @Test func sameSeedSameOutcome() throws {
    var clustered = Clustered(centers: 5, seed: 10)
    let trajectories = clustered.trajectories(60, noise: 1)
    func run() throws -> DistillationEngine.Outcome {
      var random = SplitMix64(seed: 10)
      return try engine.distill(trajectories, into: [], identifier: 1, now: 0, random: &random)
    }
    #expect(try run() == run())
  }

  @Test func refusesAndStops() throws {
    var clustered = Clustered(centers: 2, dimension: 4, seed: 11)
    let trajectories = clustered.trajectories(6)
    var random = SplitMix64(seed: 11)
    #expect(throws: LearningError.dimension(expected: 2, given: 4)) {
      try engine.distill(
        trajectories, into: [clustered.pattern(1, [1, 2])], identifier: 2, now: 0, random: &random)
    }
    #expect(throws: LearningError.cancelled) {
      try engine.distill(trajectories, into: [], identifier: 1, now: 0, random: &random) {
        () throws(LearningError) in throw .cancelled
      }
    }
  }
}
