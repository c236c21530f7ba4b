import LearningCore
import Testing

struct VectorMatrixTests {
  @Test func refusesWhatHasNoDistances() throws {
    #expect(throws: LearningError.emptyVector) { try VectorMatrix([]) }
    #expect(throws: LearningError.emptyVector) { try VectorMatrix([[]]) }
    #expect(throws: LearningError.dimension(expected: 2, given: 1)) { try VectorMatrix([[1, 2], [1]]) }
    #expect(throws: LearningError.notFinite(position: 2)) { try VectorMatrix([[1, .nan]]) }
    #expect(throws: LearningError.notFinite(position: 1)) { try VectorMatrix([[-1e19, 1]]) }
    let matrix = try VectorMatrix([[1, 2, 3], [4, 5, 6]])
    #expect(matrix.count == 2 && matrix.dimension == 3 && Array(matrix[1]) == [4, 5, 6])
  }
}

struct KMeansTests {
  /// Sum of weighted squared distances to the nearest centroid, by a loop.
  private func cost(_ points: [[Float]], _ weights: [Double], _ centroids: VectorMatrix) -> Double {
    zip(points, weights).reduce(0) { sum, point in
      let distances = (0..<centroids.count).map { centroid in
        zip(point.0, centroids[centroid]).reduce(0.0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) }
      }
      return sum + point.1 * (distances.min() ?? 0)
    }
  }

  @Test func findsTheMeansOfPointsOnALine() throws {
    var random = SplitMix64(seed: 1)
    let points: [[Float]] = [[0], [1], [10], [12], [100]]
    let found = try KMeans(VectorMatrix(points), clusters: 3, random: &random)
    #expect(found.isSettled)
    #expect((0..<3).map { found.centroids[$0].first ?? 0 }.sorted() == [0.5, 11, 100])
    #expect(found.cost == 2.5)
    #expect(found.assignments[0] == found.assignments[1] && found.assignments[2] == found.assignments[3])
    let weighted = try KMeans(VectorMatrix(points), weights: [3, 1, 1, 1, 0], clusters: 2, random: &random)
    #expect((0..<2).map { weighted.centroids[$0].first ?? 0 }.sorted() == [0.25, 11])
    #expect(weighted.cost == 3 * 0.0625 + 0.5625 + 2)
  }

  @Test func silhouetteComparesOwnAndNextCentroid() throws {
    var random = SplitMix64(seed: 2)
    let found = try KMeans(VectorMatrix([[0], [2], [10], [12]]), clusters: 2, random: &random)
    // 1 from its own, 9 or 11 from the next
    #expect(abs(found.silhouette - 89.0 / 99) < 1e-6)
    #expect(try KMeans(VectorMatrix([[0], [2]]), clusters: 1, random: &random).silhouette == 0)
  }

  @Test func settledCentroidsAreMeansAndEveryPointIsAtItsNearest() throws {
    var clustered = Clustered(centers: 6, dimension: 5, seed: 3)
    var random = SplitMix64(seed: 3)
    let points = (0..<120).map { clustered.vector(near: $0, noise: 1) }
    let weights = (0..<120).map { Double($0 % 4) }
    let found = try KMeans(VectorMatrix(points), weights: weights, clusters: 6, iterations: 200, random: &random)
    #expect(found.isSettled && found.centroids.count == 6)
    #expect(abs(found.cost - cost(points, weights, found.centroids)) < 1e-3)
    for cluster in 0..<6 {
      let members = points.indices.filter { found.assignments[$0] == cluster }
      let total = members.reduce(0) { $0 + weights[$1] }
      for (place, component) in found.centroids[cluster].enumerated() {
        let mean = members.reduce(0) { $0 + weights[$1] * Double(points[$1][place]) } / total
        #expect(abs(mean - Double(component)) < 1e-5)
      }
    }
  }

  @Test func sameSeedSameResult() throws {
    var clustered = Clustered(centers: 4, seed: 4)
    let points = try VectorMatrix((0..<60).map { clustered.vector(near: $0, noise: 2) })
    func run(_ seed: UInt64) throws -> KMeans {
      var random = SplitMix64(seed: seed)
      return try KMeans(points, clusters: 9, iterations: 1, random: &random)
    }
    #expect(try run(5) == run(5))
    #expect(try run(5) != run(6))
  }

  @Test func anEmptyClusterStartsAnewAtTheFarthestPoint() throws {
    let points = try VectorMatrix([[0], [1], [2], [50]])
    let start = try VectorMatrix([[1], [1000]])
    let found = try KMeans(points, from: start)
    #expect(found.centroids.components == [1, 50] && found.assignments == [0, 0, 0, 1])
    let once = try KMeans(points, from: try VectorMatrix([[0], [51]]))
    #expect(once.centroids.components == [1, 50])
  }

  @Test func thereAreNoMoreClustersThanDifferentPoints() throws {
    var random = SplitMix64(seed: 6)
    let same = try VectorMatrix([[1, 1], [1, 1], [3, 0], [1, 1]])
    #expect(try KMeans(same, clusters: 4, random: &random).centroids.count == 2)
    #expect(try KMeans(same, from: VectorMatrix([[1, 1], [1, 1], [3, 0]])).centroids.count == 2)
    let parallel = try VectorMatrix([[1, 2, 3], [7, 14, 21], [0.3, 0.6, 0.9], [3, 2, 1]])
    let found = try KMeans(parallel, clusters: 4, metric: .cosine, random: &random)
    #expect(found.centroids.count == 2 && found.cost < 1e-9)
  }

  @Test func lengthsDoNotMatterForDirections() throws {
    var clustered = Clustered(centers: 3, seed: 7)
    let points = (0..<30).map { clustered.vector(near: $0) }
    let longer = points.enumerated().map { place, point in point.map { $0 * Float(1 + place) } }
    var random = SplitMix64(seed: 7)
    let found = try KMeans(VectorMatrix(longer), clusters: 3, metric: .cosine, random: &random)
    for point in points.indices { #expect(found.assignments[point] == found.assignments[point % 3]) }
    for centroid in 0..<3 {
      #expect(abs(found.centroids[centroid].reduce(0) { $0 + $1 * $1 } - 1) < 1e-5)
    }
    let plain = try KMeans(VectorMatrix(longer), clusters: 3, random: &random)
    #expect(points.indices.contains { plain.assignments[$0] != plain.assignments[$0 % 3] })
  }

  @Test(arguments: [2, 3, 5, 7]) func theDataChooseTheNumber(centers: Int) throws {
    var clustered = Clustered(centers: centers, seed: UInt64(centers))
    var random = SplitMix64(seed: 8)
    let points = try VectorMatrix((0..<100).map { clustered.vector(near: $0) })
    #expect(try KMeans.choosing(points, metric: .cosine, random: &random).centroids.count == centers)
  }

  @Test func oneClusterWhereThereIsNoStructure() throws {
    var random = SplitMix64(seed: 9)
    let points = try VectorMatrix((0..<80).map { _ in (0..<24).map { _ in random.normal() } })
    #expect(try KMeans.choosing(points, random: &random).centroids.count == 1)
    #expect(try KMeans.choosing(VectorMatrix([[1]]), random: &random).centroids.count == 1)
  }

  @Test func refusesAndStops() throws {
    var random = SplitMix64(seed: 10)
    let points = try VectorMatrix([[1], [2]])
    #expect(throws: LearningError.range(value: 0, argument: 3)) {
      try KMeans(points, clusters: 0, random: &random)
    }
    for weights in [[1], [1, -1], [0, 0], [1, .nan], [1, .infinity]] {
      #expect(throws: LearningError.range(value: weights.count, argument: 2)) {
        try KMeans(points, weights: weights, clusters: 1, random: &random)
      }
    }
    #expect(throws: LearningError.dimension(expected: 1, given: 2)) {
      try KMeans(points, from: VectorMatrix([[1, 2]]))
    }
    #expect(throws: LearningError.cancelled) {
      try KMeans(points, clusters: 2, random: &random) { () throws(LearningError) in throw .cancelled }
    }
  }
}
