import LearningCore
import Testing

struct BoundedMeanTests {
  @Test func recallsAreBoundedAsByBetting() throws {
    let recalls: [Float] = (0..<120).map { $0 % 10 == 0 ? 0.5 : 1 }
    let mean = try #require(try BoundedMean(recalls.map { Double($0) }, in: 0...1))
    let bound = BettingBound(confidence: 0.975)
    #expect(abs(mean.mean - 0.95) < 1e-12)
    #expect(mean.bounds.lowerBound == (try bound.lower(recalls)))
    #expect(mean.bounds.upperBound == (try bound.upper(recalls)))
  }

  @Test func differencesMayBeNegative() throws {
    let worse = try #require(try BoundedMean([Double](repeating: -0.25, count: 200), in: -1...1))
    #expect(worse.mean == -0.25 && worse.bounds.upperBound < 0 && worse.bounds.lowerBound < -0.25)
    let same = try #require(try BoundedMean([Double](repeating: 0, count: 50), in: -1...1))
    #expect(same.bounds.contains(0) && abs(same.bounds.lowerBound + same.bounds.upperBound) < 1e-6)
  }

  @Test func refusesWhatIsOutside() throws {
    #expect(try BoundedMean([] as [Double], in: 0...1) == nil)
    #expect(throws: LearningError.range(value: 2, argument: 1)) { try BoundedMean([0.5, 1.5], in: 0...1) }
    #expect(throws: LearningError.range(value: 1, argument: 1)) { try BoundedMean([.nan], in: 0...1) }
  }

  @Test func asksWhetherToGoOn() {
    let many = [Double](repeating: 0.5, count: 10_000)
    #expect(throws: LearningError.cancelled) {
      try BoundedMean(many, in: 0...1, check: { () throws(LearningError) in throw .cancelled })
    }
  }
}
