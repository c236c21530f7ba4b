import LearningCore
import Testing

private let second: Int64 = 1_000_000

/// A worker whose actions change a world of its own, without a server.
private struct Worker {
  var schedule = TickSchedule()
  var facts = TickSchedule.Facts(
    now: 5 * second, interval: 10 * second, distillation: 3600 * second, labelBudget: 0.01, isWoken: false,
    isWaiting: false, classes: [])
  /// Microseconds that a label takes, and a synchronisation.
  var labelTime: Int64 = 30_000
  var syncTime: Int64 = 0
  var spent: Int64 = 0
  var history: [TickSchedule.Action] = []

  /// Acts until the schedule sends it to sleep; returns until when.
  mutating func tick(woken: Bool = false) throws -> Int64 {
    history = []
    facts.isWoken = woken
    while history.count < 10_000 {
      let action = schedule.next(facts)
      facts.isWoken = false
      history.append(action)
      switch action {
      case .sleep(let until): return until
      case .sync: facts.now += syncTime
      case .prune, .distil: break
      case .drain: facts.isWaiting = false
      case .judge(let position): facts.classes[position].judged = facts.classes[position].labels
      case .label(let position):
        facts.classes[position].labels += 1
        facts.now += labelTime
        if facts.classes[position].urgent > 0 {
          facts.classes[position].urgent -= 1
        } else {
          facts.classes[position].candidates -= 1
          spent += labelTime
          schedule.charge(Double(labelTime))
        }
      }
    }
    throw Endless()
  }

  struct Endless: Error {}
}

struct TickScheduleTests {
  private func classFacts(
    candidates: Int = 0, labels: Int = 0, judged: Int? = nil, minSamples: Int = 100, urgent: Int = 0
  ) -> TickSchedule.ClassFacts {
    TickSchedule.ClassFacts(
      candidates: candidates, labels: labels, judged: judged, minSamples: minSamples, urgent: urgent)
  }

  @Test func anActionLongerThanItsIntervalLeavesTheOthersATurn() throws {
    var worker = Worker()
    worker.syncTime = 25 * second
    worker.facts.labelBudget = 1
    worker.facts.classes = [classFacts(candidates: 1000)]
    worker.facts.isWaiting = true
    _ = try worker.tick()
    #expect(worker.history.first == .sync && worker.history.contains(.drain))
    #expect(worker.history.filter { $0 == .label(0) }.count > 100)
    #expect(worker.history.filter { $0 == .sync }.count < 10)
  }

  @Test func takesWhatSomebodyWaitsForAtOnceAndNotFromTheBudget() throws {
    var worker = Worker()
    worker.facts.labelBudget = 0
    worker.facts.classes = [classFacts(candidates: 50), classFacts(candidates: 3, urgent: 200)]
    _ = try worker.tick()
    #expect(worker.history.filter { $0 == .label(1) }.count == 200)
    #expect(!worker.history.contains(.label(0)))
    #expect(worker.history.contains(.judge(1)))
    #expect(worker.schedule.balance == 0)
  }

  @Test func startsBySynchronisingThenDrains() throws {
    var worker = Worker()
    worker.facts.isWaiting = true
    #expect(try worker.tick() == 15 * second)
    #expect(worker.history == [.sync, .drain, .sleep(until: 15 * second)])
  }

  @Test func synchronisesEachIntervalAndOnceForEachWake() throws {
    var worker = Worker()
    _ = try worker.tick()
    worker.facts.now += 9 * second
    #expect(try worker.tick() == 15 * second)
    #expect(worker.history == [.sleep(until: 15 * second)])
    worker.facts.isWaiting = true
    _ = try worker.tick(woken: true)
    #expect(worker.history == [.sync, .drain, .sleep(until: 24 * second)])
    worker.facts.now += 10 * second
    _ = try worker.tick()
    #expect(worker.history == [.sync, .sleep(until: 34 * second)])
  }

  @Test func aRingThatDoesNotEmptyIsNotDrainedEndlessly() throws {
    var schedule = TickSchedule()
    var facts = Worker().facts
    facts.isWaiting = true
    let actions = (0..<3).map { _ in schedule.next(facts) }
    #expect(actions == [.sync, .drain, .sleep(until: 15 * second)])
    facts.now += 10 * second
    #expect([schedule.next(facts), schedule.next(facts)] == [.sync, .drain])
  }

  @Test(arguments: [false, true])
  func prunesEveryTenIntervals(isBusy: Bool) throws {
    var worker = Worker()
    var prunes = 0
    for tick in 0..<25 {
      worker.facts.isWaiting = isBusy
      worker.facts.now = try worker.tick()
      if worker.history.contains(.prune) {
        prunes += 1
        #expect(tick.isMultiple(of: 10))
      }
    }
    #expect(prunes == 2)
  }

  @Test(arguments: [(70, 3), (1, 24)])
  func distilsAtItsOwnInterval(seconds: Int64, times: Int) throws {
    var worker = Worker()
    worker.facts = TickSchedule.Facts(
      now: 0, interval: 10 * second, distillation: seconds * second, labelBudget: 0, isWoken: false, isWaiting: false,
      classes: [])
    let start = worker.facts.now
    var distillations = 0
    while worker.facts.now < start + 250 * second {
      worker.facts.now = try worker.tick()
      if worker.history.contains(.distil) { distillations += 1 }
    }
    #expect(distillations == times)
  }

  @Test func judgesWhatChangedByATenthOrWhenAllIsLabelledByAThirtieth() throws {
    let cases: [(TickSchedule.ClassFacts, isDue: Bool)] = [
      (classFacts(labels: 99), false), (classFacts(labels: 100), true),
      (classFacts(candidates: 5, labels: 109, judged: 100), false),
      (classFacts(candidates: 5, labels: 111, judged: 100), true),
      (classFacts(labels: 102, judged: 100), false), (classFacts(labels: 103, judged: 100), true),
      (classFacts(labels: 100, judged: 100), false), (classFacts(labels: 3, judged: 2, minSamples: 1), true),
      (classFacts(labels: 120, judged: 300), true), (classFacts(labels: 0, judged: nil, minSamples: 0), false),
    ]
    for (facts, isDue) in cases {
      var worker = Worker()
      worker.facts.labelBudget = 0
      worker.facts.classes = [classFacts(), facts]
      _ = try worker.tick()
      #expect(worker.history.contains(.judge(1)) == isDue, "\(facts)")
    }
  }

  @Test func labelsTheNeediestClassFirst() throws {
    var worker = Worker()
    worker.labelTime = 1
    worker.facts.labelBudget = 1
    worker.facts.classes = [
      classFacts(candidates: 3, labels: 9), classFacts(candidates: 2, labels: 7), classFacts(candidates: 0, labels: 0),
      classFacts(candidates: 2, labels: 7),
    ]
    var labelled: [Int] = []
    for _ in 0..<20 {
      worker.facts.now = try worker.tick()
      labelled += worker.history.compactMap { if case .label(let position) = $0 { position } else { nil } }
    }
    #expect(labelled == [1, 3, 1, 3, 0, 0, 0])
  }

  @Test func verdictsComeBeforeLabels() throws {
    var worker = Worker()
    worker.facts.classes = [classFacts(candidates: 1, labels: 0), classFacts(labels: 100)]
    _ = try worker.tick()
    #expect(worker.history.dropLast() == [.sync, .judge(1), .label(0)])
  }

  @Test(arguments: [0, -1, Double.nan])
  func withoutABudgetNothingIsLabelled(budget: Double) throws {
    var worker = Worker()
    worker.facts = TickSchedule.Facts(
      now: 0, interval: 10 * second, distillation: 3600 * second, labelBudget: budget, isWoken: false, isWaiting: false,
      classes: [classFacts(candidates: 5)])
    for _ in 0..<10 { worker.facts.now = try worker.tick() }
    #expect(worker.spent == 0)
  }

  @Test(arguments: [0.001, 0.01, 0.2])
  func keepsToItsBudgetAndUsesIt(budget: Double) throws {
    var worker = Worker()
    worker.facts.labelBudget = budget
    worker.facts.classes = [
      classFacts(candidates: 1_000_000), classFacts(candidates: 1_000_000, labels: 500, minSamples: 10),
    ]
    let start = worker.facts.now
    let end = start + 6 * 3600 * second
    var random = SplitMix64(seed: 3)
    while worker.facts.now < end {
      worker.labelTime = Int64.random(in: 500...80_000, using: &random)
      let until = try worker.tick()
      #expect(until > worker.facts.now && until <= worker.facts.now + 10 * second)
      worker.facts.now = until
    }
    let share = Double(worker.spent) / Double(worker.facts.now - start)
    #expect(share < budget * 1.01 + 80_000 / 6 / 3600e6)
    #expect(share > budget * 0.95)
  }

  @Test func aBudgetIsSavedUpForAMinuteOnly() throws {
    var worker = Worker()
    _ = try worker.tick()
    worker.facts.now += 24 * 3600 * second
    worker.facts.classes = [classFacts(candidates: 1_000_000, minSamples: 1_000_000)]
    _ = try worker.tick()
    #expect(worker.spent >= 600_000 && worker.spent <= 600_000 + 2 * worker.labelTime)
  }

  @Test func aDearLabelIsPaidOff() throws {
    var worker = Worker()
    worker.facts.classes = [classFacts(candidates: 100)]
    worker.labelTime = 2 * second
    _ = try worker.tick()
    #expect(worker.history.count == 3)
    let paid = worker.facts.now + 198 * second
    worker.labelTime = 1
    while worker.facts.now < paid - 2 * second {
      worker.facts.now = try worker.tick()
      #expect(worker.spent == 2 * second || worker.facts.now >= paid - 2 * second)
    }
  }

  @Test func labelsThatFailAtNoCostEndAsWell() throws {
    var schedule = TickSchedule()
    var facts = Worker().facts
    facts.classes = [classFacts(candidates: 1)]
    var calls = 0
    while case let action = schedule.next(facts), calls < 10_000 {
      calls += 1
      schedule.charge(0)
      schedule.charge(.nan)
      schedule.charge(-5)
      if case .sleep = action { break }
    }
    #expect(calls < 10_000)
  }

  @Test func aClockSetBackIsHarmless() throws {
    var worker = Worker()
    worker.facts.now = 1_000_000 * second
    worker.facts.classes = [classFacts(candidates: 1_000)]
    worker.facts.now = try worker.tick()
    worker.facts.now = -7 * second
    #expect(try worker.tick() <= 3 * second)
    worker.facts.now = 3 * second
    _ = try worker.tick()
    #expect(worker.history.first == .sync)
    for now in [Int64.min, .max, 0, .min, .max] {
      worker.facts.now = now == .max ? .max - 100 * second : now
      worker.facts.classes = []
      _ = try worker.tick()
    }
  }

  @Test func anIntervalThatCannotBeIsMadeOne() throws {
    for interval in [Int64.min, -1, 0, 1, .max] {
      var schedule = TickSchedule()
      let facts = TickSchedule.Facts(
        now: 0, interval: interval, distillation: interval, labelBudget: 0.01, isWoken: false, isWaiting: true,
        classes: [classFacts(candidates: 1)])
      let actions = (0..<1000).map { _ in schedule.next(facts) }
      guard case .sleep(let until)? = actions.last else {
        Issue.record("never slept with \(interval)")
        continue
      }
      #expect(until >= 1000)
    }
  }
}
