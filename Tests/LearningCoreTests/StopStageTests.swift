import LearningCore
import Testing

struct StopStageTests {
  private static let facts = StageFacts(nearest: 0.5, kth: 1, last: 2)

  @Test func comparesTheMissingShareWithTheCostOfTheNextBatch() {
    // log odds 1 + 2 · 0.5 − 3 · 1 + 0.5 · 2 = 0: half is missing, 100 buffers may bring it
    let stage = StopStage(weights: [1, 2, -3, 0.5], nextBlocks: 100)
    #expect(stage.worth(after: Self.facts) == 0.005)
    #expect(!stage.ends(after: Self.facts, multiplier: 0.005))
    #expect(stage.ends(after: Self.facts, multiplier: 0.00501))
  }

  @Test func whatIsNotKnownEndsNoSearch() {
    let stage = StopStage(weights: [-50, 0, 0, 0], nextBlocks: 100)
    #expect(stage.ends(after: Self.facts, multiplier: 1e-9))
    for unknown in [Double.nan, .infinity, -.infinity] {
      for facts in [
        StageFacts(nearest: unknown, kth: 1, last: 1), StageFacts(nearest: 1, kth: unknown, last: 1),
        StageFacts(nearest: 1, kth: 1, last: unknown),
      ] {
        #expect(!stage.ends(after: facts, multiplier: 1e9))
      }
    }
    #expect(!stage.ends(after: Self.facts, multiplier: .nan))
    #expect(!StopStage(weights: [.nan, 0, 0, 0], nextBlocks: 1).ends(after: Self.facts, multiplier: 1e9))
  }

  @Test func theLastStageAlwaysEndsAndAnUnknownOneNever() {
    let last = StopStage(weights: .zero, nextBlocks: .infinity)
    #expect(last.ends(after: Self.facts, multiplier: 1e-30))
    let unknown = StopStage(weights: .zero, nextBlocks: 0)
    #expect(!unknown.ends(after: Self.facts, multiplier: 1e30))
  }

  @Test func extremeOddsStayInRange() {
    for (weight, worth) in [(Float(1e9), 0.5), (-1e9, 0)] {
      let stage = StopStage(weights: [weight, 0, 0, 0], nextBlocks: 2)
      #expect(stage.worth(after: Self.facts) == worth)
    }
  }
}
