extension LearnedPattern.Evidence {
  /// What one trial tells.
  public init(_ trial: Trial) {
    self.init(
      parameters: trial.parameters, count: trial.quality == nil ? 0 : 1, quality: trial.quality ?? 0,
      squaredDeviations: 0, precision: trial.precision, recall: trial.recall, latency: trial.latency,
      cost: trial.cost,
      counts: Counts(
        trials: 1, precision: trial.precision == nil ? 0 : 1, recall: trial.recall == nil ? 0 : 1,
        latency: trial.latency == nil ? 0 : 1, cost: trial.cost == nil ? 0 : 1))
  }

  /// Adds what is known of the same configuration from other trials.
  ///
  /// - Source: Chan, Golub, LeVeque 1979, *Updating formulae and a pairwise algorithm for computing sample variances*.
  public mutating func merge(_ other: Self) {
    let total = count + other.count
    if total > 0 {
      let share = Double(other.count) / Double(total)
      let step = other.quality - quality
      quality += step * share
      squaredDeviations += other.squaredDeviations + step * step * share * Double(count)
      count = total
    }
    merge(other, \.precision, \.precision)
    merge(other, \.recall, \.recall)
    merge(other, \.latency, \.latency)
    merge(other, \.cost, \.cost)
    counts.trials += other.counts.trials
  }

  private mutating func merge(
    _ other: Self, _ mean: WritableKeyPath<Self, Double?>, _ count: WritableKeyPath<Counts, Int>
  ) {
    guard let theirs = other[keyPath: mean] else { return }
    counts[keyPath: count] += other.counts[keyPath: count]
    let own = self[keyPath: mean] ?? theirs
    let share = Double(other.counts[keyPath: count]) / Double(max(counts[keyPath: count], 1))
    self[keyPath: mean] = own + (theirs - own) * share
  }
}

extension [LearnedPattern.Evidence] {
  /// Configurations that a pattern keeps: as many as a ladder of values has rungs at most.
  public static let most = 32

  /// One entry for each configuration, by parameters ascending; of more than `most` the most frequent.
  ///
  /// - Complexity: O(n log n).
  public func merged() -> Self {
    var merged: Self = []
    for evidence in sorted(by: { $0.parameters.lexicographicallyPrecedes($1.parameters) }) {
      if merged.last?.parameters == evidence.parameters {
        merged[merged.count - 1].merge(evidence)
      } else {
        merged.append(evidence)
      }
    }
    guard merged.count > Self.most else { return merged }
    let kept = merged.indices
      .sorted { (-merged[$0].counts.trials, $0) < (-merged[$1].counts.trials, $1) }
      .prefix(Self.most)
    return kept.sorted().map { merged[$0] }
  }
}
