import LearningCore
import Testing

struct StopRuleTests {
  private static let population = StagePopulation(count: 400, seed: 11)

  private func searches(_ queries: Range<Int>, isForFitting: Bool = true) throws -> [BatchedSearch] {
    try queries.map { try Self.population.search($0, isForFitting: isForFitting) }
  }

  private func rule(_ labels: Int = 300) throws -> StopRule {
    try #require(try StopRule.fitted(to: searches(0..<labels)))
  }

  @Test func hasAStageForEachBatchAndEndsAfterTheLast() throws {
    let rule = try rule()
    #expect(rule.stages.count == StagePopulation.totals.count && rule.labels == 300)
    #expect(rule.stages.dropLast().allSatisfy { $0.nextBlocks > 0 && $0.nextBlocks.isFinite })
    #expect(rule.stages.last?.nextBlocks == .infinity)
    let same = try self.rule()
    #expect(same.stages == rule.stages)
  }

  /// Of 300 searches three are worth less; of 99 one would be, which is too many.
  @Test func ratherThanForOneInAHundredASearchGoesOn() throws {
    for stage in try rule().stages.enumerated().dropLast() {
      let plain = StopStage(weights: stage.element.weights, nextBlocks: stage.element.nextBlocks)
      let below = try searches(0..<300).count {
        plain.worth(after: $0.stages[stage.offset].facts) < Double(stage.element.leastWorth.nextDown)
      }
      #expect(below == 3)
    }
    #expect(try rule(99).stages.allSatisfy { $0.leastWorth == 0 })
  }

  @Test func aHarderQueryIsPredictedToMissMore() throws {
    let rule = try rule()
    for stage in rule.stages.prefix(3) {
      let worth = [0.4, 0.5, 0.6, 0.7, 0.8].map {
        stage.worth(after: StageFacts(nearest: $0 - 0.12, kth: $0, last: $0 + 0.05))
      }
      #expect(zip(worth, worth.dropFirst()).allSatisfy { $0 < $1 })
    }
  }

  @Test func needsLabelsThatWereMeasured() throws {
    #expect(try StopRule.fitted(to: searches(0..<StopRule.leastLabels - 1)) == nil)
    #expect(try StopRule.fitted(to: searches(0..<StopRule.leastLabels)) != nil)
    let unmeasured = try BatchedSearch([Float](repeating: .nan, count: 36), isForFitting: true)
    #expect(unmeasured.stages.isEmpty)
    #expect(try StopRule.fitted(to: [BatchedSearch](repeating: unmeasured, count: 100)) == nil)
  }

  /// Nothing is ever missing: every multiplier ends after the first batch.
  @Test func labelsWithoutMissesStayFinite() throws {
    let perfect = try BatchedSearch([1, 100, 0.1, 0.2, 0.3, 9, 1, 200, 0.1, 0.2, 0.4, 18], isForFitting: true)
    let rule = try StopRule.fitted(to: [BatchedSearch](repeating: perfect, count: 100))
    let first = try #require(rule?.stages.first)
    #expect((first.weights * 0).sum() == 0 && first.nextBlocks == 100)
  }

  @Test func aStageWithoutDistancesGoesOn() throws {
    let few = try BatchedSearch([0.5, 100, 0.1, .nan, 0.3, .nan, 1, 200, 0.1, 0.2, 0.4, .nan], isForFitting: true)
    let mixed = try searches(0..<100) + [few, few]
    #expect(try StopRule.fitted(to: mixed) != nil)
    #expect(try StopRule.fitted(to: [BatchedSearch](repeating: few, count: 100)) == nil)
  }

  @Test func fittingStopsWhenAsked() throws {
    let searches = try searches(0..<100)
    #expect(throws: LearningError.cancelled) {
      try StopRule.fitted(to: searches, check: { () throws(LearningError) in throw .cancelled })
    }
  }

  @Test func replaysAsAPlainLoopDoes() throws {
    let rule = try rule()
    // also searches of which fewer stages were measured
    let searches = try (0..<400).map { query in
      let numbers = Self.population.queries[query]
      return try BatchedSearch(numbers.prefix(BatchedSearch.width * (1 + query % 6)), isForFitting: false)
    }
    let replay = StopRuleReplay(of: searches, stages: rule.stages)
    for multiplier in Self.everyTenth(replay.criticalMultipliers()) {
      let outcomes = replay.outcomes(at: multiplier)
      #expect(outcomes.count == 400)
      for (query, outcome) in outcomes.enumerated() {
        var stage = 0
        while stage < query % 6 {
          let facts = searches[query].stages[stage].facts
          if rule.stages[stage].ends(after: facts, multiplier: Double(multiplier)) { break }
          stage += 1
        }
        #expect(outcome.recall == Self.population.queries[query][BatchedSearch.width * stage])
        #expect(outcome.blocks == Self.population.queries[query][BatchedSearch.width * stage + 1])
      }
    }
  }

  @Test func aRuleEndsAfterItsOwnLastStage() throws {
    let rule = try rule()
    let short = try StopRule(stages: Array(rule.stages.prefix(2)), labels: 300)
    let outcomes = StopRuleReplay(of: try searches(0..<10), stages: short.stages).outcomes(at: 1e-30)
    #expect(outcomes.map(\.blocks) == (0..<10).map { Self.population.queries[$0][BatchedSearch.width + 1] })
  }

  private static func everyTenth(_ multipliers: [Float]) -> [Float] {
    stride(from: 0, to: multipliers.count, by: 10).map { multipliers[$0] }
  }

  /// Between two of them nothing changes, above each of them something does.
  @Test func searchesEndEarlierAboveCriticalMultipliersOnly() throws {
    let replay = StopRuleReplay(of: try searches(0..<40), stages: try rule().stages)
    let critical = replay.criticalMultipliers()
    #expect(critical.count > 40 && critical == critical.sorted())
    func blocks(_ multiplier: Float) -> [Float] { replay.outcomes(at: multiplier).map(\.blocks) }
    for (one, next) in zip(critical, critical.dropFirst()) where next > one * 1.0001 {
      let between = blocks(one + (next - one) / 2)
      #expect(between == blocks(next.nextDown) && between != blocks(one.nextDown))
      #expect(zip(between, blocks(one.nextDown)).allSatisfy { $0 <= $1 })
    }
  }

  /// A later batch that finds less: what counts before it is no more than that, so that it falls with the multiplier.
  @Test func theLeastFromThereOnCounts() throws {
    let stages = [
      StopStage(weights: .zero, nextBlocks: 10), StopStage(weights: .zero, nextBlocks: 100),
      StopStage(weights: .zero, nextBlocks: .infinity),
    ]
    let search = try BatchedSearch(
      [0.8, 10, 0.1, 0.2, 0.3, .nan, 0.9, 20, 0.1, 0.2, 0.3, .nan, 0.7, 30, 0.1, 0.2, 0.3, .nan], isForFitting: false)
    let replay = StopRuleReplay(of: [search], stages: stages)
    let ends = [0.001, 0.01, 0.1].map { replay.outcomes(at: $0)[0] }
    #expect(ends.map(\.blocks) == [30, 20, 10] && ends.map(\.recall) == [0.7, 0.7, 0.7])
    #expect(replay.criticalMultipliers() == [0.005, 0.05])
  }

  @Test func refusesWhatCannotBe() throws {
    let stage = StopStage(weights: .zero, nextBlocks: 1)
    func expectRefused(_ value: Int, stages: Int, labels: Int = 1) {
      #expect(throws: LearningError.range(value: value, argument: 3)) {
        try StopRule(stages: [StopStage](repeating: stage, count: stages), labels: labels)
      }
    }
    expectRefused(0, stages: 0)
    expectRefused(17, stages: 17)
    expectRefused(-1, stages: 1, labels: -1)
    for numbers in [
      [1], [1.1, 1, 0, 0, 0, 0], [1, -1, 0, 0, 0, 0], [1, .infinity, 0, 0, 0, 0], [1, 1, 0, 0, 0, .infinity],
    ] as [[Float]] {
      #expect(throws: LearningError.labels) { try BatchedSearch(numbers, isForFitting: true) }
    }
    #expect(throws: LearningError.labels) {
      try BatchedSearch([Float](repeating: 1, count: 102), isForFitting: true)
    }
  }
}
