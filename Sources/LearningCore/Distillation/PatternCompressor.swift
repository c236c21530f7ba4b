/// Merges patterns that say the same about the same queries.
public struct PatternCompressor: Sendable {
  public let space: ParameterSpace
  /// As in `PatternExtractor`.
  public let goal: Double?

  /// Patterns with a greater cosine are one.
  public static let sameness: Float = 0.95

  public init(space: ParameterSpace, goal: Double? = nil) {
    self.space = space
    self.goal = goal
  }

  /// Merges the two patterns of level 0 that are nearest, again and again until no two are nearer than `sameness`.
  ///
  /// - Parameters:
  ///   - patterns: in any order, of one dimension; those of other levels are left out.
  ///   - check: asked now and then whether to go on.
  /// - Returns: by identifier, ascending; what was merged has the least of its identifiers.
  /// - Complexity: O(patterns² × dimension).
  public func compress(
    _ patterns: [LearnedPattern], check: () throws(LearningError) -> Void = {}
  ) throws(LearningError) -> [LearnedPattern] {
    var patterns = patterns.filter { $0.level == 0 }.sorted { $0.id < $1.id }
    guard !patterns.isEmpty else { return [] }
    var directions = try VectorMatrix(patterns.map(\.centroid)).directions()
    var isLeft = [Bool](repeating: true, count: patterns.count)
    // Of each pattern the nearest of those after it, if it is near enough.
    var partners = [(pattern: Int, cosine: Float)?](repeating: nil, count: patterns.count)
    func partner(of pattern: Int) -> (pattern: Int, cosine: Float)? {
      var best: (pattern: Int, cosine: Float)?
      for other in pattern + 1..<max(patterns.count, pattern + 1) where isLeft[other] {
        let cosine = directions.dot(pattern, directions, other)
        if cosine > best?.cosine ?? Self.sameness { best = (other, cosine) }
      }
      return best
    }
    for pattern in patterns.indices {
      try check()
      partners[pattern] = partner(of: pattern)
    }
    while true {
      let nearest = patterns.indices.max { (partners[$0]?.cosine ?? 0) < (partners[$1]?.cosine ?? 0) }
      guard let kept = nearest, let gone = partners[kept]?.pattern else { break }
      try check()
      patterns[kept] = merge(patterns[kept], patterns[gone])
      directions[kept] = ArraySlice(patterns[kept].centroid)
      directions.normalize(kept)
      isLeft[gone] = false
      partners[gone] = nil
      for pattern in 0...kept where isLeft[pattern] {
        let cosine = directions.dot(pattern, directions, kept)
        if pattern == kept || partners[pattern]?.pattern == kept || partners[pattern]?.pattern == gone {
          partners[pattern] = partner(of: pattern)
        } else if cosine > partners[pattern]?.cosine ?? Self.sameness {
          partners[pattern] = (kept, cosine)
        }
      }
      for pattern in kept + 1..<max(gone, kept + 1) where partners[pattern]?.pattern == gone {
        partners[pattern] = partner(of: pattern)
      }
    }
    return patterns.indices.filter { isLeft[$0] }.map { patterns[$0] }
  }

  /// One pattern for two of level 0, with the identifier of the first.
  ///
  /// What works best is judged anew from the evidence of both; without evidence it is their blend by support.  What
  /// feedback did to the confidence of each is kept, weighted by support.
  func merge(_ first: LearnedPattern, _ second: LearnedPattern) -> LearnedPattern {
    let support = first.support + second.support
    let share = support > 0 ? Double(second.support) / Double(support) : 0.5
    var merged = first
    merged.support = support
    merged.centroid = zip(first.centroid, second.centroid).map { Float(Double($0) * (1 - share) + Double($1) * share) }
    merged.evidence = (first.evidence + second.evidence).merged()
    let optimum = Optimum(of: merged.evidence, support: support, in: space, goal: goal)
    merged.parameters =
      optimum?.parameters ?? space.blend([(first.parameters, 1 - share), (second.parameters, share)])
      ?? first.parameters
    merged.confidence = min(
      max((optimum?.confidence ?? 0) + (1 - share) * feedback(first) + share * feedback(second), 0), 1)
    let (usage, overflow) = first.usage.addingReportingOverflow(second.usage)
    merged.usage = overflow ? .max : usage
    merged.created = min(first.created, second.created)
    merged.updated = max(first.updated, second.updated)
    return merged
  }

  /// How far the confidence is from what the evidence alone gives.
  private func feedback(_ pattern: LearnedPattern) -> Double {
    let optimum = Optimum(of: pattern.evidence, support: pattern.support, in: space, goal: goal)
    return pattern.confidence - (optimum?.confidence ?? 0)
  }
}
