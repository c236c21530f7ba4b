/// Turns new trajectories and the patterns there are into the patterns there should be.
///
/// A trajectory near a pattern is added to it; the others are clustered into new patterns; then what says the same is
/// merged.  Near is what lies, by squared distance, at most twice as far away as the mean member, or so close that
/// `PatternCompressor` would merge it; never what is more than 60° away, which is nearer to the origin.
public struct DistillationEngine: Sendable {
  /// What became of a tick.
  public struct Outcome: Equatable, Sendable {
    /// Level 0, by identifier, ascending.
    public let patterns: [LearnedPattern]
    /// The next free one.
    public let identifier: Int64
    /// Trajectories added to patterns that were there.
    public let absorbed: Int
    /// Positions of the trajectories that are in no pattern: too few like them so far, or they tell nothing.
    public let left: [Int]
  }

  public let extractor: PatternExtractor
  private let compressor: PatternCompressor

  public init(extractor: PatternExtractor) {
    self.extractor = extractor
    compressor = PatternCompressor(space: extractor.space, goal: extractor.goal)
  }

  /// - Parameters:
  ///   - patterns: of a valid bank of the same dimension; those above level 0 are left out.
  ///   - identifier: the next free one.
  ///   - now: microseconds of the caller's clock.
  ///   - check: asked now and then whether to go on.
  /// - Throws: as `PatternExtractor`; `dimension` too where trajectories and patterns differ.
  /// - Complexity: O(trajectories × patterns × dimension), and clustering those that are near none, and O(patterns² ×
  ///   dimension).
  public func distill(
    _ trajectories: [QueryTrajectory], into patterns: [LearnedPattern], identifier: Int64, now: Int64,
    random: inout some RandomNumberGenerator, check: () throws(LearningError) -> Void = {}
  ) throws(LearningError) -> Outcome {
    try extractor.validate(trajectories)
    var patterns = patterns.filter { $0.level == 0 }.sorted { $0.id < $1.id }
    let members = try members(of: patterns, among: trajectories, check)
    for (pattern, near) in members.enumerated() {
      let addition = extractor.pattern(of: near.map { trajectories[$0] }, identifier: 0, now: now)
      if let addition { patterns[pattern] = compressor.merge(patterns[pattern], addition) }
    }
    let absorbed = Set(members.joined())
    let others = trajectories.indices.filter { !absorbed.contains($0) }
    let new = try extractor.patterns(
      of: others.map { trajectories[$0] }, identifier: identifier, now: now, random: &random, check: check)
    return Outcome(
      patterns: try compressor.compress(patterns + new.patterns, check: check),
      identifier: identifier + Int64(new.patterns.count), absorbed: absorbed.count, left: new.left.map { others[$0] })
  }

  /// For each pattern the positions of the trajectories that are near it and to no other nearer.
  private func members(
    of patterns: [LearnedPattern], among trajectories: [QueryTrajectory], _ check: () throws(LearningError) -> Void
  ) throws(LearningError) -> [[Int]] {
    var members = [[Int]](repeating: [], count: patterns.count)
    let telling = trajectories.indices.filter { PatternExtractor.isTelling(trajectories[$0]) }
    guard !patterns.isEmpty, !telling.isEmpty else { return members }
    let points = try VectorMatrix(telling.map { trajectories[$0].embedding }).directions()
    let centroids = try VectorMatrix(patterns.map(\.centroid))
    guard centroids.dimension == points.dimension else {
      throw .dimension(expected: centroids.dimension, given: points.dimension)
    }
    let directions = centroids.directions()
    let borders = patterns.indices.map { pattern in
      let tightness = directions.dot(pattern, centroids, pattern)
      return max(0.5, min(PatternCompressor.sameness, 1 - 2 * (1 - tightness)))
    }
    for (point, trajectory) in telling.enumerated() {
      try check()
      var (nearest, cosine) = (0, -Float.infinity)
      for pattern in patterns.indices {
        let other = points.dot(point, directions, pattern)
        if other > cosine { (nearest, cosine) = (pattern, other) }
      }
      if cosine >= borders[nearest] { members[nearest].append(trajectory) }
    }
    return members
  }
}
