import LearningCore
import Testing

struct VerdictEngineTests {
  private func verdict(
    threshold: Double = 0.5, _ change: (inout SearchOutcome) -> Void
  ) throws -> SearchVerdict {
    var outcome = SearchOutcome()
    change(&outcome)
    return try VerdictEngine(successThreshold: threshold).judge(outcome)
  }

  @Test func nothingKnownIsNoVerdict() throws {
    let verdict = try verdict { _ in }
    #expect(verdict.signals.recall == nil && verdict.signals.latency == nil && verdict.signals.diversity == nil)
    #expect(verdict.signals.feedback == nil && verdict.score == nil && verdict.isSuccess == nil)
    #expect(verdict.confidence == 0 && verdict.recommendations == [.measure])
  }

  @Test func signalsAreWhatTheySay() throws {
    let signals = try verdict {
      $0.recall = 0.72
      $0.target = 0.9
      $0.latency = 3
      $0.recentLatencies = [1, 5, 3, 4]
      $0.distances = [0.9, 0.64, 1]
      $0.rows = 5
      $0.distinct = 2
      $0.precision = 0.25
      $0.rating = 5
    }.signals
    #expect(abs(try #require(signals.recall) - 0.8) < 1e-15 && signals.latency == 0.625)
    #expect(abs(try #require(signals.diversity) - 0.3) < 1e-15, "√(0.36 · 0.25)")
    #expect(signals.feedback == 0.625)
  }

  @Test func recallBeyondTheTargetIsNotBetter() throws {
    let enough = try verdict { ($0.recall, $0.target) = (1, 0.9) }
    #expect(enough.signals.recall == 1 && enough.recommendations.isEmpty)
    #expect(try verdict { $0.recall = 0.3 }.signals.recall == 0.3)
    #expect(try verdict { ($0.recall, $0.target) = (0.89, 0.9) }.recommendations == [.raiseParameter])
    #expect(try verdict { $0.recall = 0.3 }.recommendations.isEmpty, "no target, nothing to reach")
  }

  /// Over a whole class the latency signal is ½ on average, whatever the latencies.
  @Test func latencyIsARank() throws {
    var random = SplitMix64(seed: 6)
    let latencies = (0..<101).map { _ in Double(Int.random(in: 1...20, using: &random)) }
    let signals = try latencies.map { latency in
      try #require(try verdict { ($0.latency, $0.recentLatencies) = (latency, latencies) }.signals.latency)
    }
    #expect(abs(signals.reduce(0, +) / 101 - 0.5) < 1e-12)
    #expect(try verdict { $0.latency = 1 }.signals.latency == nil)
  }

  @Test func slowAndCompleteSearchesCouldDoLess() throws {
    func recommendations(_ latency: Double, recall: Double, recent: Int = 100) throws -> [SearchVerdict.Recommendation]
    {
      try verdict { ($0.recall, $0.latency, $0.recentLatencies) = (recall, latency, (1...recent).map(Double.init)) }
        .recommendations
    }
    #expect(try recommendations(96, recall: 1) == [.lowerParameter])
    #expect(try recommendations(95, recall: 1).isEmpty && recommendations(96, recall: 0.99).isEmpty)
    #expect(try recommendations(1000, recall: 1, recent: 19).isEmpty)
  }

  @Test func aPageOfDuplicatesHasNoDiversity() throws {
    for distances in [[0.3, 0.3, 0.3], [0, 0, 0], [-2, -2, -2]] {
      let verdict = try verdict { ($0.distances, $0.rows, $0.distinct) = (distances, 3, 3) }
      #expect(verdict.signals.diversity == 0 && verdict.recommendations == [.removeDuplicates])
    }
    let repeated = try verdict { ($0.distances, $0.rows, $0.distinct) = ([1, 2, 3], 3, 1) }
    #expect(repeated.signals.diversity == 0 && repeated.recommendations == [.removeDuplicates])
    let half = try verdict { ($0.distances, $0.rows, $0.distinct) = ([1, 2, 3], 3, 2) }
    #expect(half.recommendations == [.removeDuplicates])
    #expect(try verdict { $0.distances = [1, 2, 3] }.recommendations.isEmpty)
    #expect(try verdict { ($0.distances, $0.rows, $0.distinct) = ([1], 1, 1) }.signals.diversity == nil)
    #expect(try verdict { $0.distances = [-1, 1] }.signals.diversity == 1, "inner products may straddle 0")
    #expect(try verdict { $0.distances = [.nan, 1] }.signals.diversity == nil)
    #expect(try verdict { ($0.rows, $0.distinct) = (3, 4) }.signals.diversity == nil)
  }

  @Test func otherReasonsAreNamed() throws {
    #expect(
      try verdict { ($0.rows, $0.limit, $0.isFiltered) = (3, 10, true) }.recommendations == [.widenFilter, .measure])
    #expect(try verdict { ($0.rows, $0.limit) = (3, 10) }.recommendations == [.measure])
    #expect(try verdict { ($0.rows, $0.limit, $0.isFiltered) = (10, 10, true) }.recommendations == [.measure])
    #expect(try verdict { ($0.precision, $0.exactPrecision) = (0.2, 0.5) }.recommendations == [.reviseEmbedding])
    #expect(try verdict { ($0.precision, $0.exactPrecision) = (0.2, 0.6) }.recommendations.isEmpty)
  }

  @Test func successIsAMeanAboveTheThreshold() throws {
    func judge(_ threshold: Double) throws -> SearchVerdict {
      try verdict(threshold: threshold) { ($0.recall, $0.rating) = (1, 1.25) }
    }
    #expect(try judge(0.6).isSuccess == true && judge(0.625).isSuccess == false && judge(0.6).score == 0.625)
    for threshold in [-0.1, 1, .nan] {
      #expect(throws: LearningError.self) { try VerdictEngine(successThreshold: threshold) }
    }
  }

  @Test func confidenceIsHowManySignalsAgree() throws {
    #expect(try verdict { $0.recall = 1 }.confidence == 0.25)
    #expect(try verdict { ($0.recall, $0.rating) = (1, 5) }.confidence == 0.5)
    #expect(try verdict { ($0.recall, $0.rating) = (1, 0) }.confidence == 0, "they could not disagree more")
    let all = try verdict {
      ($0.recall, $0.rating, $0.latency, $0.recentLatencies, $0.distances) = (1, 5, 1, [2, 3], [-1, 1])
    }
    #expect(all.confidence == 1 && all.score == 1 && all.isSuccess == true)
  }

  @Test func numbersThatCannotBeAreUnknown() throws {
    let verdict = try verdict {
      ($0.recall, $0.rating, $0.precision, $0.latency, $0.recentLatencies) = (1.5, 7, .nan, .infinity, [1])
    }
    #expect(verdict.score == nil && verdict.confidence == 0)
  }
}
