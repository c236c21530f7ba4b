import Testing

@testable import LearningCore

struct ConformalRanksTests {
  /// Scores of very few values, so that most are ties: the ranks are uniform and independent all the same.
  @Test func ranksOfExchangeableScoresAreUniform() {
    var random = SplitMix64(seed: 11)
    var ranks = ConformalRanks()
    let numbers = (0..<4000).map { _ in
      ranks.rank(of: Float((0...2).randomElement(using: &random) ?? 0), using: &random)
    }
    let tenths = numbers.reduce(into: [Int](repeating: 0, count: 10)) { $0[Int($1 * 10)] += 1 }
    // 400 each; four of its standard errors
    #expect(tenths.allSatisfy { abs($0 - 400) < 76 }, "\(tenths)")
    let products = zip(numbers, numbers.dropFirst()).map { ($0 - 0.5) * ($1 - 0.5) }
    let covariance: Double = products.reduce(0, +) / 4000
    #expect(abs(covariance) < 0.0053)  // four standard errors again
  }

  @Test func aScoreBeyondAllIsAtTheEnd() {
    var random = SplitMix64(seed: 12)
    var ranks = ConformalRanks()
    for score in 0..<100 { _ = ranks.rank(of: Float(score), using: &random) }
    #expect(ranks.rank(of: 1000, using: &random) > 0.99)
    #expect(ranks.rank(of: -1, using: &random) < 0.01)
  }
}

struct ShiftDetectorTests {
  @Test func falseAlarmsStayWithinTheStatedRate() {
    let (replays, length, level) = (Replays.of(2000), 500, 5000.0)
    var alarms = 0
    for seed in 0..<UInt64(replays) {
      var random = SplitMix64(seed: seed &+ 99)
      var detector = ShiftDetector()
      for _ in 0..<length where detector.wealth < level {
        detector.observe(Double.random(in: 0..<1, using: &random))
      }
      if detector.wealth >= level { alarms += 1 }
    }
    let allowed = Double(replays * length) / level
    // Three standard errors of a count more; a fifth, as wealth reaches the level in jumps.
    #expect(Double(alarms) <= allowed + 3 * allowed.squareRoot() && Double(alarms) > allowed / 5, "\(alarms)")
  }

  /// Too high, too low, too near the middle, to the ends, and one in five beyond all others.
  @Test(arguments: 0..<6) func noticesAnyChange(kind: Int) {
    var random = SplitMix64(seed: UInt64(kind))
    var detector = ShiftDetector()
    for _ in 0..<1000 { detector.observe(Double.random(in: 0..<1, using: &random)) }
    #expect(detector.wealth < 5000)
    var seen = 0
    while detector.wealth < 5000, seen < 1000 {
      let number = Double.random(in: 0..<1, using: &random)
      let other = Double.random(in: 0..<1, using: &random)
      switch kind {
      case 0: detector.observe(max(number, other))
      case 1: detector.observe(min(number, other))
      case 2: detector.observe((number + other) / 2)
      case 3: detector.observe(abs(number - 0.5) < 0.3 ? other : number)
      case 4: detector.observe(other < 0.2 ? 0.999 : number)
      default: detector.observe(other < 0.2 ? 0.001 : number)
      }
      seen += 1
    }
    #expect(seen < 200, "\(seen)")
  }
}

struct ChangePointTests {
  /// One outlier before, and in one column ties only.
  @Test func isBetweenTheNumbersThatDiffer() throws {
    let numbers: [Float] = [3, 1, 9, 2, 1, 2, 7, 8, 7, 9]
    let ties: [Float] = [4, 4, 4, 4, 4, 4, 4, 4, 4, 4]
    #expect(try ChangePoint.find(in: [numbers[...], ties[...]], check: {}) == 6)
    // five of six before are below all since, one is not below the largest
    #expect(ChangePoint.Ascending(numbers[...]).distance(since: 6) == 5.0 / 6)
    #expect(ChangePoint.Ascending(ties[...]).distance(since: 6) == 0)
    #expect(try ChangePoint.find(in: [ties[..<1]], check: {}) == 0)
    #expect(throws: LearningError.cancelled) {
      try ChangePoint.find(in: [ArraySlice(repeating: 1, count: 30)]) { () throws(LearningError) in throw .cancelled }
    }
  }
}

struct QueryMixTests {
  /// Queries near the given centres, each time one of them by lot; a third of them are those that many ask.
  private func queries(_ kinds: [(centers: Range<Int>, count: Int)], seed: UInt64) throws -> VectorMatrix {
    var random = SplitMix64(seed: seed)
    var clusters = Clustered(centers: 30, seed: 5)
    var rows: [[Float]] = []
    for kind in kinds {
      func query() -> [Float] { clusters.vector(near: Int.random(in: kind.centers, using: &random), noise: 0.7) }
      let frequent = (0..<30).map { _ in query() }
      for _ in 0..<kind.count {
        let again = Int.random(in: 0..<3, using: &random) == 0
        rows.append(again ? frequent[Int.random(in: 0..<30, using: &random)] : query())
      }
    }
    return try VectorMatrix(rows)
  }

  private func change(_ vectors: VectorMatrix, seed: UInt64) throws -> QueryMix.Change? {
    var random = SplitMix64(seed: seed)
    return try QueryMix.change(vectors: vectors, facts: [], using: &random)
  }

  @Test func falseAlarmsStayWithinTheStatedRate() throws {
    let (replays, length) = (Replays.of(200), 400)
    let alarms = try (0..<UInt64(replays)).count { seed in
      try change(queries([(0..<20, length)], seed: seed &+ 7), seed: seed) != nil
    }
    let allowed = Double(replays * length) / QueryMix.patience
    Replays.tell(
      "false alarms about the mix of \(length) queries, at most \(allowed)", replays: replays, wrong: alarms)
    print("query mix: \(alarms) false alarms in \(replays) replays of \(length) queries, at most \(allowed)")
    // Three standard errors of a count more.
    #expect(Double(alarms) <= allowed + 3 * allowed.squareRoot(), "\(alarms)")
  }

  /// Half of the queries, later all of them, near centres where nobody asked before.
  @Test(arguments: [(10..<30, 150), (20..<30, 100)]) func noticesQueriesOfAnotherKind(
    centers: Range<Int>, soon: Int
  ) throws {
    var delays: [Int] = []
    var errors: [Int] = []
    var distances: [Double] = []
    for seed in 0..<40 as Range<UInt64> {
      guard
        let change = try change(queries([(0..<20, 500), (centers, 400)], seed: seed &+ 1000), seed: seed)
      else { continue }
      delays.append(change.noticed - 500)
      errors.append(abs(change.since - 500))
      distances.append(change.distance)
    }
    delays.sort()
    errors.sort()
    distances.sort()
    print("query mix: \(delays.count) of 40 noticed, half of them within \(delays[delays.count / 2]) queries")
    #expect(delays.count >= 32 && delays[delays.count / 2] < soon)
    #expect(errors[errors.count / 2] < 10 && errors[errors.count * 9 / 10] < 30, "\(errors)")
    #expect(distances[distances.count / 2] > 0.2, "\(distances)")
  }

  /// Where only the latest queries are looked at for when it was.
  @Test func aChangeAfterManyQueriesIsPlacedAmongAll() throws {
    var random = SplitMix64(seed: 4)
    let before = QueryMix.memory + 700
    let k = (0..<before + 100).map { $0 < before ? Float(Int.random(in: 9...12, using: &random)) : 16 }
    let change = try #require(try QueryMix.change(vectors: nil, facts: [k], using: &random))
    #expect((before..<before + 50).contains(change.noticed) && abs(change.since - before) < 10 && change.distance > 0.9)
  }

  @Test func anotherKOrPassRateIsAnotherMix() throws {
    var random = SplitMix64(seed: 3)
    let k = (0..<600).map { $0 < 400 ? Float((9...12).randomElement(using: &random) ?? 9) : 16 }
    let unknown = [Float](repeating: .nan, count: 600)
    let change = try #require(try QueryMix.change(vectors: nil, facts: [k, unknown], using: &random))
    #expect((400..<430).contains(change.noticed) && (390..<402).contains(change.since) && change.distance > 0.9)
    #expect(try QueryMix.change(vectors: nil, facts: [unknown], using: &random) == nil)
    #expect(throws: LearningError.labels) {
      try QueryMix.change(vectors: nil, facts: [k, [1]], using: &random)
    }
  }
}
