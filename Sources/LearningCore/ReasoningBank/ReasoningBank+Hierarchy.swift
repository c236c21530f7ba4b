import Glibc

extension ReasoningBank {
  /// Levels above the concrete one, at most.
  public static let levels = 3

  /// Puts patterns for patterns above level 0, in place of those that are there.
  ///
  /// One tree by Ward's criterion over the directions, weighted by support, is cut so that each level has a like share
  /// of the patterns of the level below: n^⅔, n^⅓ and 1 of n.  A level that would be no smaller than the one below is
  /// left out.
  ///
  /// - Parameters:
  ///   - identifier: the next free one.
  ///   - now: microseconds of the caller's clock.
  ///   - check: asked now and then whether to go on.
  /// - Returns: the next free identifier.
  /// - Throws: `range` (argument 1) for an identifier that is in use or has not enough others after it.
  /// - Complexity: O(patterns² × dimension) time, 4 · patterns² bytes.
  @discardableResult
  public mutating func buildHierarchy(
    identifier: Int64, now: Int64, check: () throws(LearningError) -> Void = {}
  ) throws(LearningError) -> Int64 {
    var below = patterns.filter { $0.level == 0 }
    let (count, last) = (below.count, below.last?.id ?? 0)
    guard identifier > last, identifier <= Int64.max - Int64(Self.levels * count) else {
      throw .range(value: Int(identifier), argument: 1)
    }
    var levels: [LearnedPattern] = []
    var next = identifier
    if count > 1 {
      let tree = try Ward(
        try VectorMatrix(below.map { $0.centroid.direction ?? $0.centroid.map { _ in 0 } }),
        weights: below.map { Double($0.support) }, check: check)
      // Of each pattern of the level below one of the patterns of level 0 it stands for.
      var members = Array(below.indices)
      for exponent in [2.0 / 3, 1.0 / 3, 0] {
        // The power of a whole number may be a little above the whole number it should be.
        let size = Int((pow(Double(count), exponent) - 1e-9).rounded(.up))
        guard size < below.count else { continue }
        let clusters = tree.assignments(clusters: size)
        var children = [[Int]](repeating: [], count: size)
        for (child, member) in members.enumerated() { children[clusters[member]].append(child) }
        members = children.compactMap { $0.first.map { members[$0] } }
        below = children.map { positions in
          defer { next += 1 }
          return parent(of: positions.map { below[$0] }, id: next, now: now)
        }
        levels += below
      }
    }
    replaceLevels(levels)
    return next
  }

  /// One pattern for patterns of one level.
  private func parent(of children: [LearnedPattern], id: Int64, now: Int64) -> LearnedPattern {
    let support = children.reduce(0) { $0 + $1.support }
    let shares = children.map { Double($0.support) / Double(support) }
    var centroid = [Double](repeating: 0, count: dimension)
    for (child, share) in zip(children, shares) {
      for (place, component) in child.centroid.enumerated() { centroid[place] += share * Double(component) }
    }
    // By support alone where nothing is sure.
    let parameters =
      space.blend(zip(children, shares).map { ($0.parameters, $1 * $0.confidence) })
      ?? space.blend(zip(children, shares).map { ($0.parameters, $1) }) ?? []
    return LearnedPattern(
      id: id, centroid: centroid.map { Float($0) }, parameters: parameters, support: support,
      confidence: min(zip(children, shares).reduce(0) { $0 + $1.0.confidence * $1.1 }, 1),
      evidence: children.flatMap(\.evidence).merged(), created: now, updated: now,
      level: (children.first?.level ?? 0) + 1, children: children.map(\.id).sorted())
  }
}
