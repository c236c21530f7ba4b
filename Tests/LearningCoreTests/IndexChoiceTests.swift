import LearningCore
import Testing

struct IndexChoiceTests {
  /// At ef_search 40 recall is 0.97 on average, which is not certified; 80 is certified for 0.95, 160 for 0.98.
  private static let rungs = [
    CertifiedRung(value: 10, labels: 500, recall: 0.8, bound: 0.78, tail: 0.5, tailBound: 0.4, blocks: 100),
    CertifiedRung(value: 40, labels: 500, recall: 0.97, bound: 0.94, tail: 0.9, tailBound: 0.8, blocks: 300),
    CertifiedRung(
      value: 80, labels: 500, recall: 0.98, bound: 0.96, tail: 0.95, tailBound: 0.92, blocks: 400, microseconds: 800),
    CertifiedRung(
      value: 160, labels: 500, recall: 0.995, bound: 0.985, tail: 0.98, tailBound: 0.96, blocks: 900,
      microseconds: .infinity),
  ]
  private static let multipliers = [
    CertifiedRung(value: 1e-4, labels: 250, recall: 0.97, bound: 0.955, blocks: 350, microseconds: 700)
  ]

  private func prospect(
    _ rungs: [CertifiedRung] = rungs, multipliers: [CertifiedRung] = [],
    _ change: (inout SearchFacts) -> Void = { _ in }
  ) -> IndexProspect {
    var facts = SearchFacts(
      kind: .hnsw, mode: .apply, k: 10, isFiltered: false, isAdaptive: true, isSetByUser: false, canBatch: true,
      canFollowRule: true, setting: 40, pin: nil, minimum: 1, maximum: 1000, minSamples: 100,
      goal: RecallGoal(mean: 0.95))
    change(&facts)
    return IndexProspect(facts, rungs: rungs, multipliers: multipliers)
  }

  @Test func whatIsCertifiedCostsWhatItWillCost() {
    #expect(prospect() == .certified(blocks: 400, microseconds: 800, value: 80))
    // between the buffers of 40 and of 80
    #expect(prospect(multipliers: Self.multipliers) == .certified(blocks: 350, microseconds: 700, value: 80))
    let whole = prospect(multipliers: Self.multipliers) { $0.canBatch = false }
    #expect(whole == .certified(blocks: 400, microseconds: 800, value: 80))
    // what is withheld as too dear will not be applied
    #expect(prospect { $0.goal = RecallGoal(mean: 0.98) } == .missing(recall: 0.97))
    // a time that is no time is not known
    let untimed = prospect { ($0.goal, $0.setting) = (RecallGoal(mean: 0.98), 160) }
    #expect(untimed == .certified(blocks: 900, microseconds: nil, value: 160))
    #expect(prospect { $0.isFiltered = true } == .certified(blocks: 400, microseconds: 800, value: nil))
  }

  @Test func theValueForTheEstimateIsOneThatPgvectorAccepts() {
    #expect(prospect { $0.k = 100 } == .certified(blocks: 400, microseconds: 800, value: 100))
    #expect(prospect { $0.maximum = 60 } == .certified(blocks: 400, microseconds: 800, value: 60))
    #expect(prospect { ($0.kind, $0.k) = (.ivfflat, 100) } == .certified(blocks: 400, microseconds: 800, value: 80))
    // a rule dearer than every value: the greatest
    let dear = [CertifiedRung(value: 1e-4, labels: 250, recall: 0.97, bound: 0.955, blocks: 450, microseconds: 700)]
    let low = Array(Self.rungs.prefix(3))
    #expect(prospect(low, multipliers: dear) == .certified(blocks: 450, microseconds: 700, value: 80))
  }

  @Test func costsThatAreNoCostsAreNotUsed() {
    for blocks in [0, -1, Float.nan, .infinity] {
      let rung = CertifiedRung(value: 40, labels: 500, recall: 0.97, bound: 0.96, blocks: blocks)
      #expect(prospect([rung]) == .open, "\(blocks)")
    }
  }

  @Test func aSettingThatWasMeasuredToMissIsKnown() {
    let low = Array(Self.rungs.prefix(2))
    #expect(prospect(low) { $0.setting = 10 } == .missing(recall: 0.8))
    #expect(prospect(low) { $0.setting = 40 } == .open)  // 0.97 on average, only not certain
    #expect(prospect(low) { ($0.setting, $0.goal) = (40, RecallGoal(mean: 0.975)) } == .missing(recall: 0.97))
    #expect(prospect(low) { $0.setting = 20 } == .open)  // not measured
    #expect(prospect(low) { ($0.setting, $0.minSamples) = (10, 501) } == .open)
    #expect(prospect([]) { $0.setting = 10 } == .open)
    let unknown = CertifiedRung(value: 10, labels: 500, recall: nil, bound: nil, blocks: 100)
    #expect(prospect([unknown]) { $0.setting = 10 } == .open)
  }

  @Test func theTailCountsWhereItIsAskedFor() {
    let low = Array(Self.rungs.prefix(2))
    #expect(prospect(low) { $0.goal = RecallGoal(mean: 0.95, tail: 0.85) } == .open)
    #expect(prospect(low) { $0.goal = RecallGoal(mean: 0.95, tail: 0.91) } == .missing(recall: 0.97))
    let untold = CertifiedRung(value: 40, labels: 500, recall: 0.97, bound: 0.94, blocks: 100)
    #expect(prospect([untold]) { $0.goal = RecallGoal(mean: 0.95, tail: 0.91) } == .open)
  }

  @Test func labelsOfFilteredSearchesTellOfThoseInBatches() {
    let low = Array(Self.rungs.prefix(2))
    #expect(prospect(low) { ($0.isFiltered, $0.setting) = (true, 10) } == .missing(recall: 0.8))
    #expect(prospect(low) { ($0.isFiltered, $0.setting, $0.canBatch) = (true, 10, false) } == .open)
  }

  @Test func whoeverHasDecidedHasDecided() {
    let changes: [(inout SearchFacts) -> Void] = [
      { $0.isSetByUser = true }, { $0.pin = 9 }, { $0.isAdaptive = false }, { $0.mode = .observe }, { $0.mode = .off },
      { $0.k = nil },
    ]
    for (number, change) in changes.enumerated() { #expect(prospect(Self.rungs, change) == .settled, "\(number)") }
  }

  private static let cheap = IndexProspect.certified(blocks: 400, microseconds: 900, value: 40)
  private static let dear = IndexProspect.certified(blocks: 600, microseconds: 450, value: 9)

  private func prices(_ prospects: [IndexProspect]) -> [Float?]? {
    IndexChoice(prospects).map { choice in prospects.map { choice.price(of: $0) } }
  }

  @Test func timeCountsWhereAllAreTimed() throws {
    let timed = try #require(IndexChoice([Self.cheap, Self.dear]))
    #expect(timed.best == 1 && timed.isByTime && timed.least == 450)
    #expect(prices([Self.cheap, Self.dear]) == [2, 1])
    let untimed = IndexProspect.certified(blocks: 800, microseconds: nil, value: nil)
    let choice = try #require(IndexChoice([untimed, Self.dear, Self.cheap]))
    #expect(choice.best == 2 && !choice.isByTime && choice.least == 400)
    #expect(prices([untimed, Self.dear, Self.cheap]) == [2, 1.5, 1])
    // who is not certified needs no time
    #expect(prices([.open, Self.cheap, Self.dear, .missing(recall: 0.5)]) == [nil, 2, 1, 4])
  }

  @Test func whatMissesTheGoalComesAfterAllThatAreCertified() {
    #expect(prices([.missing(recall: 0.9), Self.cheap]) == [2, 1])
    #expect(prices([.missing(recall: 0.2), .missing(recall: 0.9), Self.dear]) == [2, 2, 1])
  }

  @Test func whatIsNotMeasuredKeepsItsEstimate() {
    #expect(prices([.open, Self.cheap]) == [nil, 1])
    // against it the best one is thought of at its own value
    #expect(IndexChoice([.open, Self.cheap, Self.dear])?.value == 9)
    #expect(IndexChoice([Self.cheap, .missing(recall: 0.9)])?.value == nil)
    #expect(prices([.open, .missing(recall: 0.9)]) == nil)
    #expect(prices([.open, .open]) == nil)
    #expect(prices([]) == nil)
  }

  @Test func oneThatIsSettledSettlesAll() {
    #expect(prices([Self.cheap, .settled]) == nil)
    #expect(prices([.settled, .missing(recall: 0.1)]) == nil)
  }

  @Test func ofEqualsTheFirst() {
    #expect(IndexChoice([.open, Self.cheap, Self.cheap])?.best == 1)
    #expect(prices([Self.cheap, Self.cheap]) == [1, 1])
  }
}
