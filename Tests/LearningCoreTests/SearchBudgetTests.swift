import LearningCore
import Testing

struct SearchBudgetTests {
  /// Twice the buffers for each step in recall; one search in twenty takes a quarter more than the mean.
  private static let values = [(10, 0.9), (20, 0.95), (40, 0.98), (80, 0.99)].enumerated().map { position, known in
    let blocks = 100 * Float(1 << position)
    return CertifiedRung(
      value: Float(known.0), labels: 500, recall: Float(known.1) + 0.005, bound: Float(known.1).nextUp, blocks: blocks,
      percentiles: SIMD3(blocks, 1.25 * blocks, 2 * blocks), microseconds: 10 * blocks)
  }

  private func highest(
    _ budget: SearchBudget, _ values: [CertifiedRung] = values, multipliers: [CertifiedRung] = [], tail: Double? = nil
  ) -> Double? {
    budget.highestRecall(values: values, multipliers: multipliers, tail: tail, minSamples: 100, setting: nil)
  }

  @Test func isTheHighestRoundRecallWhoseSlowSearchesAreAllowed() {
    #expect(highest(SearchBudget()) == 0.99)
    #expect(highest(SearchBudget(blocks: 1000)) == 0.99)
    #expect(highest(SearchBudget(blocks: 999)) == 0.98)
    #expect(highest(SearchBudget(blocks: 250)) == 0.95)
    #expect(highest(SearchBudget(blocks: 124)) == nil)
    #expect(highest(SearchBudget(microseconds: 2500)) == 0.95)
    #expect(highest(SearchBudget(blocks: 250, microseconds: 1250)) == 0.9)
  }

  @Test func whatIsInForceIsNotWithheldAsTooDear() {
    // 10 seems to reach what 20 is certified for, at four times the buffers
    let values = [(10, 0.95, 0.995), (20, 0.98, 0.997)].map { value, bound, recall in
      let blocks = Float(value * value)
      return CertifiedRung(
        value: Float(value), labels: 500, recall: Float(recall), bound: Float(bound).nextUp, blocks: blocks,
        percentiles: SIMD3(repeating: blocks))
    }
    func highest(inForce: InForce?) -> Double? {
      SearchBudget(blocks: 500).highestRecall(
        values: values, multipliers: [], tail: nil, minSamples: 100, setting: nil, inForce: inForce)
    }
    #expect(highest(inForce: nil) == 0.95)
    #expect(highest(inForce: .value(20)) == 0.98)
  }

  @Test func whatIsNotKnownIsNotAllowed() {
    let untimed = [
      CertifiedRung(
        value: 10, labels: 500, recall: 0.96, bound: 0.9501, blocks: 100, percentiles: SIMD3(100, 120, 200))
    ]
    #expect(highest(SearchBudget(blocks: 120), untimed) == 0.95)
    #expect(highest(SearchBudget(microseconds: 1e9), untimed) == nil)
    let unspread = [CertifiedRung(value: 10, labels: 500, recall: 0.96, bound: 0.9501, blocks: 100, microseconds: 10)]
    #expect(highest(SearchBudget(), unspread) == nil)
    #expect(highest(SearchBudget(), []) == nil)
  }

  /// What would be put in force counts, not what is certified besides.
  @Test func aRuleThatWouldBeTakenMustFitItself() {
    let rule = CertifiedRung(
      value: 0.01, labels: 500, recall: 0.985, bound: 0.9801, blocks: 200, percentiles: SIMD3(150, 700, 900),
      microseconds: 2000)
    #expect(highest(SearchBudget(blocks: 500)) == 0.98)
    #expect(highest(SearchBudget(blocks: 500), multipliers: [rule]) == 0.95)
    #expect(highest(SearchBudget(blocks: 700), multipliers: [rule]) == 0.98)
  }

  @Test func theTailIsAskedForInAnyCase() {
    #expect(highest(SearchBudget(), tail: 0.9) == nil)
  }
}
