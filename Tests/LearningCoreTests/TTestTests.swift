import LearningCore
import Testing

/// Known answers are printed by known_answers.py, which takes them from scipy.
struct TTestTests {
  private static let one = [
    27.5, 21.0, 19.0, 23.6, 17.0, 17.9, 16.9, 20.1, 21.9, 22.6, 23.1, 19.6, 19.0, 21.7, 21.4,
  ]
  private static let other = [27.1, 22.0, 20.8, 23.4, 23.4, 23.5, 25.8, 22.0, 24.8, 20.2, 30.5]

  @Test func welchAgreesWithTheKnownAnswer() throws {
    let test = try #require(TTest(welch: Moments(Self.one), Moments(Self.other)))
    #expect(abs(test.statistic + 2.710947151618) < 1e-11 && abs(test.freedom - 20.867339712959) < 1e-10)
    #expect(abs(test.twoSided - 1.313412563993e-02) < 1e-12 && abs(test.greater - 9.934329371800e-01) < 1e-12)
    let mirrored = try #require(TTest(welch: Moments(Self.other), Moments(Self.one)))
    #expect(mirrored.statistic == -test.statistic && abs(mirrored.greater - (1 - test.greater)) < 1e-14)
    #expect(abs(mirrored.twoSided - test.twoSided) < 1e-14)
  }

  @Test func pairsAgreeWithTheKnownAnswer() throws {
    let test = try #require(TTest(paired: Moments(zip(Self.one, Self.other).map { $0 - $1 })))
    #expect(abs(test.statistic + 2.750082574094) < 1e-11 && test.freedom == 10)
    #expect(abs(test.twoSided - 2.047534427996e-02) < 1e-12)
  }

  @Test func isUnknownWhereNothingCanBeTested() {
    let some = Moments([1, 2, 3])
    #expect(TTest(welch: some, Moments([1])) == nil && TTest(welch: Moments([]), some) == nil)
    #expect(TTest(welch: Moments([1, 1]), Moments([2, 2])) == nil)
    #expect(TTest(paired: Moments([1])) == nil && TTest(paired: Moments([2, 2, 2])) == nil)
    #expect(TTest(welch: some, Moments([2, 2])) != nil)
  }

  /// Under no difference, p is below α with about probability α.
  @Test func pIsUniformWhenThereIsNoDifference() throws {
    var random = SplitMix64(seed: 3)
    func sample(_ count: Int, width: Double) -> Moments {
      Moments((0..<count).map { _ in Double.random(in: -width...width, using: &random) })
    }
    var welch = 0
    var paired = 0
    for _ in 0..<4000 {
      if try #require(TTest(welch: sample(12, width: 1), sample(20, width: 5))).twoSided < 0.1 { welch += 1 }
      if try #require(TTest(paired: sample(12, width: 1))).greater < 0.1 { paired += 1 }
    }
    #expect((320...480).contains(welch) && (320...480).contains(paired), "\(welch) \(paired)")
  }

  @Test func momentsAreThoseOfAllNumbers() {
    let moments = Moments([2, 4, 4, 4, 5, 5, 7, 9])
    #expect(moments.count == 8 && moments.mean == 5 && abs(moments.squaredDeviations - 32) < 1e-12)
    #expect(Moments([5]).variance == nil && Moments([5, 7]).variance == 2)
  }
}
