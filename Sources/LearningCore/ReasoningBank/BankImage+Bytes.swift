extension BankImage {
  /// The image of a bank.
  ///
  /// - Parameters:
  ///   - offsets: by identifier, of a size that `exp` can take; 0 for patterns without one.
  ///   - random: for the grouping.
  ///   - check: asked now and then whether to go on.
  /// - Throws: `range` for an offset that cannot be (argument 2, value: identifier), or for a bank that is too large
  ///   (argument 1).
  /// - Complexity: O(patterns^1.5 × dimension).
  public static func bytes(
    for bank: ReasoningBank, offsets: [Int64: Float] = [:], random: inout some RandomNumberGenerator,
    check: () throws(LearningError) -> Void = {}
  ) throws(LearningError) -> [UInt8] {
    let patterns = bank.patterns.filter { $0.level == 0 }
    if let wrong = offsets.first(where: { !isPossible(offset: $0.value) }) {
      throw .range(value: Int(wrong.key), argument: 2)
    }
    let directions = patterns.map { $0.centroid.direction ?? $0.centroid.map { _ in 0 } }
    let groups = try groups(of: directions, random: &random, check: check)
    guard
      let layout = BankLayout(
        patterns: patterns.count, dimension: bank.dimension, parameters: bank.space.parameters.count,
        groups: groups.heads.count)
    else { throw .range(value: patterns.count, argument: 1) }
    var image = [UInt8](repeating: 0, count: layout.bytes)
    image.withUnsafeMutableBytes { image in
      func store<Value: BitwiseCopyable>(_ values: some Sequence<Value>, at start: Int) {
        for (place, value) in values.enumerated() {
          image.storeBytes(of: value, toByteOffset: start + place * MemoryLayout<Value>.size, as: Value.self)
        }
      }
      let order = groups.members.joined()
      store(order.lazy.map { patterns[$0].id }, at: layout.ids)
      store(order.lazy.map { patterns[$0].confidence }, at: layout.confidences)
      store(order.lazy.flatMap { patterns[$0].parameters }, at: layout.values)
      store(order.lazy.map { offsets[patterns[$0].id] ?? 0 }, at: layout.offsets)
      store(order.lazy.flatMap { directions[$0] }, at: layout.centroids)
      store(groups.heads.joined(), at: layout.heads)
      var start: UInt32 = 0
      for (group, members) in groups.members.enumerated() where !groups.heads.isEmpty {
        start += UInt32(members.count)
        store(CollectionOfOne(start), at: layout.starts + 4 * (group + 1))
      }
      layout.seal(image)
    }
    return image
  }

  /// Bytes of an image, nil for counts that cannot be.
  public static func size(patterns: Int, dimension: Int, parameters: Int) -> Int? {
    BankLayout(
      patterns: patterns, dimension: dimension, parameters: parameters, groups: groups(for: patterns))?.bytes
  }

  /// At most so many groups for so many patterns.
  private static func groups(for patterns: Int) -> Int {
    patterns < grouped ? 0 : Int(Double(patterns).squareRoot().rounded(.up))
  }

  /// Heads, and for each the positions of its patterns; without heads all in one.
  private static func groups(
    of directions: [[Float]], random: inout some RandomNumberGenerator, check: () throws(LearningError) -> Void
  ) throws(LearningError) -> (heads: [[Float]], members: [[Int]]) {
    let count = groups(for: directions.count)
    guard count > 0 else { return ([], [Array(directions.indices)]) }
    // A group need not be the best one: few iterations do.
    let found = try KMeans(
      VectorMatrix(directions), clusters: count, metric: .cosine, iterations: 10, random: &random, check: check)
    var members = [[Int]](repeating: [], count: found.centroids.count)
    for (pattern, group) in found.assignments.enumerated() { members[group].append(pattern) }
    return (members.indices.map { Array(found.centroids[$0]) }, members)
  }
}
