import LearningCore
import Testing

struct StopPriorTests {
  private static let population = StagePopulation(count: 1000, seed: 21)
  private static let opposite = StopPrior(slopes: StopPrior.shipped.slopes.map { -$0 }, strength: 10)

  /// Queries whose distances are measured in another unit, and from another zero.
  private func searches(_ queries: Range<Int>, scale: Float = 1, shift: Float = 0) throws -> [BatchedSearch] {
    try queries.map { query in
      let numbers = Self.population.queries[query].enumerated().map { position, number in
        (2...4).contains(position % BatchedSearch.width) ? number * scale + shift : number
      }
      return try BatchedSearch(numbers, isForFitting: true)
    }
  }

  private func rule(_ labels: [BatchedSearch], _ prior: StopPrior) throws -> StopRule {
    try #require(try StopRule.fitted(to: labels, prior: prior))
  }

  /// Mean buffers on queries that fitted nothing, at the cheapest multiplier that reaches the recall there.
  private func blocks(_ rule: StopRule, recall: Float) throws -> Float {
    let replay = StopRuleReplay(of: try searches(500..<1000), stages: rule.stages)
    func mean(_ values: [Float]) -> Float { values.reduce(0, +) / Float(values.count) }
    let critical = replay.criticalMultipliers()
    var (reaching, missing) = (0, critical.count)
    while missing - reaching > 1 {
      let middle = (reaching + missing) / 2
      let reaches = mean(replay.outcomes(at: critical[middle]).map(\.recall)) >= recall
      (reaching, missing) = reaches ? (middle, missing) : (reaching, middle)
    }
    try #require(reaching > 0)
    return mean(replay.outcomes(at: critical[reaching]).map(\.blocks))
  }

  @Test func theShippedOneIsWhole() {
    let slopes = StopPrior.shipped.slopes
    #expect(slopes.count == StageLadder(.hnsw, k: 1, maximum: 1000).count - 1 && StopPrior.shipped.strength > 0)
    #expect(slopes.allSatisfy { ($0 * 0).sum() == 0 })
    // a search whose neighbours are far away is a hard one, and one that has looked far beyond them is done
    #expect(slopes.allSatisfy { $0.x > 0 && $0.z <= 0 })
  }

  @Test func fewLabelsRankBetterWithIt() throws {
    let draws = try (0..<10).map { try searches($0 * 12..<($0 + 1) * 12) }
    func mean(_ prior: StopPrior) throws -> Float {
      try draws.reduce(0) { try $0 + blocks(rule($1, prior), recall: 0.9) } / 10
    }
    let (shipped, none, opposite) = try (mean(.shipped), mean(.none), mean(Self.opposite))
    #expect(shipped < none && none < opposite, "\(shipped) \(none) \(opposite)")
  }

  @Test func manyLabelsOutweighIt() throws {
    func excess(_ labels: Int, _ prior: StopPrior) throws -> Float {
      let searches = try searches(0..<labels)
      return try blocks(rule(searches, prior), recall: 0.9) / blocks(rule(searches, .none), recall: 0.9) - 1
    }
    let (few, many) = try (excess(25, Self.opposite), excess(500, Self.opposite))
    #expect(many < few / 3 && many < 0.1, "\(few) \(many)")
    #expect(try excess(500, .shipped) < 0.03)
  }

  /// The scale and the zero of distances are no matter: every search ends where it did.
  @Test(arguments: [(1024, 0), (1 / 64, 0), (1, -0.5), (16, 3)] as [(Float, Float)])
  func anotherMetricEndsSearchesAlike(scale: Float, shift: Float) throws {
    let plain = try rule(searches(0..<20), .shipped)
    let other = try rule(searches(0..<20, scale: scale, shift: shift), .shipped)
    let (one, two) = (
      StopRuleReplay(of: try searches(500..<1000), stages: plain.stages),
      StopRuleReplay(of: try searches(500..<1000, scale: scale, shift: shift), stages: other.stages)
    )
    let critical = one.criticalMultipliers()
    for multiplier in stride(from: 0, to: critical.count, by: 40).map({ critical[$0] }) {
      let ends = zip(one.outcomes(at: multiplier), two.outcomes(at: multiplier))
      #expect(ends.count { $0.blocks != $1.blocks } <= 3)
    }
  }

  /// A prior that is plainly wrong certifies nothing that misses the target.
  @Test func aBadPriorCostsNoRecall() throws {
    let bad = try rule(searches(0..<50), Self.opposite)
    let labels = try Self.population.labels(Array(50..<220))
    let verdict = try #require(
      try StopRuleVerdict(judging: labels, inForce: bad, goal: RecallGoal(mean: 0.85), minSamples: 50))
    #expect(!verdict.isFittedAnew)
    let replay = StopRuleReplay(of: try searches(500..<1000), stages: bad.stages)
    let certified = try #require(verdict.rungs.last { ($0.bound ?? 0) >= 0.85 })
    #expect(replay.outcomes(at: certified.value).reduce(0) { $0 + $1.recall } / 500 >= 0.85)
  }
}
