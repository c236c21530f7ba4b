import LearningCore

/// Queries around centres that lie far apart, and what was tried for them.
struct Clustered {
  let centers: [[Float]]
  private var random: SplitMix64

  init(centers: Int, dimension: Int = 16, seed: UInt64) {
    var random = SplitMix64(seed: seed)
    self.centers = (0..<centers).map { _ in (0..<dimension).map { _ in random.normal() } }
    self.random = random
  }

  mutating func vector(near center: Int, noise: Float = 0.2) -> [Float] {
    centers[center % centers.count].map { $0 + noise * random.normal() }
  }

  mutating func trajectories(_ count: Int, noise: Float = 0.2) -> [QueryTrajectory] {
    (0..<count).map { query in
      let needed = 10.0 * Double(1 + query % centers.count)
      return QueryTrajectory(
        embedding: vector(near: query, noise: noise),
        trials: [10, 20, 40, 80].map { Trial(parameters: [$0], recall: min(1, $0 / needed), cost: $0) }, time: 0)
    }
  }

  mutating func bank(_ count: Int, noise: Float = 0.2) throws -> ReasoningBank {
    try ReasoningBank(
      space: Self.space, dimension: centers[0].count,
      patterns: (0..<count).map { pattern($0 + 1, vector(near: $0, noise: noise)) })
  }

  static let space = ParameterSpace.efSearch

  /// Of level 0, without evidence.
  func pattern(_ id: Int, _ centroid: [Float]) -> LearnedPattern {
    LearnedPattern(
      id: Int64(id), centroid: centroid, parameters: [Double(10 + id % 90)], support: 1 + id % 7,
      confidence: Double(id % 10) / 10, evidence: [], created: 0, updated: 0)
  }
}

extension ParameterSpace {
  static let efSearch: ParameterSpace = {
    do { return try ParameterSpace([.integer(1...1000, .linear)]) } catch { fatalError("\(error)") }
  }()
}

extension SplitMix64 {
  /// Near enough to a normal variate: the sum of 12 uniform ones.
  mutating func normal() -> Float {
    (0..<12).reduce(-6) { sum, _ in sum + Float.random(in: 0..<1, using: &self) }
  }
}

/// The cosine, by a loop in Double that knows nothing of SIMD.
func cosine(_ a: [Float], _ b: [Float]) -> Double {
  func dot(_ a: [Float], _ b: [Float]) -> Double { zip(a, b).reduce(0) { $0 + Double($1.0) * Double($1.1) } }
  return dot(a, b) / (dot(a, a) * dot(b, b)).squareRoot()
}
