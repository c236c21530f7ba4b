/// A tree of clusters, each merge the one that adds least to the sum of squared distances from the clusters' means.
///
/// Chains of nearest neighbours find the merges: since a merge never brings clusters nearer to a third, two clusters
/// that are each other's nearest can be merged at once.
///
/// - Source: Murtagh, Legendre 2014, *Ward's hierarchical agglomerative clustering method: which algorithms implement
///   Ward's criterion?* (heights as in its Ward2); Müllner 2011, *Modern hierarchical, agglomerative clustering
///   algorithms*, §3.
public struct Ward: Equatable, Sendable {
  public struct Merge: Equatable, Sendable {
    /// A point by its position, or the cluster of merge `m` as `points + m`.  The lesser first.
    public let left: Int
    public let right: Int
    /// √(2ab/(a+b)) times the distance of the two means, a and b their weights.
    public let height: Double
    public let weight: Double
  }

  public let points: Int
  /// One fewer than points, by height ascending.
  public let merges: [Merge]

  /// - Parameters:
  ///   - weights: of the points, each above 0; nil: all 1.
  ///   - check: asked now and then whether to go on.
  /// - Throws: `range` (argument 2) for weights that cannot be.
  /// - Complexity: O(points² × dimension) time, 4 · points² bytes.
  public init(
    _ vectors: VectorMatrix, weights: [Double]? = nil, check: () throws(LearningError) -> Void = {}
  ) throws(LearningError) {
    let weights = weights ?? [Double](repeating: 1, count: vectors.count)
    guard weights.count == vectors.count, weights.allSatisfy({ $0 > 0 && $0 <= 0x1p53 }) else {
      throw .range(value: weights.count, argument: 2)
    }
    points = vectors.count
    merges = Self.tree(try Self.pairs(try Squares(vectors, weights, check), weights, check), weights)
  }

  /// The cluster of each point when there are so many clusters, but at least one and at most as many as points;
  /// clusters are numbered in the order of their first points.
  ///
  /// - Complexity: O(points).
  public func assignments(clusters: Int) -> [Int] {
    labels(after: min(max(points - clusters, 0), merges.count))
  }

  /// The cluster of each point when all merges up to this height are made.
  public func assignments(height: Double) -> [Int] {
    labels(after: merges.firstIndex { $0.height > height } ?? merges.count)
  }

  private func labels(after made: Int) -> [Int] {
    var cluster = Array(0..<points + made)
    for merge in (0..<made).reversed() {
      cluster[merges[merge].left] = cluster[points + merge]
      cluster[merges[merge].right] = cluster[points + merge]
    }
    var labels: [Int: Int] = [:]
    return cluster.prefix(points).map { root in
      let label = labels[root] ?? labels.count
      labels[root] = label
      return label
    }
  }

  /// Two clusters, each named by one of its points, the second by the point that names both from then on.
  private typealias Pair = (a: Int, b: Int, square: Double)

  private static func pairs(
    _ start: Squares, _ weights: [Double], _ check: () throws(LearningError) -> Void
  ) throws(LearningError) -> [Pair] {
    var (squares, weights) = (start, weights)
    var active = Array(weights.indices)
    var chain: [Int] = []
    var pairs: [Pair] = []
    while active.count > 1 {
      try check()
      if chain.isEmpty { chain = [active[0]] }
      let last = chain[chain.count - 1]
      // The cluster before wins ties, so that the chain ends.
      let before = chain.dropLast().last
      var nearest = before
      for other in active where other != last && other != before {
        if let known = nearest, squares[last, other] >= squares[last, known] { continue }
        nearest = other
      }
      guard let nearest else { break }
      guard nearest == before else {
        chain.append(nearest)
        continue
      }
      chain.removeLast(2)
      active.removeAll { $0 == last }
      pairs.append((last, nearest, squares[last, nearest]))
      squares.merge(last, into: nearest, weights, active)
      weights[nearest] += weights[last]
    }
    return pairs
  }

  /// The merges in order of height, named by the clusters they join.
  private static func tree(_ pairs: [Pair], _ weights: [Double]) -> [Merge] {
    var parent = Array(weights.indices)
    var weights = weights
    func root(_ point: Int) -> Int {
      var cluster = point
      while parent[cluster] != cluster {
        parent[cluster] = parent[parent[cluster]]
        cluster = parent[cluster]
      }
      return cluster
    }
    let ordered = pairs.enumerated().sorted { ($0.element.square, $0.offset) < ($1.element.square, $1.offset) }
    return ordered.map { _, pair in
      let (a, b) = (root(pair.a), root(pair.b))
      parent[a] = parent.count
      parent[b] = parent.count
      parent.append(parent.count)
      weights.append(weights[a] + weights[b])
      return Merge(
        left: min(a, b), right: max(a, b), height: pair.square.squareRoot(), weight: weights[weights.count - 1])
    }
  }

  /// Squared heights at which any two clusters would be merged.
  private struct Squares {
    private var values: [Double]

    init(
      _ vectors: VectorMatrix, _ weights: [Double], _ check: () throws(LearningError) -> Void
    ) throws(LearningError) {
      values = []
      values.reserveCapacity(vectors.count * (vectors.count - 1) / 2)
      for row in 0..<vectors.count {
        try check()
        for other in 0..<row {
          let factor = 2 * weights[row] * weights[other] / (weights[row] + weights[other])
          values.append(factor * Double(vectors.squaredDistance(row, vectors, other)))
        }
      }
    }

    /// Of two that differ.
    subscript(a: Int, b: Int) -> Double {
      get { values[Self.place(a, b)] }
      set { values[Self.place(a, b)] = newValue }
    }

    private static func place(_ a: Int, _ b: Int) -> Int {
      let (least, most) = (min(a, b), max(a, b))
      return most * (most - 1) / 2 + least
    }

    /// The formula of Lance and Williams for Ward's criterion.
    mutating func merge(_ a: Int, into b: Int, _ weights: [Double], _ active: [Int]) {
      for other in active where other != b {
        let sum =
          (weights[a] + weights[other]) * self[a, other] + (weights[b] + weights[other]) * self[b, other]
          - weights[other] * self[a, b]
        self[b, other] = max(0, sum / (weights[a] + weights[b] + weights[other]))
      }
    }
  }
}
