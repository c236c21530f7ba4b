import LearningCore
import Testing

struct StopStageTests {
  private static let facts = StageFacts(nearest: 0.5, kth: 1, last: 2)

  private func stage(_ weights: SIMD4<Float>, _ nextBlocks: Float) -> StopStage {
    StopStage(weights: weights, nextBlocks: nextBlocks)
  }

  @Test func comparesTheMissingShareWithTheCostOfTheNextBatch() {
    // log odds 1 + 2 · 0.5 − 3 · 1 + 0.5 · 2 = 0: half is missing, 100 buffers may bring it
    #expect(stage([1, 2, -3, 0.5], 100).worth(after: Self.facts) == 0.005)
    #expect(stage(.zero, .infinity).worth(after: Self.facts) == 0)
    #expect(stage(.zero, 0).worth(after: Self.facts) == .infinity)
    for (weight, worth) in [(Float(1e9), 0.5), (-1e9, 0)] {
      #expect(stage([weight, 0, 0, 0], 2).worth(after: Self.facts) == worth)
    }
    #expect(stage([.nan, 0, 0, 0], 1).worth(after: Self.facts).isNaN)
    for unknown in [Double.nan, .infinity, -.infinity] {
      for facts in [
        StageFacts(nearest: unknown, kth: 1, last: 1), StageFacts(nearest: 1, kth: unknown, last: 1),
        StageFacts(nearest: 1, kth: 1, last: unknown),
      ] {
        #expect(stage(.zero, 100).worth(after: facts).isNaN)
      }
    }
  }

  @Test func endsNowhereBelowTheLeastWorth() {
    let stage = StopStage(weights: [1, 2, -3, 0.5], nextBlocks: 100, leastWorth: 0.25)
    #expect(stage.worth(after: Self.facts) == 0.25)
    for (multiplier, can) in [(0.006, false), (0.25, false), (0.2501, true)] {
      #expect(stage.canEnd(multiplier: multiplier) == can)
      #expect(stage.ends(after: Self.facts, multiplier: multiplier) == can)
    }
    #expect(StopStage(weights: .zero, nextBlocks: 1, leastWorth: 0.75).worth(after: Self.facts) == 0.75)
    #expect(StopStage(weights: [.nan, 0, 0, 0], nextBlocks: 1, leastWorth: 1).worth(after: Self.facts).isNaN)
  }

  @Test func endsWhereTheNextBatchIsNotWorthIt() {
    let half = stage([1, 2, -3, 0.5], 100)
    #expect(half.ends(after: Self.facts, multiplier: 0.0051) && !half.ends(after: Self.facts, multiplier: 0.005))
    #expect(stage(.zero, .infinity).ends(after: Self.facts, multiplier: 1e-30))
    let unknown = StageFacts(nearest: 0.5, kth: .nan, last: 2)
    #expect(!half.ends(after: unknown, multiplier: 1e9) && !half.ends(after: Self.facts, multiplier: .nan))
  }
}
