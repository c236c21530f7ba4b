/// A seeded generator for simulations.
///
/// - Source: Steele, Lea, Flood 2014, *Fast splittable pseudorandom number generators*.
struct SplitMix64: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// Recall@10 of one query: perfect, or of a hard query that finds each neighbour with probability 0.6.
  mutating func recall(mean: Double) -> Float {
    guard Double.random(in: 0..<1, using: &self) < (1 - mean) / 0.4 else { return 1 }
    var hits = 0
    for _ in 0..<10 where Double.random(in: 0..<1, using: &self) < 0.6 { hits += 1 }
    return Float(hits) / 10
  }
}
