/// What was learned about the queries of one kind: patterns, and what they suggest for a query.
///
/// Always holds: identifiers are unique; every pattern fits the space and the dimension; a pattern above level 0 has
/// children of the level below, which have no other parent, and the sum of their support.
public struct ReasoningBank: Equatable, Sendable {
  public let space: ParameterSpace
  public let dimension: Int
  /// As in `PatternExtractor`.
  public let goal: Double?
  /// By identifier, ascending.
  private var entries: [Entry] = []

  private struct Entry: Equatable, Sendable {
    var pattern: LearnedPattern
    let direction: [Float]

    init(_ pattern: LearnedPattern) {
      self.pattern = pattern
      direction = pattern.centroid.direction ?? [Float](repeating: 0, count: pattern.centroid.count)
    }
  }

  /// A pattern of level 0 and its cosine with a query.
  public struct Match: Equatable, Sendable {
    public let pattern: LearnedPattern
    public let similarity: Float
  }

  /// Patterns that a suggestion is made of, at most.
  public static let matches = 3

  /// - Throws: `range` for a dimension (argument 2) or patterns (argument 4, value: identifier) that cannot be.
  public init(
    space: ParameterSpace, dimension: Int, goal: Double? = nil, patterns: [LearnedPattern] = []
  ) throws(LearningError) {
    guard dimension >= 1 else { throw .range(value: dimension, argument: 2) }
    self.space = space
    self.dimension = dimension
    self.goal = goal
    for pattern in patterns {
      guard isPossible(pattern) else { throw .range(value: Int(pattern.id), argument: 4) }
    }
    let ordered = patterns.sorted { $0.id < $1.id }
    entries = ordered.map(Entry.init)
    if let wrong = wrong() { throw .range(value: Int(wrong), argument: 4) }
  }

  /// By identifier, ascending.
  public var patterns: [LearnedPattern] { entries.map(\.pattern) }

  public subscript(id: Int64) -> LearnedPattern? {
    place(of: id).map { entries[$0].pattern }
  }

  // MARK: Look-up

  /// The patterns of level 0 nearest to a query, by cosine descending, then by identifier.
  ///
  /// - Parameter most: how many at most.
  /// - Returns: nothing for a query of another dimension or without direction.
  /// - Complexity: O(patterns × dimension).
  public func lookup(_ query: [Float], most: Int = matches) -> [Match] {
    guard query.count == dimension, let factor = query.inverseLength else { return [] }
    let similarities = entries.map { entry in
      entry.pattern.level == 0 ? factor * query.dot(entry.direction) : -.infinity
    }
    return entries.indices
      .filter { entries[$0].pattern.level == 0 }
      .sorted { (-similarities[$0], $0) < (-similarities[$1], $1) }
      .prefix(max(most, 0))
      .map { Match(pattern: entries[$0].pattern, similarity: similarities[$0]) }
  }

  /// What the nearest patterns advise, nil when none does.
  public func suggestion(for query: [Float]) -> Suggestion? {
    Suggestion(
      of: lookup(query).map { match in
        Suggestion.Advice(
          id: match.pattern.id, similarity: match.similarity, confidence: match.pattern.confidence,
          parameters: match.pattern.parameters)
      }, in: space)
  }

  // MARK: Change

  /// Takes in a pattern of level 0, in place of one with the same identifier.
  ///
  /// - Throws: `dimension` or `notFinite` for the centroid; `range` (argument 1, value: identifier) for anything else
  ///   that cannot be, or when a pattern of another level has the identifier.
  public mutating func store(_ pattern: LearnedPattern) throws(LearningError) {
    try QueryVector.check(pattern.centroid.span, expected: dimension)
    guard isPossible(pattern), pattern.level == 0, self[pattern.id]?.level ?? 0 == 0 else {
      throw .range(value: Int(pattern.id), argument: 1)
    }
    let place = firstPlace(notBefore: pattern.id)
    let isKnown = place < entries.count && entries[place].pattern.id == pattern.id
    entries.replaceSubrange(place..<(isKnown ? place + 1 : place), with: CollectionOfOne(Entry(pattern)))
    settleLevels()
  }

  /// Merges patterns of level 0 that are nearer than `PatternCompressor.sameness`.
  ///
  /// - Throws: `range` (argument 4, value: identifier) where a sum is too large for a pattern; what `check` throws.
  public mutating func consolidate(check: () throws(LearningError) -> Void = {}) throws(LearningError) {
    let level0 = try PatternCompressor(space: space, goal: goal).compress(patterns, check: check)
    if let wrong = level0.first(where: { !isPossible($0) }) { throw .range(value: Int(wrong.id), argument: 4) }
    entries.removeAll { $0.pattern.level == 0 }
    entries = (entries + level0.map(Entry.init)).sorted { $0.pattern.id < $1.pattern.id }
    settleLevels()
  }

  /// Puts other patterns in the place of those above level 0.
  mutating func replaceLevels(_ levels: [LearnedPattern]) {
    let level0 = entries.filter { $0.pattern.level == 0 }
    entries = (level0 + levels.map(Entry.init)).sorted { $0.pattern.id < $1.pattern.id }
  }

  /// Lets the levels above follow level 0: children that are gone are left out, support is summed anew.
  private mutating func settleLevels() {
    let levels = patterns.filter { $0.level > 0 }.sorted { $0.level < $1.level }
    guard !levels.isEmpty else { return }
    var support: [Int64: Int] = [:]
    for entry in entries where entry.pattern.level == 0 { support[entry.pattern.id] = entry.pattern.support }
    var settled: [LearnedPattern] = []
    for var pattern in levels {
      pattern.children.removeAll { support[$0] == nil }
      guard !pattern.children.isEmpty else { continue }
      pattern.support = pattern.children.reduce(0) { $0 + (support[$1] ?? 0) }
      support[pattern.id] = pattern.support
      settled.append(pattern)
    }
    replaceLevels(settled)
  }

  private func place(of id: Int64) -> Int? {
    let place = firstPlace(notBefore: id)
    return place < entries.count && entries[place].pattern.id == id ? place : nil
  }

  private func firstPlace(notBefore id: Int64) -> Int {
    var (low, high) = (0, entries.count)
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].pattern.id < id { low = middle + 1 } else { high = middle }
    }
    return low
  }

  // MARK: What cannot be

  /// The sum of as many supports as there can be patterns is within Int.
  private static let mostSupport = 1 << 40

  private func isPossible(_ pattern: LearnedPattern) -> Bool {
    pattern.id > 0 && pattern.centroid.count == dimension && pattern.centroid.allSatisfy(\.isFinite)
      && space.contains(pattern.parameters) && (1...Self.mostSupport).contains(pattern.support)
      && (0...1).contains(pattern.confidence) && pattern.usage >= 0 && (0...3).contains(pattern.level)
      && pattern.children.isEmpty == (pattern.level == 0) && pattern.evidence.allSatisfy(isPossible)
  }

  private func isPossible(_ evidence: LearnedPattern.Evidence) -> Bool {
    let counts = evidence.counts
    let shares = [evidence.quality, evidence.precision ?? 0, evidence.recall ?? 0]
    let amounts = [evidence.squaredDeviations, evidence.latency ?? 0, evidence.cost ?? 0]
    return space.contains(evidence.parameters) && shares.allSatisfy((0...1).contains)
      && amounts.allSatisfy { $0 >= 0 && $0.isFinite } && (0...Self.mostSupport).contains(counts.trials)
      && [evidence.count, counts.precision, counts.recall, counts.latency, counts.cost]
        .allSatisfy { (0...counts.trials).contains($0) }
  }

  /// The identifier of a pattern that is there twice, or whose children are not as they must be.
  private func wrong() -> Int64? {
    if let twice = zip(entries, entries.dropFirst()).first(where: { $0.pattern.id == $1.pattern.id }) {
      return twice.0.pattern.id
    }
    var adopted: Set<Int64> = []
    for pattern in entries.lazy.map(\.pattern) where pattern.level > 0 {
      let children = pattern.children.compactMap { self[$0] }
      guard children.count == pattern.children.count, children.allSatisfy({ $0.level == pattern.level - 1 }),
        children.reduce(0, { $0 + $1.support }) == pattern.support,
        zip(pattern.children, pattern.children.dropFirst()).allSatisfy(<),
        adopted.isDisjoint(with: pattern.children)
      else { return pattern.id }
      adopted.formUnion(pattern.children)
    }
    return nil
  }
}
