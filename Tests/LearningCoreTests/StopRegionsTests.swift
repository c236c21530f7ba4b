import LearningCore
import Testing

struct StopRegionsTests {
  private static let width = BatchedSearch.width

  /// Two tenants whose queries lie apart, every other search; the distances of the second are `scale` times as large.
  private static func tenants(_ count: Int, seed: UInt64, scale: Float) throws -> [BatchedSearch] {
    var random = SplitMix64(seed: seed &+ 1)
    return try StagePopulation(count: count, seed: seed).queries.enumerated().map { position, query in
      var numbers = query
      let isSecond = position.isMultiple(of: 2)
      for place in numbers.indices where (2...4).contains(place % width) && isSecond { numbers[place] *= scale }
      let embedding = (0..<8).map { axis in
        (axis == (isSecond ? 0 : 4) ? 2 : 0) + Float.random(in: -0.5...0.5, using: &random)
      }
      return try BatchedSearch(numbers, embedding: embedding, isForFitting: true)
    }
  }

  private static let goal = RecallGoal(mean: 0.95, tail: nil)

  @Test func areWorthwhileWhereTenantsDifferInScale() throws {
    let searches = try Self.tenants(600, seed: 5, scale: 4)
    let trial = try #require(try StopRegions.trial(on: searches, goal: Self.goal))
    #expect(trial.ratio < 1 && trial.p < 0.05)
    let regions = try #require(trial.regions)
    let scales = (0..<2).map { tenant in regions.scale(at: [Float](repeating: 0, count: 8).with(2, at: tenant * 4)) }
    #expect((3...5).contains(scales[0] / scales[1]))
    // Held-out searches reach the goal with fewer buffers.
    let (fitting, others) = (searches, try Self.tenants(2000, seed: 6, scale: 4))
    let plain = try #require(try StopRule.fitted(to: fitting))
    let scaled = try #require(try StopRule.fitted(to: fitting, regions: regions))
    #expect(Self.buffers(scaled, others) < 0.9 * Self.buffers(plain, others))
  }

  /// A false alarm at 5 % at most: of 10 populations 3 or more have a chance of 1.2 %.
  @Test func areDeclinedWhereAllIsOfOneScale() throws {
    var taken = 0
    for seed in 0..<10 {
      let searches = try Self.tenants(120, seed: UInt64(seed * 7), scale: 1)
      let trial = try #require(try StopRegions.trial(on: searches, goal: Self.goal))
      #expect((trial.regions == nil) == (trial.p >= 0.05))
      if trial.regions != nil { taken += 1 }
    }
    #expect(taken < 3)
  }

  @Test func needWhatIsKnownOfEveryQuery() throws {
    let searches = try Self.tenants(99, seed: 1, scale: 4)
    #expect(try StopRegions.trial(on: searches, goal: Self.goal)?.ratio == nil)
    let unplaced = try StagePopulation(count: 200, seed: 1).queries.map { try BatchedSearch($0, isForFitting: true) }
    #expect(try StopRegions.trial(on: unplaced, goal: Self.goal)?.ratio == nil)
    #expect(throws: LearningError.cancelled) {
      try StopRegions.trial(
        on: try Self.tenants(200, seed: 1, scale: 4), goal: Self.goal,
        check: { () throws(LearningError) in throw .cancelled })
    }
  }

  @Test func imagesRoundTripAndDamageIsSeen() throws {
    let regions = try #require(
      try StopRegions.trial(on: Self.tenants(600, seed: 5, scale: 4), goal: Self.goal)?.regions)
    #expect(try StopRegions(image: regions.image) == regions)
    #expect(regions.checksum != 0 && regions.dimension == 8)
    var damaged = regions.image
    damaged[damaged.count / 2] ^= 1
    #expect(throws: LearningError.patterns) { try StopRegions(image: damaged) }
    #expect(regions.scale(at: [1, 2]) == 1 && regions.scale(at: [Float](repeating: 0, count: 8)) == 1)
  }

  /// Mean at the goal.
  private static func buffers(_ rule: StopRule, _ searches: [BatchedSearch]) -> Float {
    let replay = rule.replay(of: searches)
    let outcomes = replay.criticalMultipliers().lazy.map { replay.outcomes(at: $0) }
    let last = outcomes.last { $0.reduce(0) { $0 + $1.recall } >= 0.95 * Float(searches.count) } ?? []
    return last.reduce(0) { $0 + $1.blocks } / Float(max(1, last.count))
  }
}

extension [Float] {
  fileprivate func with(_ component: Float, at place: Int) -> [Float] {
    var copy = self
    copy[place] = component
    return copy
  }
}
