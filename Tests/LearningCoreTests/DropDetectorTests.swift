import LearningCore
import Testing

/// Recalls of searches for ten neighbours with a given mean, spread as those of real ones: most find all, some few little.
private struct Searches {
  var random: SplitMix64
  let mean: Double

  mutating func next() -> Double {
    // Of 10 neighbours 0, 1, 2, … are missing, each as often as a geometric law says that has this mean.
    let missing = (1 - mean) * 10
    var lost = 0
    while lost < 10, Double.random(in: 0..<1, using: &random) < missing / (1 + missing) { lost += 1 }
    return 1 - Double(lost) / 10
  }
}

struct DropDetectorTests {
  /// Observations until the alarm, nil when there is none within `limit`.
  private func delay(
    seed: UInt64, level: Double, before: (mean: Double, count: Int), after: Double, limit: Int
  ) -> Int? {
    var detector = DropDetector()
    var good = Searches(random: SplitMix64(seed: seed), mean: before.mean)
    for _ in 0..<before.count {
      detector.observe(good.next(), below: level)
      if detector.isAlarmed { return nil }
    }
    var bad = Searches(random: SplitMix64(seed: seed &+ 1_000_000), mean: after)
    return (1...limit).first { _ in
      detector.observe(bad.next(), below: level)
      return detector.isAlarmed
    }
  }

  @Test func wealthIsThatOfGamesBegunWithEachObservation() {
    var detector = DropDetector()
    detector.observe(0.9, below: 0.95)  // a gain of 1
    #expect((detector.wealth - 0.0125 * (1 + SIMD4(0.5, 0.3, 0.15, 0.06))).max().magnitude < 1e-12)
    detector.observe(1, below: 0.95)  // a loss of the stake
    let expected = (0.0125 * (1 + SIMD4(0.5, 0.3, 0.15, 0.06)) + 0.0125) * (1 - SIMD4(0.5, 0.3, 0.15, 0.06))
    #expect((detector.wealth - expected).max().magnitude < 1e-12)
  }

  /// At the very level: n · (1 - level) / patience is an upper bound of the share that alarms within n.
  @Test(arguments: [0.9, 0.95, 0.98, 0.99]) func falseAlarmsStayWithinTheStatedRate(level: Double) {
    let length = 500
    let replays = Replays.of(2000)
    var alarms = 0
    for seed in 0..<UInt64(replays) {
      // The geometric law is cut at ten: its mean lies above, a little.
      var searches = Searches(random: SplitMix64(seed: seed &+ 77), mean: level)
      var detector = DropDetector()
      for _ in 0..<length where !detector.isAlarmed { detector.observe(searches.next(), below: level) }
      if detector.isAlarmed { alarms += 1 }
    }
    let allowed = Double(replays * length) * (1 - level) / DropDetector.patience
    Replays.tell("false alarms of the watch at recall \(level), at most \(allowed)", replays: replays, wrong: alarms)
    // Three standard errors of a count more.
    #expect(Double(alarms) <= allowed + 3 * allowed.squareRoot(), "\(alarms)")
  }

  /// A recall of 0.05 less after a thousand good labels.
  @Test(arguments: [(0.95, 0.957), (0.98, 0.983), (0.99, 0.992)]) func noticesALossOfFiveHundredths(
    level: Double, before: Double
  ) {
    let delays = (0..<200).map {
      delay(seed: UInt64($0), level: level, before: (before, 1000), after: before - 0.05, limit: 2000)
    }
    let noticed = delays.compactMap { $0 }.sorted()
    // The others are alarms before there was reason, of which 1000 labels so near the level allow some.
    #expect(noticed.count >= 180)
    #expect(noticed[noticed.count / 2] <= 100, "\(noticed[noticed.count / 2])")
  }

  @Test func staysSilentWhileAllIsWell() {
    for seed in 0..<200 as Range<UInt64> {
      var searches = Searches(random: SplitMix64(seed: seed), mean: 0.96)
      var detector = DropDetector()
      for _ in 0..<3000 { detector.observe(searches.next(), below: 0.95) }
      #expect(!detector.isAlarmed)
    }
  }
}

struct WatchTests {
  @Test func tellsWhatItSawAndSinceWhen() {
    var watch = Watch()
    let goal = RecallGoal(mean: 0.9)
    for _ in 0..<100 { watch.observe(1, goal: goal) }
    #expect(watch.labels == 100 && watch.recall == 1 && !watch.isAlarmed)
    var observed = 0
    while !watch.isAlarmed && observed < 100 {
      watch.observe(0.5, goal: goal)
      observed += 1
    }
    #expect(observed < 15 && watch.recentLabels <= observed + 1)
    #expect((watch.recentRecall ?? 0) < 0.55 && (watch.recall ?? 0) > 0.9)
  }

  @Test func aMissedTailIsAnAlarmOnlyWhereItIsAskedFor() {
    var (lenient, strict) = (Watch(), Watch())
    for number in 0..<400 {
      let found: Float = number % 5 == 0 ? 0.8 : 1
      lenient.observe(found, goal: RecallGoal(mean: 0.9))
      if !strict.isAlarmed { strict.observe(found, goal: RecallGoal(mean: 0.9, tail: 0.95)) }
    }
    #expect(!lenient.isAlarmed && strict.isAlarmed)
  }
}
