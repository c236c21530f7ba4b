import LearningCore
import Testing

/// Known answers are printed by known_answers.py, which computes them another way.
struct BettingBoundTests {
  private static let shortRun = "AAAAAAAAAAAAAAAAAAAAAA3A9AAAAA7A7AAAAAAA"
  private static let longRun =
    "AAAAAAAAAAAAAAA4AA6AAAAA8AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA6AA5AA4A8AAAAAAAAAAAAAAAAAAAAAAAAAAAA66AAAA"
    + "AAAAAA8AAAAAA6AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA6AAA7AAAAAAAAAAAAAAAAAAAAAAAAAAAA7AAAAAAA8AA3AA"
    + "AAAAAAAAA4AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA5AAAAAAAAAAAAAAAA8AAAAAAAAA6AAAAAAAAA8AAA576AAAAAAAA"

  private static func recalls(_ hits: String) -> [Float] {
    hits.compactMap(\.hexDigitValue).map { Float($0) / 10 }
  }

  @Test(arguments: [
    (shortRun, 0.95, 0.864840556, 0.997744495), (shortRun, 0.99, 0.823016132, 0.999208107),
    (longRun, 0.95, 0.951669051, 0.983539646), (longRun, 0.99, 0.945571283, 0.985796048),
  ])
  func agreesWithKnownAnswers(hits: String, confidence: Double, lower: Double, upper: Double) throws {
    let bound = BettingBound(confidence: confidence)
    let recalls = Self.recalls(hits)
    let low = try #require(try bound.lower(recalls))
    let high = try #require(try bound.upper(recalls))
    #expect(abs(low - lower) < 3e-8 && abs(high - upper) < 3e-8)
  }

  @Test func perfectAndHopelessRunsAgreeWithKnownAnswers() throws {
    let bound = BettingBound(confidence: 0.95)
    let known = [(59, 0.940103695), (100, 0.964894147)]
    for (count, expected) in known {
      let ones = [Float](repeating: 1, count: count)
      let zeros = [Float](repeating: 0, count: count)
      #expect(abs(try #require(try bound.lower(ones)) - expected) < 3e-8)
      #expect(abs(try #require(try bound.upper(zeros)) - (1 - expected)) < 3e-8)
      #expect(try bound.lower(zeros) == 0)
      #expect(try bound.upper(ones) == 1)
    }
  }

  @Test func nothingIsKnownWithoutObservations() throws {
    #expect(try BettingBound(confidence: 0.95).lower([]) == nil)
    #expect(try BettingBound(confidence: 0.95).upper([]) == nil)
  }

  @Test func evidenceOnceGivenIsNotLost() throws {
    let bound = BettingBound(confidence: 0.95)
    let good = [Float](repeating: 1, count: 200)
    let before = try #require(try bound.lower(good))
    #expect(try bound.lower(good + [Float](repeating: 0, count: 50)) == before)
  }

  @Test func moreConfidenceMeansWiderBounds() throws {
    let recalls = Self.recalls(Self.longRun)
    let lowers = try [0.5, 0.9, 0.95, 0.99, 0.9999].map {
      try #require(try BettingBound(confidence: $0).lower(recalls))
    }
    #expect(zip(lowers, lowers.dropFirst()).allSatisfy { $0 > $1 })
  }

  @Test func survivesVeryLongRuns() throws {
    let bound = BettingBound(confidence: 0.95)
    #expect(try bound.lower([Float](repeating: 0, count: 20_000)) == 0)
    let nearlyOne = try #require(try bound.lower([Float](repeating: 1, count: 20_000)))
    #expect(nearlyOne > 0.9998 && nearlyOne < 1)
  }

  @Test func stopsWhenAsked() {
    let many = [Float](repeating: 0.5, count: 5_000)
    #expect(throws: LearningError.cancelled) {
      try BettingBound(confidence: 0.95).lower(many, check: { () throws(LearningError) in throw .cancelled })
    }
  }

  /// Over whole paths: the bound, which keeps the best of all earlier looks, must stay below the mean in 95 %
  /// of replays.  A bound made for one look fails the same test, so the test can fail.
  @Test func isRightAtAllTimesAtOnce() throws {
    let bound = BettingBound(confidence: 0.95)
    let mean = 0.95
    let replays = Replays.of(400)
    var random = SplitMix64(seed: 1)
    var wrong = 0
    var wrongOfOneLook = 0
    var gap = 0.0
    for _ in 0..<replays {
      let recalls = (0..<300).map { _ in random.recall(mean: mean) }
      let lower = try #require(try bound.lower(recalls))
      gap += (mean - lower) / Double(replays)
      if lower > mean { wrong += 1 }
      if Self.everClaimedByNormalTheory(mean, recalls) { wrongOfOneLook += 1 }
    }
    Replays.tell("bounds above the truth, at most 5 %", replays: replays, wrong: wrong)
    let allowed = 0.05 + 3 * (0.05 * 0.95 / Double(replays)).squareRoot()
    #expect(Double(wrong) / Double(replays) <= allowed)
    #expect(Double(wrongOfOneLook) / Double(replays) > allowed)
    #expect(gap > 0.005 && gap < 0.025, "valid, but of no use: \(gap)")
  }

  /// Whether mean − 1.645 standard errors ever rises above `mean`, from the 30th observation on.
  private static func everClaimedByNormalTheory(_ mean: Double, _ recalls: [Float]) -> Bool {
    var sum = 0.0
    var squares = 0.0
    for (position, recall) in recalls.enumerated() {
      sum += Double(recall)
      squares += Double(recall) * Double(recall)
      let count = Double(position + 1)
      let error = (max(0, squares / count - (sum / count) * (sum / count)) / count).squareRoot()
      if count >= 30 && sum / count - 1.645 * error > mean { return true }
    }
    return false
  }
}
