/// A bank in a few numbers.
public struct BankStatistics: Equatable, Sendable {
  /// Patterns of each level, from 0 to the highest there is.
  public let patterns: [Int]
  /// Trajectories that the patterns of level 0 stand for.
  public let support: Int
  /// Mean over level 0; nil without patterns.
  public let confidence: Double?
  /// Mean quality of the parameters in force less that of the configuration tried most often, averaged over the patterns
  /// of level 0 that know both; nil when none does.
  public let improvement: Double?
}

extension ReasoningBank {
  /// - Complexity: O(patterns × evidence).
  public var statistics: BankStatistics {
    let level0 = patterns.filter { $0.level == 0 }
    let highest = patterns.map(\.level).max() ?? 0
    return BankStatistics(
      patterns: (0...highest).map { level in patterns.count { $0.level == level } },
      support: level0.reduce(0) { $0 + $1.support }, confidence: level0.map(\.confidence).mean,
      improvement: level0.compactMap(\.improvement).mean)
  }
}

extension LearnedPattern {
  fileprivate var improvement: Double? {
    guard let best = evidence.first(where: { $0.parameters == parameters }), let usual = evidence.mostFrequent,
      best.count > 0, usual.count > 0
    else { return nil }
    return best.quality - usual.quality
  }
}

extension [Double] {
  fileprivate var mean: Double? { isEmpty ? nil : reduce(0, +) / Double(count) }
}
