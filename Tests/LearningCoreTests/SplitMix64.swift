import LearningCore

extension SplitMix64 {
  /// Recall@10 of one query: perfect, or of a hard query that finds each neighbour with probability 0.6.
  mutating func recall(mean: Double) -> Float {
    guard Double.random(in: 0..<1, using: &self) < (1 - mean) / 0.4 else { return 1 }
    var hits = 0
    for _ in 0..<10 where Double.random(in: 0..<1, using: &self) < 0.6 { hits += 1 }
    return Float(hits) / 10
  }
}
