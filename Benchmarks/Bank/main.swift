// What a bank costs: distilling 1,000 trajectories, and looking a query up in its image.
//
//     swift run -c release bank-bench
//
// Embeddings are synthetic, normal about centres: times and bytes depend on their number and dimension, not on what they
// mean.  Recall is that of the three nearest against a look through all patterns.
import LearningCore

let dimension = 384
let clock = ContinuousClock()
let space = try ParameterSpace([.integer(1...1000, .logarithmic)])
var random = SplitMix64(seed: 7)

@MainActor func normal() -> Float { (0..<12).reduce(-6) { sum, _ in sum + Float.random(in: 0..<1, using: &random) } }
@MainActor func near(_ center: [Float], spread: Float) -> [Float] { center.map { $0 + spread * normal() } }
@MainActor func centers(_ count: Int) -> [[Float]] { (0..<count).map { _ in (0..<dimension).map { _ in normal() } } }
func milliseconds(_ duration: Duration) -> Double { Double(duration.components.attoseconds) / 1e15 }

@MainActor func trajectories(_ count: Int, about centers: [[Float]]) -> [QueryTrajectory] {
  (0..<count).map { number in
    let trials = [10, 20, 40, 80, 160, 320, 640].map {
      Trial(parameters: [$0], recall: min(1, 0.5 + $0 / 500), cost: $0)
    }
    return QueryTrajectory(
      embedding: near(centers[number % centers.count], spread: 0.5), trials: trials, time: Int64(number))
  }
}

for count in [10, 40] {
  let topics = centers(count)
  let engine = DistillationEngine(extractor: PatternExtractor(space: space, goal: 0.9))
  var (patterns, identifier): ([LearnedPattern], Int64) = ([], 1)
  for round in ["first", "next"] {
    let new = trajectories(1000, about: topics)
    let time = try clock.measure {
      let outcome = try engine.distill(new, into: patterns, identifier: identifier, now: 0, random: &random)
      (patterns, identifier) = (outcome.patterns, outcome.identifier)
    }
    print("\(round) 1000 trajectories about \(count) topics: \(milliseconds(time)) ms, \(patterns.count) patterns")
  }
}

for count in [100, 1000, 10_000] {
  let topics = centers(max(10, count / 20))
  let bank = try ReasoningBank(
    space: space, dimension: dimension,
    patterns: (0..<count).map { number in
      LearnedPattern(
        id: Int64(number + 1), centroid: near(topics[number % topics.count], spread: 1), parameters: [100], support: 10,
        confidence: 0.5, evidence: [], created: 0, updated: 0)
    })
  let image = try BankImage.bytes(for: bank, random: &random)
  let queries = (0..<500).map { near(topics[$0 % topics.count], spread: 1) }
  image.withUnsafeBytes { bytes in
    guard let image = BankImage(validating: bytes) else { return }
    var matches = [BankImage.Match](repeating: BankImage.Match(), count: ReasoningBank.matches)
    func lookup(_ query: [Float]) -> Int {
      query.withUnsafeBufferPointer { query in
        matches.withUnsafeMutableBufferPointer { image.lookup(query, into: $0) }
      }
    }
    let found = queries.prefix(100).reduce(0) { sum, query in
      let count = lookup(query)
      return sum + Set(matches.prefix(count).map(\.id)).intersection(bank.lookup(query).map(\.pattern.id)).count
    }
    var written = 0
    let laps = (0..<31).map { _ in
      milliseconds(clock.measure { for query in queries { written += lookup(query) } }) * 1000 / Double(queries.count)
    }.sorted()
    print(
      "\(count) patterns: \(bytes.count) bytes; look-up \(laps[0]) us at best, \(laps[15]) in the median of",
      "31 laps (\(written) matches); recall \(Double(found) / 300)")
  }
}
