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
  private static let ofTenants = Result { try StopRegions.trial(on: tenants(600, seed: 5, scale: 4), goal: goal) }

  @Test func areWorthwhileWhereTenantsDifferInScale() throws {
    let trial = try #require(try Self.ofTenants.get())
    #expect(trial.ratio < 1 && trial.p < 0.05)
    let regions = try #require(trial.regions)
    let scales = (0..<2).map { tenant in regions.scale(at: [Float](repeating: 0, count: 8).with(2, at: tenant * 4)) }
    #expect((3...5).contains(scales[0] / scales[1]))
    // Held-out searches reach the goal with fewer buffers.
    let (fitting, others) = (try Self.tenants(600, seed: 5, scale: 4), try Self.tenants(2000, seed: 6, scale: 4))
    let plain = try #require(try StopRule.fitted(to: fitting))
    let scaled = try #require(try StopRule.fitted(to: fitting, regions: regions))
    #expect(Self.buffers(scaled, others) < 0.9 * Self.buffers(plain, others))
  }

  /// Real searches, and queries that have nothing to do with them, in four clusters.  At 5 % of 40 draws, 8 or more
  /// have a chance of 0.07 %; a t-test of the buffers took 9 of these.
  @Test func areDeclinedWhereQueriesSayNothing() throws {
    var random = SplitMix64(seed: 11)
    var taken = 0
    let draws = Replays.of(40)
    for _ in 0..<draws {
      let searches = try RecordedSearches.wordNet.searches.shuffled(using: &random).prefix(100).map { search in
        let cluster = Int.random(in: 0..<4, using: &random)
        let embedding = (0..<8).map { (axis: Int) in
          (axis == cluster ? 2 : 0) + Float.random(in: -0.5...0.5, using: &random)
        }
        return try BatchedSearch(search.stages, embedding: embedding, isForFitting: true)
      }
      let trial = try #require(try StopRegions.trial(on: searches, goal: Self.goal))
      #expect((trial.regions != nil) == (trial.p < 0.05 && trial.ratio < 1))
      if trial.regions != nil { taken += 1 }
    }
    Replays.tell("regions of queries that say nothing: none is to be taken, 5 % may", replays: draws, wrong: taken)
    #expect(Double(taken) < 0.05 * Double(draws) + 3 * (0.05 * 0.95 * Double(draws)).squareRoot() + 1, "\(taken)")
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
    let regions = try #require(try Self.ofTenants.get()?.regions)
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
