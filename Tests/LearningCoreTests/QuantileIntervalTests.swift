import LearningCore
import Testing

/// Known answers are printed by known_answers.py, which takes the binomial distribution from scipy.
struct QuantileIntervalTests {
  private static func ranks(_ count: Int) -> [Double] { (1...count).map { Double($0) }.reversed() }

  @Test(
    arguments: [
      (5, 0.5, nil, nil), (6, 0.5, 1, 6), (10, 0.5, 2, 9), (100, 0.5, 40, 61), (100, 0.9, 84, 96), (100, 0.95, 90, 100),
      (100, 0.99, 97, nil), (299, 0.99, 292, nil), (1000, 0.99, 983, 997), (10000, 0.999, 9983, 9997),
      (10000, 0.5, 4902, 5099),
    ] as [(Int, Double, Double?, Double?)])
  func agreesWithKnownAnswers(count: Int, share: Double, low: Double?, high: Double?) throws {
    let interval = try #require(QuantileInterval(Self.ranks(count), share: share))
    #expect(interval.low == low && interval.high == high)
    #expect(interval.quantile == (share * Double(count)).rounded(.up))
  }

  @Test func isUnknownWhereThereIsNothingToKnow() {
    #expect(QuantileInterval([], share: 0.5) == nil)
    for share in [0, 1, -1, .nan] { #expect(QuantileInterval([1, 2], share: share) == nil) }
    let one = QuantileInterval([7], share: 0.5)
    #expect(one?.quantile == 7 && one?.low == nil && one?.high == nil)
  }

  /// The true quantile lies outside at most as often as promised; a shorter interval would miss it more often.
  @Test func holdsForASkewedDistribution() throws {
    var random = SplitMix64(seed: 11)
    var below = 0
    var above = 0
    for _ in 0..<2000 {
      // the 90th percentile of the square of a uniform number is 0.81
      let sample = (0..<80).map { _ in
        let number = Double.random(in: 0..<1, using: &random)
        return number * number
      }
      let interval = try #require(QuantileInterval(sample, share: 0.9))
      if try #require(interval.low) > 0.81 { below += 1 }
      if try #require(interval.high) < 0.81 { above += 1 }
    }
    #expect((10...60).contains(below) && (5...60).contains(above), "\(below) \(above)")
  }
}

struct BoundedMeanTests {
  @Test func recallsAreBoundedAsByBetting() throws {
    let recalls: [Float] = (0..<120).map { $0 % 10 == 0 ? 0.5 : 1 }
    let mean = try #require(try BoundedMean(recalls, in: 0...1))
    let bound = BettingBound(confidence: 0.975)
    #expect(abs(mean.mean - 0.95) < 1e-12)
    #expect(mean.bounds.lowerBound == (try bound.lower(recalls)))
    #expect(mean.bounds.upperBound == (try bound.upper(recalls)))
  }

  @Test func differencesMayBeNegative() throws {
    let worse = try #require(try BoundedMean([Float](repeating: -0.25, count: 200), in: -1...1))
    #expect(worse.mean == -0.25 && worse.bounds.upperBound < 0 && worse.bounds.lowerBound < -0.25)
    let same = try #require(try BoundedMean([Float](repeating: 0, count: 50), in: -1...1))
    #expect(same.bounds.contains(0) && abs(same.bounds.lowerBound + same.bounds.upperBound) < 1e-6)
  }

  @Test func refusesWhatIsOutside() throws {
    #expect(try BoundedMean([] as [Float], in: 0...1) == nil)
    #expect(throws: LearningError.range(value: 2, argument: 1)) { try BoundedMean([0.5, 1.5], in: 0...1) }
    #expect(throws: LearningError.range(value: 1, argument: 1)) { try BoundedMean([.nan], in: 0...1) }
  }

  @Test func asksWhetherToGoOn() {
    let many = [Float](repeating: 0.5, count: 10_000)
    #expect(throws: LearningError.cancelled) {
      try BoundedMean(many, in: 0...1, check: { () throws(LearningError) in throw .cancelled })
    }
  }
}
