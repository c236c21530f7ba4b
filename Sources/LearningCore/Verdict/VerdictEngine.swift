import Glibc

/// Judges single searches by what is known of them: recall, latency, diversity of the results, feedback.
public struct VerdictEngine: Sendable {
  /// A search whose mean signal is above it succeeded; a share of rows that is not above it is a bad one.
  ///
  /// Every signal runs from the worst, 0, to the best, 1, and the latencies of a class spread evenly over that, so at ½
  /// the good outweighs the bad.
  public let successThreshold: Double

  /// With a threshold of ½.
  public static let standard = VerdictEngine()

  private init() { successThreshold = 0.5 }

  /// The slowest twentieth is slow; among fewer recent searches than this that is not even one.
  private static let slowestShare = 0.05
  private static let leastRecent = 20

  /// - Throws: `range` (argument 1) unless the threshold is in 0..<1.
  public init(successThreshold: Double) throws(LearningError) {
    guard successThreshold >= 0, successThreshold < 1 else {
      throw .range(value: successThreshold < 0 ? -1 : 1, argument: 1)
    }
    self.successThreshold = successThreshold
  }

  /// - Parameter outcome: a number that cannot be (NaN, recall above 1) counts as unknown.
  /// - Complexity: O(rows + recent searches).
  public func judge(_ outcome: SearchOutcome) -> SearchVerdict {
    let signals = SearchVerdict.Signals(
      recall: Self.recall(outcome), latency: Self.latency(outcome), diversity: Self.diversity(outcome),
      feedback: Self.feedback(outcome))
    let known = Moments(signals.known)
    let score = known.count > 0 ? known.mean : nil
    let deviation = known.count > 0 ? (known.squaredDeviations / Double(known.count)).squareRoot() : 0
    return SearchVerdict(
      signals: signals, score: score, isSuccess: score.map { $0 > successThreshold },
      confidence: Double(known.count) / 4 * max(0, 1 - 2 * deviation),
      recommendations: recommendations(outcome, signals))
  }

  /// Recall as a share of what is asked for, at most 1.
  private static func recall(_ outcome: SearchOutcome) -> Double? {
    guard let recall = share(outcome.recall) else { return nil }
    guard let target = share(outcome.target), target > 0 else { return recall }
    return min(1, recall / target)
  }

  /// Share of the recent searches that were slower, those as slow counted by half: on average ½ over a class.
  private static func latency(_ outcome: SearchOutcome) -> Double? {
    guard let latency = outcome.latency, latency.isFinite, !outcome.recentLatencies.isEmpty else { return nil }
    let slower = outcome.recentLatencies.count { $0 > latency }
    let equal = outcome.recentLatencies.count { $0 == latency }
    return (Double(slower) + Double(equal) / 2) / Double(outcome.recentLatencies.count)
  }

  /// Geometric mean of
  /// - the spread of the distances relative to their size, (greatest − least) / greatest magnitude, at most 1;
  /// - the share of rows that repeat no identifier, (distinct − 1) / (rows − 1);
  ///
  /// or the one of them that is known: 0 for a page of duplicates by either.
  private static func diversity(_ outcome: SearchOutcome) -> Double? {
    let factors = [spread(outcome.distances), distinctShare(outcome)].compactMap { $0 }
    return factors.isEmpty ? nil : pow(factors.reduce(1, *), 1 / Double(factors.count))
  }

  private static func spread(_ distances: [Double]) -> Double? {
    guard distances.count >= 2, distances.allSatisfy(\.isFinite), let least = distances.min(),
      let greatest = distances.max()
    else { return nil }
    let size = max(abs(least), abs(greatest))
    return size > 0 ? min(1, greatest / size - least / size) : 0
  }

  private static func distinctShare(_ outcome: SearchOutcome) -> Double? {
    guard let rows = outcome.rows, let distinct = outcome.distinct, rows >= 2, (1...rows).contains(distinct) else {
      return nil
    }
    return Double(distinct - 1) / Double(rows - 1)
  }

  /// Mean of precision and rating / 5, or the one of them that is known.
  private static func feedback(_ outcome: SearchOutcome) -> Double? {
    let opinions = Moments([share(outcome.precision), share(outcome.rating.map { $0 / 5 })].compactMap { $0 })
    return opinions.count > 0 ? opinions.mean : nil
  }

  private static func share(_ number: Double?) -> Double? {
    number.flatMap { (0...1).contains($0) ? $0 : nil }
  }

  /// Only where both are known.
  private static func isLess<Number: Comparable>(_ one: Number?, than other: Number?) -> Bool {
    guard let one, let other else { return false }
    return one < other
  }

  private func recommendations(
    _ outcome: SearchOutcome, _ signals: SearchVerdict.Signals
  ) -> [SearchVerdict.Recommendation] {
    SearchVerdict.Recommendation.allCases.filter { recommendation in
      switch recommendation {
      case .raiseParameter: Self.isLess(Self.share(outcome.recall), than: Self.share(outcome.target))
      case .lowerParameter:
        outcome.recall == 1 && outcome.recentLatencies.count >= Self.leastRecent
          && (signals.latency ?? 1) < Self.slowestShare
      case .widenFilter: outcome.isFiltered && Self.isLess(outcome.rows, than: outcome.limit)
      case .removeDuplicates: Self.mostRepeat(outcome, threshold: successThreshold)
      case .reviseEmbedding: (Self.share(outcome.exactPrecision) ?? 1) <= successThreshold
      case .measure: signals.known.isEmpty
      }
    }
  }

  /// Whether too few rows differ from every other, by their identifiers or by their distances: two rows at the same
  /// distance of one query are almost always the same vector twice.
  private static func mostRepeat(_ outcome: SearchOutcome, threshold: Double) -> Bool {
    let distances = outcome.distances.filter(\.isFinite)
    let byDistance = distances.count >= 2 ? Double(Set(distances).count - 1) / Double(distances.count - 1) : 1
    return min(byDistance, distinctShare(outcome) ?? 1) <= threshold
  }
}
