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
    #expect(same.stages == rule.stages && same.multipliers == rule.multipliers)
  }

  @Test func itsMultipliersTakeTheMeanRecallFromNearlyOneToFourFifths() throws {
    let rule = try rule()
    #expect((20...StopRule.capacity).contains(rule.multipliers.count))
    let fitted = try searches(0..<300)
    let recalls = rule.multipliers.map { multiplier in
      StopRuleReplay(of: fitted, stages: rule.stages).outcomes(at: multiplier).reduce(0) { $0 + $1.recall } / 300
    }
    // a search that looks less often may stop a little later than at a smaller multiplier
    #expect(zip(recalls, recalls.dropFirst()).allSatisfy { $0 > $1 - 0.002 })
    #expect(recalls[0] > 0.9989 && (0.79...0.82).contains(recalls[recalls.count - 1]))
    #expect(zip(recalls, recalls.dropFirst()).allSatisfy { $0 - $1 < 0.04 })
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
    for multiplier in rule.multipliers {
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
    let short = try StopRule(stages: Array(rule.stages.prefix(2)), multipliers: [1e-30], labels: 300)
    let outcomes = StopRuleReplay(of: try searches(0..<10), stages: short.stages).outcomes(at: 1e-30)
    #expect(outcomes.map(\.blocks) == (0..<10).map { Self.population.queries[$0][BatchedSearch.width + 1] })
  }

  @Test func refusesWhatCannotBe() throws {
    let stage = StopStage(weights: .zero, nextBlocks: 1)
    func expectRefused(_ error: LearningError, _ stages: Int, _ multipliers: [Float], labels: Int = 1) {
      #expect(throws: error) {
        try StopRule(
          stages: [StopStage](repeating: stage, count: stages), multipliers: multipliers, labels: labels)
      }
    }
    expectRefused(.range(value: 0, argument: 3), 0, [1])
    expectRefused(.range(value: 17, argument: 3), 17, [1])
    expectRefused(.range(value: 0, argument: 3), 1, [])
    expectRefused(.range(value: 65, argument: 3), 1, (1...65).map { Float($0) })
    expectRefused(.range(value: -1, argument: 3), 1, [1], labels: -1)
    for multipliers in [[0], [-1], [.nan], [2, 1], [1, 1], [1, .nan]] as [[Float]] {
      expectRefused(.labels, 1, multipliers)
    }
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
