/// Makes patterns of trajectories: clusters of directions, and what the trials of each cluster tell.
public struct PatternExtractor: Sendable {
  public let space: ParameterSpace
  /// Recall to be reached as cheaply as possible, 0...1; nil: the best quality.
  public let goal: Double?
  /// Clusters to be made; nil: as many as the trajectories show.
  public let clusters: Int?

  public init(space: ParameterSpace, goal: Double? = nil, clusters: Int? = nil) {
    self.space = space
    self.goal = goal
    self.clusters = clusters
  }

  /// Whether a trajectory tells anything: it has a trial, a direction, and finite distances to others.
  static func isTelling(_ trajectory: QueryTrajectory) -> Bool {
    !trajectory.trials.isEmpty && trajectory.embedding.direction != nil
      && (try? VectorMatrix([trajectory.embedding])) != nil
  }

  /// Patterns of level 0, and which trajectories are in none: those without trial or direction, and those of
  /// clusters with fewer than `Optimum.leastMembers` members.
  ///
  /// - Parameters:
  ///   - identifier: of the first pattern, above 0; the next ones follow.
  ///   - now: microseconds of the caller's clock.
  ///   - check: asked now and then whether to go on.
  /// - Throws: `dimension` or `notFinite` for an embedding, `range` (value: position from 1, argument: 1) for a
  ///   trajectory with a trial that cannot be, `range` (argument: 2) for an identifier without enough others after it.
  public func patterns(
    of trajectories: [QueryTrajectory], identifier: Int64, now: Int64, random: inout some RandomNumberGenerator,
    check: () throws(LearningError) -> Void = {}
  ) throws(LearningError) -> (patterns: [LearnedPattern], left: [Int]) {
    try validate(trajectories)
    guard (1...Int64.max - Int64(trajectories.count)).contains(identifier) else {
      throw .range(value: Int(identifier), argument: 2)
    }
    let telling = trajectories.indices.filter { Self.isTelling(trajectories[$0]) }
    guard !telling.isEmpty else { return ([], Array(trajectories.indices)) }
    let points = try VectorMatrix(telling.map { trajectories[$0].embedding })
    let found =
      if let clusters {
        try KMeans(points, clusters: clusters, metric: .cosine, random: &random, check: check)
      } else {
        try KMeans.choosing(points, metric: .cosine, random: &random, check: check)
      }
    var members = [[Int]](repeating: [], count: found.centroids.count)
    for (point, cluster) in found.assignments.enumerated() { members[cluster].append(telling[point]) }
    var patterns: [LearnedPattern] = []
    for cluster in members where cluster.count >= Optimum.leastMembers {
      let identifier = identifier + Int64(patterns.count)
      if let pattern = pattern(of: cluster.map { trajectories[$0] }, identifier: identifier, now: now) {
        patterns.append(pattern)
      }
    }
    let taken = Set(members.filter { $0.count >= Optimum.leastMembers }.joined())
    return (patterns, trajectories.indices.filter { !taken.contains($0) })
  }

  /// One pattern of all these trajectories, each of which tells something; nil of none.
  func pattern(of trajectories: [QueryTrajectory], identifier: Int64, now: Int64) -> LearnedPattern? {
    let evidence = trajectories.flatMap { $0.trials.map(LearnedPattern.Evidence.init) }.merged()
    guard let optimum = Optimum(of: evidence, support: trajectories.count, in: space, goal: goal) else { return nil }
    var sum = [Double](repeating: 0, count: trajectories.first?.embedding.count ?? 0)
    for trajectory in trajectories {
      for (place, component) in (trajectory.embedding.direction ?? []).enumerated() { sum[place] += Double(component) }
    }
    return LearnedPattern(
      id: identifier, centroid: sum.map { Float($0 / Double(trajectories.count)) }, parameters: optimum.parameters,
      support: trajectories.count, confidence: optimum.confidence, evidence: evidence, created: now, updated: now)
  }

  func validate(_ trajectories: [QueryTrajectory]) throws(LearningError) {
    let dimension = trajectories.first?.embedding.count ?? 0
    for (position, trajectory) in trajectories.enumerated() {
      try QueryVector.check(trajectory.embedding.span, expected: dimension)
      guard trajectory.trials.allSatisfy({ $0.isPossible(in: space) }) else {
        throw .range(value: position + 1, argument: 1)
      }
    }
  }
}

extension Trial {
  fileprivate func isPossible(in space: ParameterSpace) -> Bool {
    let shares = [precision, recall].allSatisfy { $0.map { (0...1).contains($0) } ?? true }
    let amounts = [latency, cost].allSatisfy { $0.map { $0 >= 0 && $0.isFinite } ?? true }
    return shares && amounts && space.contains(parameters)
  }
}
