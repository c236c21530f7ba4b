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
