import LearningCore
import Testing

struct StopStageTests {
  private static let facts = StageFacts(nearest: 0.5, kth: 1, last: 2)

  private func stage(_ weights: SIMD4<Float>, _ nextBlocks: Float, typical: Float = 0) -> StopStage {
    StopStage(weights: weights, nextBlocks: nextBlocks, typicalWorth: typical)
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

  @Test func looksAgainWhereItMayEnd() {
    let stages = [8, 4, 2, 1, 0].map { stage(.zero, 100, typical: $0) }
    func next(_ worth: Double, _ multiplier: Double, after stage: Int = 0) -> Int? {
      stages.next(after: stage, worth: worth, multiplier: multiplier)
    }
    #expect(next(7.9, 8) == nil && next(8, 8) == 1)
    // as hard as usual: batches 1 and 2 are worth 4 and 2
    #expect(next(8, 4.1) == 1 && next(8, 4) == 2 && next(8, 2) == 3 && next(8, 0.5) == 4)
    // twice as hard
    #expect(next(16, 4) == 3 && next(4, 2, after: 1) == 3 && next(1, 1, after: 3) == 4)
    // the last batch ends every search
    #expect(next(.infinity, 1e-30, after: 4) == nil)
  }

  @Test func whatIsNotKnownGoesOnByOne() {
    let stages = [0, 4, .nan, 1, 0].map { stage(.zero, 100, typical: $0) }
    #expect(stages.next(after: 1, worth: .nan, multiplier: 1e9) == 2)
    #expect(stages.next(after: 1, worth: 8, multiplier: .nan) == 2)
    #expect(stages.next(after: 1, worth: 8, multiplier: 1) == 2)
    #expect(stages.next(after: 0, worth: .infinity, multiplier: 1) == 2)
    #expect(stages.next(after: 2, worth: 8, multiplier: 1) == 3)
  }
}
