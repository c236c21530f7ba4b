import LearningCore
import Testing

/// What happens to a policy from its certificate on, replayed on labels of real searches: `Verdict` chooses it by some
/// of them, `Watch` sees others.
struct WatchReplayTests {
  /// How searches change: by as many as make the mean recall of what is applied lower by so much.
  enum Change: CaseIterable {
    /// A share of them finds what it would have found with the least effort: the graph has become worse.
    case poorGraph
    /// Those that did not find all before are asked more often: other queries.
    case hardQueries
  }

  enum Family: CaseIterable { case value, stopRule }

  private static let recorded = RecordedSearches.wordNet
  private static let policies = 10
  /// Of each policy.
  private static let replays = Replays.of(20)

  /// One policy, the searches it is for, and what it finds of them.
  private struct Replay {
    var random: SplitMix64
    let applied: Watch.Applied
    let recall: [Float]
    var watch = Watch()

    init(_ applied: Watch.Applied, seed: UInt64) throws {
      self.applied = applied
      recall = try Self.recall(of: recorded.searches, under: applied)
      random = SplitMix64(seed: seed)
    }

    static func draw(_ count: Int, using random: inout SplitMix64) -> [RecordedSearches.Search] {
      (0..<count).map { _ in recorded.searches[Int.random(in: recorded.searches.indices, using: &random)] }
    }

    static func recall(of searches: [RecordedSearches.Search], under applied: Watch.Applied) throws -> [Float] {
      switch applied {
      case .value(let value):
        let position = try #require(recorded.values.firstIndex(of: value))
        return searches.map { $0.atValues[position].recall }
      case .stopRule(let rule, let multiplier):
        let measured = try searches.map { try BatchedSearch($0.stages, isForFitting: false) }
        return rule.replay(of: measured).outcomes(at: multiplier).map(\.recall)
      }
    }

    var mean: Double { Self.mean(recall) }

    private static func mean(_ recall: [Float]) -> Double {
      recall.reduce(0) { $0 + Double($1) } / Double(recall.count)
    }

    private mutating func observe(_ searches: [RecordedSearches.Search], target: Double) throws {
      watch.observe(
        try recorded.labels(searches, using: &random), of: applied, goal: RecallGoal(mean: target))
    }

    /// As searches always were; in portions, as they come.
    mutating func goOn(_ labels: Int, target: Double) throws {
      var left = labels
      while left > 0 {
        let portion = min(left, Int.random(in: 1...40, using: &random))
        try observe(Self.draw(portion, using: &random), target: target)
        left -= portion
      }
    }

    /// Labels until the alarm, all that are taken; nil: more than `limit`.
    mutating func delay(_ change: Change, to after: Double, target: Double, limit: Int) throws -> Int? {
      let everyone = recorded.searches
      let changed =
        switch change {
        case .poorGraph: everyone.map(\.shallow)
        case .hardQueries: zip(everyone, recall).filter { $1 < 1 }.map(\.0)
        }
      let share = (mean - after) / (mean - Self.mean(try Self.recall(of: changed, under: applied)))
      for label in 1...limit {
        let isChanged = Double.random(in: 0..<1, using: &random) < share
        let from = isChanged ? changed : everyone
        try observe([from[Int.random(in: from.indices, using: &random)]], target: target)
        if watch.isAlarmed { return label }
      }
      return nil
    }
  }

  /// What labels put in force, where they certify anything; several replays of each.
  private func replays(_ family: Family, target: Double) throws -> [Replay] {
    let labels = target < 0.98 ? 400 : 800
    let goal = try Verdict.Goal(recall: RecallGoal(mean: target), minSamples: 100)
    return try (0..<UInt64(Self.policies)).flatMap { seed -> [Replay] in
      var random = SplitMix64(seed: seed)
      let evidence = try Self.recorded.labels(Replay.draw(labels, using: &random), using: &random)
      let applied: Watch.Applied
      switch family {
      case .value:
        let fixed = try FixedValueVerdict(
          judging: evidence, minSamples: goal.minSamples, setting: goal.setting)
        guard let rung = fixed.rungs.first(where: { Double($0.bound ?? 0) >= target }) else { return [] }
        applied = .value(Int32(rung.value))
      case .stopRule:
        guard
          let stop = try StopRuleVerdict(
            judging: evidence, inForce: nil, goal: goal.recall, minSamples: goal.minSamples),
          let rung = stop.rungs.last(where: { Double($0.bound ?? 0) >= target })
        else { return [] }
        applied = .stopRule(stop.rule, multiplier: rung.value)
      }
      return try (0..<UInt64(Self.replays)).map { try Replay(applied, seed: 1000 * (seed + 1) + $0) }
    }
  }

  /// Under a policy as certified, and at the very level that is watched, where the stated rate is meant to hold.
  @Test(arguments: Family.allCases, [0.9, 0.95, 0.98]) func falseAlarmsStayWithinTheStatedRate(
    _ family: Family, target: Double
  ) throws {
    let length = 2000
    var (certified, atLevel) = (0, 0)
    let replays = try replays(family, target: target).filter { $0.mean >= target }
    for var replay in replays {
      var other = replay
      try replay.goOn(length, target: target)
      certified += replay.watch.isAlarmed ? 1 : 0
      try other.goOn(length, target: replay.mean)
      atLevel += other.watch.isAlarmed ? 1 : 0
    }
    let allowed = Double(replays.count * length) * (1 - target) / DropDetector.patience
    print(
      "watch: target \(target), \(family): \(certified) of \(replays.count) replays are false alarms",
      "within \(length) labels as certified, \(atLevel) were the mean the target itself; stated: \(allowed) at most")
    Replays.tell(
      "false alarms of the watch on real searches, \(family), target \(target), at most \(allowed)",
      replays: replays.count, wrong: certified)
    #expect(replays.count >= Self.policies * Self.replays / 2)
    #expect(Double(certified) <= allowed)
    #expect(Double(atLevel) <= allowed + 3 * allowed.squareRoot())
    // the bound is loose: a detector that is much more nervous than this one would keep it
    #expect(certified <= replays.count / 8 && atLevel <= replays.count / 2)
  }

  /// Five hundredths less than before, which may still be near the target, and five hundredths less than asked for.
  @Test(arguments: Family.allCases, [0.95, 0.98]) func noticesALossOfFiveHundredths(
    _ family: Family, target: Double
  ) throws {
    var replays = try replays(family, target: target)
    for position in replays.indices { try replays[position].goOn(300, target: target) }
    replays.removeAll { $0.watch.isAlarmed }
    for change in Change.allCases {
      for fromTarget in [false, true] {
        let outcomes = try replays.map { replay in
          var replay = replay
          let after = (fromTarget ? target : replay.mean) - 0.05
          return try replay.delay(change, to: after, target: target, limit: 1000)
        }
        let delays = outcomes.map { $0 ?? .max }.sorted()
        try #require(delays.count >= Self.policies * Self.replays / 2)
        let soon = delays.count { $0 <= 100 }
        print(
          "watch: target \(target), \(family), \(change), 0.05 below \(fromTarget ? "target" : "before"):",
          "\(delays.count { $0 < .max }) of \(delays.count) noticed, \(soon) within 100 labels,",
          "half within \(delays[delays.count / 2]), 90 % within \(delays[delays.count * 9 / 10])")
        #expect(delays.count { $0 < .max } >= delays.count * 9 / 10)
        if fromTarget { #expect(soon > delays.count / 2) }
      }
    }
  }
}
