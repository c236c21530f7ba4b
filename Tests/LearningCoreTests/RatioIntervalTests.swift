import LearningCore
import Testing

/// Known answers are printed by known_answers.py, which takes Student's t from scipy.
struct RatioIntervalTests {
  private struct Known {
    let pairs: [(numerator: Double, denominator: Double)]
    let ratio: Double
    let low: Double
    let high: Double
  }

  private static let known = [
    Known(
      pairs: [(111, 202), (117, 196)], ratio: 0.572864322, low: 0.320014462, high: 0.945532719),
    Known(
      pairs: [(136, 204), (168, 267), (128, 191)], ratio: 0.652567976, low: 0.610690509, high: 0.764417483),
    Known(
      pairs: [(177, 255), (87, 167), (98, 156), (62, 110)], ratio: 0.616279070, low: 0.341559785, high: 0.719912536),
    Known(
      pairs: [
        (138, 211), (68, 149), (80, 197), (176, 342), (64, 120), (108, 203), (71, 168), (97, 190), (98, 165), (70, 168),
      ], ratio: 0.507056979, low: 0.446297818, high: 0.563409733),
    Known(
      pairs: [
        (56, 82), (41, 67), (118, 172), (131, 242), (74, 121), (30, 66), (28, 52), (146, 360), (107, 196), (61, 118),
        (107, 214), (38, 78), (71, 106), (11, 19), (110, 256), (22, 49), (191, 370), (74, 182), (182, 300), (34, 52),
        (305, 613), (143, 232), (51, 76), (179, 311), (142, 221), (61, 128), (63, 96), (203, 364), (125, 262),
        (41, 64),
      ], ratio: 0.538489669, low: 0.507262942, high: 0.576761525),
  ]

  /// The quantile of t is good to 0.2 %, so the interval is within 0.4 % of its width.
  @Test(arguments: known.indices)
  func agreesWithKnownAnswers(position: Int) throws {
    let known = Self.known[position]
    let interval = try #require(RatioInterval(known.pairs))
    let bounds = try #require(interval.bounds)
    let tolerance = 0.004 * (known.high - known.low)
    #expect(abs(interval.ratio - known.ratio) < 1e-9)
    #expect(abs(bounds.lowerBound - known.low) < tolerance && abs(bounds.upperBound - known.high) < tolerance)
  }

  @Test func isUnknownWhereTheDataDoNotBoundIt() throws {
    #expect(RatioInterval([]) == nil)
    #expect(RatioInterval([(1, 0), (2, 0)]) == nil)
    let one = try #require(RatioInterval([(1, 2)]))
    #expect(one.ratio == 0.5 && one.bounds == nil)
    let wild = try #require(RatioInterval([(10, 1), (10, 100)]))
    #expect(wild.bounds == nil)
  }

  @Test func anExactRatioHasNoWidth() throws {
    let bounds = try #require(RatioInterval([(90, 180), (100, 200), (110, 220)])?.bounds)
    #expect(abs(bounds.lowerBound - 0.5) < 1e-6 && abs(bounds.upperBound - 0.5) < 1e-6)
  }
}
