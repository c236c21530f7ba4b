import LearningCore
import Testing

/// Known answers are printed by known_answers.py, which takes them from scipy.
struct MixShiftTests {
  @Test func agreesWithTheKnownAnswer() throws {
    let shift = try #require(MixShift(from: [1: 40, 2: 30, 3: 20, 4: 10], to: [1: 20, 2: 35, 3: 22, 4: 23]))
    #expect(abs(shift.distance - 0.2) < 1e-15)
    #expect(abs(try #require(shift.p) - 6.520095684772e-03) < 1e-14)
  }

  @Test func rareCategoriesAreTestedAsOne() throws {
    let shift = try #require(MixShift(from: [1: 40, 2: 30, 3: 4, 4: 2], to: [1: 20, 2: 35, 4: 5, 5: 4]))
    #expect(abs(try #require(shift.p) - 3.558383925492e-02) < 1e-13)
    // The rare ones together are still too rare, and go with the rarest other.
    let few = try #require(MixShift(from: [1: 40, 2: 30, 3: 2], to: [1: 20, 2: 35, 4: 2]))
    let merged = try #require(MixShift(from: [1: 42, 2: 30], to: [1: 22, 2: 35]))
    #expect(few.p == merged.p && few.distance > merged.distance)
  }

  @Test func isUnknownWhereNothingCanBeTested() {
    #expect(MixShift(from: [:], to: [1: 5]) == nil && MixShift(from: [1: 5], to: [1: 0]) == nil)
    #expect(MixShift(from: [1: 50], to: [1: 70]) == MixShift(from: [2: 5], to: [2: 7]))
    #expect(MixShift(from: [1: 50], to: [1: 70])?.p == nil && MixShift(from: [1: 50], to: [1: 70])?.distance == 0)
    #expect(MixShift(from: [1: 2, 2: 2], to: [1: 1, 3: 2])?.p == nil)
    #expect(MixShift(from: [1: 2], to: [3: 2])?.distance == 1)
  }

  /// Two samples of one mix look different with about the probability that p says; those of two mixes do.
  @Test func pTellsChanceFromShift() throws {
    var random = SplitMix64(seed: 8)
    func sample(_ count: Int, of categories: Int) -> [Int: Int] {
      var counts: [Int: Int] = [:]
      for _ in 0..<count {
        let pick = min(Int.random(in: 0..<categories, using: &random), Int.random(in: 0..<categories, using: &random))
        counts[pick, default: 0] += 1
      }
      return counts
    }
    var alarms = 0
    var found = 0
    for _ in 0..<1000 {
      if try #require(MixShift(from: sample(200, of: 12), to: sample(300, of: 12))?.p) < 0.05 { alarms += 1 }
      if try #require(MixShift(from: sample(200, of: 12), to: sample(300, of: 7))?.p) < 0.05 { found += 1 }
    }
    #expect((25...75).contains(alarms) && found == 1000, "\(alarms) \(found)")
  }
}
