/// A partition of weighted points into clusters around their means: k-means++ seeds, then Lloyd's iterations.
///
/// With `cosine` points and centroids have length 1, and the squared distance is 2 − 2·cosine.  A cluster that loses
/// all its points starts anew at the point that is farthest from its centroid.  Same points, same generator, same
/// result.
///
/// - Source: Arthur, Vassilvitskii 2007, *k-means++: the advantages of careful seeding*, with several candidates for each
///   seed, as it advises at its end; Dhillon, Modha 2001, *Concept decompositions* (k-means on directions).
public struct KMeans: Equatable, Sendable {
  public enum Metric: Sendable {
    case euclidean
    case cosine
  }

  /// Each has points, unless all weigh nothing.
  public let centroids: VectorMatrix
  /// For each point the position of its centroid, the nearest.
  public let assignments: [Int]
  /// Sum of weight times squared distance to the centroid.
  public let cost: Double
  /// Weighted mean over the points of 1 − a/b, a and b the distances to the nearest centroid and to the next; 0...1;
  /// 0 for one cluster.
  ///
  /// - Source: Hruschka, de Castro, Campello 2004, *Evolutionary algorithms for clustering gene-expression data* (the
  ///   simplified silhouette).
  public let silhouette: Double
  /// Whether the assignments stood still before the limit.
  public let isSettled: Bool

  /// Enough for nearly all that settle; later iterations move few points.
  public static let usualIterations = 50

  /// Below this there is no substantial structure.
  ///
  /// - Source: Kaufman, Rousseeuw 1990, *Finding groups in data*, table 4.
  public static let leastSilhouette = 0.25

  /// Clusters from seeds drawn among the points.
  ///
  /// - Parameters:
  ///   - weights: of the points, finite and not negative, not all 0; nil: all the same.
  ///   - clusters: how many; there are fewer where fewer points differ.
  ///   - check: asked now and then whether to go on.
  /// - Throws: `range` for weights (argument 2) or clusters (argument 3) that cannot be.
  /// - Complexity: O(points × clusters × dimension) for an iteration, and log(clusters) times that for the seeds.
  public init(
    _ points: VectorMatrix, weights: [Double]? = nil, clusters: Int, metric: Metric = .euclidean,
    iterations: Int = usualIterations, random: inout some RandomNumberGenerator,
    check: () throws(LearningError) -> Void = {}
  ) throws(LearningError) {
    guard clusters >= 1 else { throw .range(value: clusters, argument: 3) }
    let sample = try Sample(points, weights, metric)
    let seeds = try sample.seeds(clusters, &random, check)
    self = try sample.settled(from: seeds, iterations, check)
  }

  /// Clusters from given centroids, of the dimension of the points; otherwise as above.
  public init(
    _ points: VectorMatrix, weights: [Double]? = nil, from centroids: VectorMatrix, metric: Metric = .euclidean,
    iterations: Int = usualIterations, check: () throws(LearningError) -> Void = {}
  ) throws(LearningError) {
    guard centroids.dimension == points.dimension else {
      throw .dimension(expected: points.dimension, given: centroids.dimension)
    }
    let sample = try Sample(points, weights, metric)
    self = try sample.settled(
      from: metric == .cosine ? centroids.directions() : centroids, iterations, check)
  }

  /// As many clusters as the points show: the number with the greatest silhouette among 1 to √points, one if no
  /// silhouette reaches `leastSilhouette`.  Up to 8 every number is tried, then each a quarter larger than the one before.
  ///
  /// - Source: Vendramin, Campello, Hruschka 2010, *Relative clustering validity criteria* (the silhouette among the best
  ///   of 40 criteria); Pal, Bezdek 1995, *On cluster validity for the fuzzy c-means model* (√points as the limit).
  public static func choosing(
    _ points: VectorMatrix, weights: [Double]? = nil, metric: Metric = .euclidean, iterations: Int = usualIterations,
    random: inout some RandomNumberGenerator, check: () throws(LearningError) -> Void = {}
  ) throws(LearningError) -> KMeans {
    let sample = try Sample(points, weights, metric)
    var best = try sample.settled(from: sample.seeds(1, &random, check), iterations, check)
    var clusters = 2
    while clusters * clusters <= points.count {
      let run = try sample.settled(from: sample.seeds(clusters, &random, check), iterations, check)
      if run.silhouette > max(best.silhouette, leastSilhouette) { best = run }
      clusters += max(1, clusters / 4)
    }
    return best
  }

  /// Points as the metric sees them.
  private struct Sample {
    let points: VectorMatrix
    let weights: [Double]
    let metric: Metric

    private static let pointsBetweenChecks = 64
    /// Squared distance of equal directions that were rounded from different lengths, at most.
    private static let noise: Float = 0x1p-36

    @inline(__always)
    private func squaredDistance(_ point: Int, _ others: VectorMatrix, _ other: Int) -> Float {
      let square = points.squaredDistance(point, others, other)
      return metric == .cosine && square < Self.noise ? 0 : square
    }

    init(_ points: VectorMatrix, _ weights: [Double]?, _ metric: Metric) throws(LearningError) {
      let weights = weights ?? [Double](repeating: 1, count: points.count)
      let total = weights.reduce(0, +)
      guard weights.count == points.count, weights.allSatisfy({ $0 >= 0 }), total > 0, total <= 0x1p100 else {
        throw .range(value: weights.count, argument: 2)
      }
      self.points = metric == .cosine ? points.directions() : points
      self.weights = weights
      self.metric = metric
    }

    /// Each seed is drawn with probability weight × squared distance to the nearest seed before; of several so drawn
    /// the one is taken that leaves the least cost.
    func seeds(
      _ clusters: Int, _ random: inout some RandomNumberGenerator, _ check: () throws(LearningError) -> Void
    ) throws(LearningError) -> VectorMatrix {
      var seeds = [draw(weights, &random) ?? 0]
      var costs = try costs(against: seeds[0], [Double](repeating: .infinity, count: points.count), check)
      let candidates = 2 + (Int.bitWidth - clusters.leadingZeroBitCount) * 7 / 10  // 2 + ln(clusters), nearly
      while seeds.count < clusters {
        var next: (seed: Int, costs: [Double], total: Double)?
        for _ in 0..<candidates {
          guard let seed = draw(costs, &random) else { break }
          let left = try self.costs(against: seed, costs, check)
          let total = left.reduce(0, +)
          if total < next?.total ?? .infinity { next = (seed, left, total) }
        }
        guard let next else { break }
        seeds.append(next.seed)
        costs = next.costs
      }
      return points.rows(seeds)
    }

    /// A position with probability in proportion to its share, nil when all shares are 0.
    private func draw(_ shares: [Double], _ random: inout some RandomNumberGenerator) -> Int? {
      let total = shares.reduce(0, +)
      guard total > 0, total.isFinite else { return nil }
      var left = Double.random(in: 0..<total, using: &random)
      for (position, share) in shares.enumerated() where share > 0 {
        left -= share
        if left < 0 { return position }
      }
      return shares.lastIndex { $0 > 0 }
    }

    private func costs(
      against seed: Int, _ costs: [Double], _ check: () throws(LearningError) -> Void
    ) throws(LearningError) -> [Double] {
      var left = costs
      for point in 0..<points.count {
        if point.isMultiple(of: Self.pointsBetweenChecks) { try check() }
        left[point] = min(left[point], weights[point] * Double(squaredDistance(point, points, seed)))
      }
      return left
    }

    /// Where every point belongs: the nearest centroid, its squared distance, and that of the next one.
    private struct Assignment {
      var clusters: [Int]
      var distances: [Float]
      var next: [Float]
    }

    func settled(
      from start: VectorMatrix, _ iterations: Int, _ check: () throws(LearningError) -> Void
    ) throws(LearningError) -> KMeans {
      var centroids = start
      var assignment = try assignment(to: centroids, check)
      var isSettled = false
      for _ in 0..<max(iterations, 0) {
        let isReseeded = reseed(&assignment, count: centroids.count)
        centroids = means(assignment.clusters, before: centroids)
        let next = try self.assignment(to: centroids, check)
        isSettled = !isReseeded && next.clusters == assignment.clusters
        assignment = next
        if isSettled { break }
      }
      return result(centroids, assignment, isSettled)
    }

    private func assignment(
      to centroids: VectorMatrix, _ check: () throws(LearningError) -> Void
    ) throws(LearningError) -> Assignment {
      var assignment = Assignment(
        clusters: [Int](repeating: 0, count: points.count),
        distances: [Float](repeating: .infinity, count: points.count),
        next: [Float](repeating: .infinity, count: points.count))
      for point in 0..<points.count {
        if point.isMultiple(of: Self.pointsBetweenChecks) { try check() }
        var (nearest, distance, next) = (0, Float.infinity, Float.infinity)
        for centroid in 0..<centroids.count {
          let other = squaredDistance(point, centroids, centroid)
          if other < distance {
            (nearest, distance, next) = (centroid, other, distance)
          } else if other < next {
            next = other
          }
        }
        assignment.clusters[point] = nearest
        assignment.distances[point] = distance
        assignment.next[point] = next
      }
      return assignment
    }

    /// Gives each cluster without points the farthest point of a cluster that has others.
    private func reseed(_ assignment: inout Assignment, count: Int) -> Bool {
      var members = members(assignment.clusters, count)
      var isReseeded = false
      for cluster in members.indices where members[cluster] == 0 {
        let farthest = assignment.clusters.indices
          .filter { weights[$0] > 0 && assignment.distances[$0] > 0 && members[assignment.clusters[$0]] > 1 }
          .max { assignment.distances[$0] < assignment.distances[$1] }
        guard let farthest else { break }
        members[assignment.clusters[farthest]] -= 1
        members[cluster] = 1
        assignment.clusters[farthest] = cluster
        assignment.distances[farthest] = 0
        isReseeded = true
      }
      return isReseeded
    }

    private func members(_ clusters: [Int], _ count: Int) -> [Int] {
      var members = [Int](repeating: 0, count: count)
      for (point, cluster) in clusters.enumerated() where weights[point] > 0 { members[cluster] += 1 }
      return members
    }

    private func means(_ clusters: [Int], before: VectorMatrix) -> VectorMatrix {
      let dimension = points.dimension
      var totals = [Double](repeating: 0, count: before.count)
      var sums = [Double](repeating: 0, count: before.components.count)
      for (point, cluster) in clusters.enumerated() where weights[point] > 0 {
        totals[cluster] += weights[point]
        let row = points[point]
        for (offset, component) in row.enumerated() {
          sums[cluster * dimension + offset] += weights[point] * Double(component)
        }
      }
      var means = before
      for cluster in totals.indices where totals[cluster] > 0 {
        let sum = sums[cluster * dimension..<(cluster + 1) * dimension]
        means[cluster] = ArraySlice(sum.map { Float($0 / totals[cluster]) })
        if metric == .cosine { means.normalize(cluster) }
      }
      return means
    }

    /// Leaves out the centroids that have no points.
    private func result(_ centroids: VectorMatrix, _ assignment: Assignment, _ isSettled: Bool) -> KMeans {
      let members = members(assignment.clusters, centroids.count)
      let kept = members.indices.filter { members[$0] > 0 }
      var place = [Int](repeating: 0, count: members.count)
      for (position, cluster) in kept.enumerated() { place[cluster] = position }
      var (cost, silhouette) = (0.0, 0.0)
      for (point, weight) in weights.enumerated() where weight > 0 {
        let (own, next) = (Double(assignment.distances[point]), Double(assignment.next[point]))
        cost += weight * own
        if kept.count > 1, next > 0 { silhouette += weight * (1 - (own / next).squareRoot()) }
      }
      return KMeans(
        centroids: centroids.rows(kept), assignments: assignment.clusters.map { place[$0] }, cost: cost,
        silhouette: silhouette / weights.reduce(0, +), isSettled: isSettled)
    }
  }

  private init(centroids: VectorMatrix, assignments: [Int], cost: Double, silhouette: Double, isSettled: Bool) {
    self.centroids = centroids
    self.assignments = assignments
    self.cost = cost
    self.silhouette = silhouette
    self.isSettled = isSettled
  }
}
