import LearningCore
import Testing

struct SearchOptimizerTests {
  private static let rungs = [
    CertifiedRung(value: 10, labels: 500, recall: 0.93, bound: 0.91, blocks: 100, microseconds: 100),
    CertifiedRung(value: 20, labels: 500, recall: 0.97, bound: 0.955, blocks: 150, microseconds: 150),
    CertifiedRung(value: 40, labels: 500, recall: 0.99, bound: 0.98, blocks: 230, microseconds: 230),
    CertifiedRung(value: 80, labels: 500, recall: nil, bound: nil, blocks: nil),
  ]

  /// A search for which everything speaks for the learned value.
  private static let ideal = SearchFacts(
    kind: .hnsw, mode: .apply, k: 10, isFiltered: false, isAdaptive: true, isSetByUser: false, canBatch: true,
    canFollowRule: true,
    setting: 55, pin: nil, minimum: 1, maximum: 1000, minSamples: 100, goal: RecallGoal(mean: 0.95))

  private func plan(
    _ rungs: [CertifiedRung] = rungs, multipliers: [CertifiedRung] = [],
    _ change: (inout SearchFacts) -> Void = { _ in }
  ) -> SearchPlan {
    var facts = Self.ideal
    change(&facts)
    return SearchOptimizer.plan(facts, rungs: rungs, multipliers: multipliers)
  }

  private func expect(_ plan: SearchPlan, _ source: SearchPlan.Source, _ parameter: Int32, rung: Int? = nil) {
    #expect(plan.source == source && plan.parameter == parameter && plan.rung == rung, "\(plan)")
  }

  @Test func takesTheSmallestValueCertifiedForTheTarget() {
    expect(plan(), .learned, 20, rung: 1)
    expect(plan { $0.goal = RecallGoal(mean: 0.975) }, .learned, 40, rung: 2)
    expect(plan { $0.goal = RecallGoal(mean: 0.9) }, .learned, 10, rung: 0)
    expect(plan { $0.goal = RecallGoal(mean: 0.99) }, .uncertified, 55)
  }

  /// Each fact is added to those before it; the earlier in the order of precedence, the later it comes.
  @Test func whatStandsAgainstItIsWeighedInOrder() {
    var facts = Self.ideal
    func expectNow(_ rungs: [CertifiedRung], _ source: SearchPlan.Source, _ parameter: Int32) {
      expect(SearchOptimizer.plan(facts, rungs: rungs, multipliers: []), source, parameter)
    }
    expectNow([], .uncertified, 55)
    facts.canBatch = false
    facts.isFiltered = true
    expectNow(Self.rungs, .filtered, 55)
    facts.k = nil
    expectNow(Self.rungs, .unknownK, 55)
    facts.mode = .observe
    expectNow(Self.rungs, .observing, 55)
    facts.isAdaptive = false
    expectNow(Self.rungs, .switchedOff, 55)
    facts.pin = 70
    expectNow(Self.rungs, .pinned, 70)
    facts.isSetByUser = true
    expectNow(Self.rungs, .userSet, 55)
  }

  @Test func offIsLikeObserving() {
    expect(plan { $0.mode = .off }, .observing, 55)
  }

  @Test func evidenceNeedsItsLabels() {
    expect(plan { $0.minSamples = 501 }, .uncertified, 55)
    expect(plan { $0.minSamples = 500 }, .learned, 20, rung: 1)
  }

  @Test func aCertifiedValueIsUsedOnlyIfItIsNotTooDear() {
    // 20 reaches 0.96 on average, 40 is certified for it, at 230 / 150 of the cost
    expect(plan { $0.goal = RecallGoal(mean: 0.96) }, .uncertified, 55)
    expect(plan { ($0.goal, $0.setting) = (RecallGoal(mean: 0.96), 40) }, .learned, 40, rung: 2)
  }

  @Test func whatIsInForceIsNotTakenAwayForItsPrice() {
    let goal = RecallGoal(mean: 0.96)
    expect(plan { ($0.goal, $0.inForce) = (goal, .value(40)) }, .learned, 40, rung: 2)
    // that something cheaper is in force is no reason to take it, nor that something is of which nothing is known
    expect(plan { ($0.goal, $0.inForce) = (goal, .value(20)) }, .uncertified, 55)
    expect(plan { ($0.goal, $0.inForce) = (goal, .value(80)) }, .uncertified, 55)
    expect(plan { ($0.goal, $0.inForce) = (goal, .multiplier(1e-5)) }, .uncertified, 55)
    expect(plan { ($0.goal, $0.inForce) = (RecallGoal(mean: 0.99), .value(40)) }, .uncertified, 55)
  }

  @Test func hnswNeverSearchesForFewerRowsThanAreAskedFor() {
    expect(plan { $0.k = 33 }, .learned, 33, rung: 1)
    expect(plan { $0.k = 1000 }, .learned, 1000, rung: 1)
    expect(plan { $0.k = 1001 }, .uncertified, 55)
    expect(plan { ($0.kind, $0.k) = (.ivfflat, 5000) }, .learned, 20, rung: 1)
  }

  @Test func learnedAndPinnedValuesKeepToTheAcceptedRange() {
    expect(plan { $0.maximum = 15 }, .learned, 15, rung: 1)
    expect(plan { ($0.minimum, $0.goal) = (12, RecallGoal(mean: 0.9)) }, .learned, 12, rung: 0)
    expect(plan { $0.pin = 5000 }, .pinned, 1000)
    expect(plan { ($0.minimum, $0.pin) = (4, 1) }, .pinned, 4)
  }

  @Test func theSettingIsLeftAsItIs() {
    expect(plan { ($0.isSetByUser, $0.setting) = (true, 4000) }, .userSet, 4000)
    expect(plan([]) { $0.setting = 0 }, .uncertified, 0)
  }

  @Test func aTargetOrBoundThatIsNoNumberCertifiesNothing() {
    expect(plan { $0.goal = RecallGoal(mean: .nan) }, .uncertified, 55)
    let rung = CertifiedRung(value: 10, labels: 500, recall: .nan, bound: .nan, blocks: 100)
    expect(plan([rung]), .uncertified, 55)
  }

  private static let multipliers = [
    CertifiedRung(value: 1e-5, labels: 250, recall: 0.98, bound: 0.965, blocks: 149, microseconds: 149),
    CertifiedRung(value: 1e-4, labels: 250, recall: 0.97, bound: 0.955, blocks: 130, microseconds: 130),
    CertifiedRung(value: 1e-3, labels: 250, recall: 0.95, bound: 0.93, blocks: 90, microseconds: 90),
  ]

  private func planWithRule(_ change: (inout SearchFacts) -> Void = { _ in }) -> SearchPlan {
    plan(multipliers: Self.multipliers, change)
  }

  @Test func searchesInBatchesWhereThatIsCheaper() {
    let plan = planWithRule()
    #expect(plan == self.planWithRule { $0.k = 7 })
    #expect(plan.source == .learned && plan.stop == 1 && plan.rung == 1 && plan.parameter == 10)
    #expect(planWithRule { $0.k = 33 }.parameter == 33)
    let byList = planWithRule { ($0.kind, $0.k) = (.ivfflat, 33) }
    #expect(byList.stop == 1 && byList.parameter == 1)
    #expect(planWithRule { $0.goal = RecallGoal(mean: 0.96) }.stop == 0)
    // the fixed value 10 is certified for 0.9 and touches 100
    #expect(planWithRule { $0.goal = RecallGoal(mean: 0.9) }.stop == 2)
    let dear = [CertifiedRung(value: 1e-4, labels: 250, recall: 0.97, bound: 0.955, blocks: 150, microseconds: 150)]
    expect(self.plan(multipliers: dear), .learned, 20, rung: 1)
  }

  @Test func filteredSearchesTakeTheirOwnCertifiedValue() {
    let learned = plan { $0.isFiltered = true }
    #expect(learned.source == .learned && learned.rung == 1 && learned.isFiltered && learned.parameter == 20)
    let full = plan([]) { $0.isFiltered = true }
    #expect(full.source == .filtered && full.rung == nil && full.isFiltered && full.parameter == 55)
    #expect(plan([]) { ($0.isFiltered, $0.k) = (true, 70) }.parameter == 70)
    // lists, not rows: k is no least number of them
    #expect(plan([]) { ($0.kind, $0.isFiltered, $0.k) = (.ivfflat, true, 70) }.parameter == 55)
    let lists = plan { ($0.kind, $0.isFiltered, $0.k) = (.ivfflat, true, 70) }
    #expect(lists.isFiltered && lists.rung == 1 && lists.parameter == 20)
    let changes: [(inout SearchFacts) -> Void] = [
      { $0.canBatch = false }, { $0.mode = .observe }, { $0.isSetByUser = true }, { $0.k = nil }, { $0.pin = 9 },
    ]
    for change in changes {
      let plan = plan {
        $0.isFiltered = true
        change(&$0)
      }
      #expect(!plan.isFiltered)
    }
    #expect(!planWithRule().isFiltered)
  }

  @Test func whatBatchesCostIsReckonedInTime() {
    let slow = [CertifiedRung(value: 1e-4, labels: 250, recall: 0.97, bound: 0.955, blocks: 90, microseconds: 150)]
    expect(plan(multipliers: slow), .learned, 20, rung: 1)
    let hardlyQuicker = [
      CertifiedRung(value: 1e-4, labels: 250, recall: 0.97, bound: 0.955, blocks: 90, microseconds: 143)
    ]
    expect(plan(multipliers: hardlyQuicker), .learned, 20, rung: 1)
    let untimed = [CertifiedRung(value: 1e-4, labels: 250, recall: 0.97, bound: 0.955, blocks: 90)]
    expect(plan(multipliers: untimed), .learned, 20, rung: 1)
  }

  @Test func aTailMustBeCertifiedToo() {
    var rungs = Self.rungs
    rungs[1] = CertifiedRung(
      value: 20, labels: 500, recall: 0.97, bound: 0.955, tail: 0.95, tailBound: 0.93, blocks: 150)
    rungs[2] = CertifiedRung(
      value: 40, labels: 500, recall: 0.99, bound: 0.98, tail: 0.99, tailBound: 0.98, blocks: 210)
    expect(plan(rungs) { $0.goal = RecallGoal(mean: 0.95, tail: 0.93) }, .learned, 20, rung: 1)
    expect(plan(rungs) { $0.goal = RecallGoal(mean: 0.95, tail: 0.94) }, .learned, 40, rung: 2)
    expect(plan(rungs) { $0.goal = RecallGoal(mean: 0.95, tail: 0.985) }, .uncertified, 55)
    expect(plan { $0.goal = RecallGoal(mean: 0.95, tail: 0.5) }, .uncertified, 55)
  }

  @Test func searchesInOneGoWhereBatchesAreNotPossible() {
    expect(planWithRule { $0.canBatch = false }, .learned, 20, rung: 1)
    expect(planWithRule { $0.canFollowRule = false }, .learned, 20, rung: 1)
    expect(planWithRule { ($0.k, $0.maximum) = (5, 9) }, .learned, 9, rung: 1)
    expect(planWithRule { $0.k = 1001 }, .uncertified, 55)
    expect(planWithRule { $0.minSamples = 251 }, .learned, 20, rung: 1)
    expect(planWithRule { $0.isSetByUser = true }, .userSet, 55)
  }

  @Test func theRuleAloneMayBeCertified() {
    var rungs = Self.rungs
    rungs[1] = CertifiedRung(value: 20, labels: 500, recall: 0.955, bound: 0.93, blocks: 87, microseconds: 87)
    rungs[2] = CertifiedRung(value: 40, labels: 500, recall: 0.96, bound: 0.94, blocks: 230, microseconds: 230)
    #expect(plan(rungs, multipliers: Self.multipliers).stop == 1)
    // but not at more than one and a half times the value that would do on average
    rungs[1] = CertifiedRung(value: 20, labels: 500, recall: 0.955, bound: 0.93, blocks: 86, microseconds: 86)
    expect(plan(rungs, multipliers: Self.multipliers), .uncertified, 55)
    // unless the setting is as dear
    #expect(plan(rungs, multipliers: Self.multipliers) { $0.setting = 40 }.stop == 1)
  }

  @Test func aValueThatIsNoNumberIsNotUsed() {
    for value in [Float.nan, .infinity, 20.5, 1e30] {
      let rung = CertifiedRung(value: value, labels: 500, recall: 0.97, bound: 0.955, blocks: 150)
      expect(plan([rung]), .uncertified, 55)
    }
  }
}
