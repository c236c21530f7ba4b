import LearningCore
import Testing

struct EvidenceTests {
  typealias Evidence = LearnedPattern.Evidence

  private func trial(_ value: Double, _ recall: Double?, latency: Double? = nil, cost: Double? = nil) -> Trial {
    Trial(parameters: [value], recall: recall, latency: latency, cost: cost)
  }

  @Test func mergingIsWhatASinglePassWouldGive() throws {
    var random = SplitMix64(seed: 1)
    let recall = (0..<40).map { _ in Double.random(in: 0...1, using: &random) }
    let all = recall.enumerated().map { place, recall in
      Evidence(trial(10, place % 5 == 0 ? nil : recall, latency: place % 2 == 0 ? Double(place) : nil))
    }
    let known = recall.enumerated().filter { $0.offset % 5 != 0 }.map(\.element)
    let mean = known.reduce(0, +) / Double(known.count)
    let square = known.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    let halves = [Array(all[..<13]).merged(), Array(all[13...]).merged()]
    for merged in [all.merged(), halves.flatMap { $0 }.merged(), (halves[1] + halves[0]).merged()] {
      let evidence = try #require(merged.first)
      #expect(merged.count == 1 && evidence.count == 32 && evidence.counts.trials == 40)
      #expect(abs(evidence.quality - mean) < 1e-12 && abs(evidence.squaredDeviations - square) < 1e-12)
      #expect(abs(try #require(evidence.recall) - mean) < 1e-12 && evidence.counts.recall == 32)
      #expect(abs(try #require(evidence.latency) - 19) < 1e-12 && evidence.counts.latency == 20)
      #expect(evidence.precision == nil && evidence.cost == nil && evidence.counts.cost == 0)
    }
  }

  @Test func theMostFrequentAreKeptInOrder() {
    let all = (0..<40).flatMap { value in
      [Evidence](repeating: Evidence(trial(Double(40 - value), 1)), count: value % 2 == 0 ? 1 : 2)
    }
    let merged = all.merged()
    #expect(merged.count == [Evidence].most)
    #expect(merged.map { $0.parameters[0] } == merged.map { $0.parameters[0] }.sorted())
    #expect(merged.count { $0.counts.trials == 2 } == 20)
    // of the 20 with one trial the least values
    #expect(merged.filter { $0.counts.trials == 1 }.map { $0.parameters[0] } == (1...12).map { Double(2 * $0) })
  }
}

struct OptimumTests {
  typealias Evidence = LearnedPattern.Evidence

  private func evidence(_ value: Double, count: Int, recall: Double, latency: Double? = nil, cost: Double? = nil)
    -> Evidence
  {
    Evidence(
      parameters: [value], count: count, quality: recall, squaredDeviations: 0, recall: recall, latency: latency,
      cost: cost)
  }

  private func optimum(_ evidence: [Evidence], goal: Double? = nil, support: Int = 100) -> Optimum? {
    Optimum(of: evidence, support: support, in: .efSearch, goal: goal)
  }

  @Test func isTheCheapestThatReachesTheGoal() throws {
    let all = [
      evidence(10, count: 9, recall: 0.5, cost: 1), evidence(20, count: 9, recall: 0.91, cost: 7),
      evidence(40, count: 9, recall: 0.96, cost: 5), evidence(80, count: 2, recall: 1, cost: 2),
    ]
    #expect(try #require(optimum(all, goal: 0.9)).parameters == [40])
    #expect(abs(try #require(optimum(all, goal: 0.9)).confidence - 0.96 * 9 / 12) < 1e-12)
    #expect(try #require(optimum(all, goal: 0.4)).parameters == [10])
    let timed = [evidence(10, count: 3, recall: 0.9, latency: 9), evidence(20, count: 3, recall: 0.9, latency: 8)]
    #expect(try #require(optimum(timed, goal: 0.9)).parameters == [20])
  }

  @Test func blendsByQualityWithoutGoalOrWhereItIsMissed() throws {
    let all = [evidence(10, count: 1, recall: 0.2, cost: 1), evidence(20, count: 3, recall: 0.6, cost: 1)]
    // weights 0.2 and 1.8
    for goal in [nil, 0.9] {
      let blend = try #require(optimum(all, goal: goal))
      #expect(blend.parameters == [19])
      #expect(abs(blend.confidence - (0.2 * 0.1 + 0.6 * 0.9) * 4 / 7) < 1e-12)
    }
    #expect(abs(try #require(optimum(all, support: 3)).confidence - 0.56 / 2) < 1e-12)
  }

  @Test func choicesAreVoted() throws {
    let space = try ParameterSpace([.choice(3), .integer(0...10, .linear)])
    let trials = [([0.0, 0.0], 0.9), ([2, 10], 0.5), ([2, 10], 0.6)].map {
      Evidence(Trial(parameters: $0.0, recall: $0.1))
    }
    let optimum = try #require(Optimum(of: trials.merged(), support: 3, in: space))
    #expect(optimum.parameters == [2, 6])
  }

  @Test func unknownQualityCountsNothing() throws {
    let known = [evidence(10, count: 4, recall: 0.5)]
    let unknown = [[Evidence]](repeating: [Evidence(Trial(parameters: [500], latency: 3))], count: 9).joined()
    let mixed = (known + unknown).merged()
    #expect(try #require(optimum(mixed)) == (try #require(optimum(known))))
    let none = try #require(optimum(Array(unknown).merged()))
    #expect(none.parameters == [500] && none.confidence == 0)
    #expect(optimum([]) == nil)
  }
}
