import LearningCore
import Testing

struct WardTests {
  /// Sum of weighted squared distances from the means of clusters, by a loop.
  private func within(_ points: [[Float]], _ weights: [Double], _ clusters: [Int]) -> Double {
    Set(clusters).reduce(0) { sum, cluster in
      let members = points.indices.filter { clusters[$0] == cluster }
      let total = members.reduce(0) { $0 + weights[$1] }
      return points[0].indices.reduce(sum) { sum, place in
        let mean = members.reduce(0) { $0 + weights[$1] * Double(points[$1][place]) } / total
        return members.reduce(sum) { sum, member in
          let deviation = Double(points[member][place]) - mean
          return sum + weights[member] * deviation * deviation
        }
      }
    }
  }

  /// By hand: 0 and 1 at 1, 10 and 12 at 2, their means 10.5 apart at √(2·2·2/4) times that.
  @Test func mergesPointsOnALine() throws {
    let ward = try Ward(VectorMatrix([[0], [12], [1], [10]]))
    #expect(ward.merges.map(\.left) == [0, 1, 4] && ward.merges.map(\.right) == [2, 3, 5])
    let heights = [1, 2, 2.0.squareRoot() * 10.5]
    for (merge, height) in zip(ward.merges, heights) { #expect(abs(merge.height - height) < 1e-6) }
    #expect(ward.merges.map(\.weight) == [2, 2, 4])
    #expect(ward.assignments(clusters: 2) == [0, 1, 0, 1])
    #expect(ward.assignments(height: 1.5) == [0, 1, 0, 2])
    #expect(ward.assignments(height: 0) == [0, 1, 2, 3] && ward.assignments(clusters: 9) == [0, 1, 2, 3])
    #expect(ward.assignments(height: 100) == [0, 0, 0, 0] && ward.assignments(clusters: 0) == [0, 0, 0, 0])
  }

  @Test func agreesWithScipy() throws {
    // scipy.cluster.hierarchy.linkage(points, 'ward')
    let ward = try Ward(VectorMatrix([[0, 0], [1, 0], [0, 2], [5, 5], [6, 5], [10, 0]]))
    #expect(ward.merges.map(\.left) == [0, 3, 2, 5, 8] && ward.merges.map(\.right) == [1, 4, 6, 7, 9])
    #expect(ward.merges.map(\.weight) == [2, 2, 3, 3, 6])
    let heights = [1, 1, 2.3804761428476167, 7.767453465154029, 12.436505404118419]
    for (merge, height) in zip(ward.merges, heights) { #expect(abs(merge.height - height) < 1e-6) }
  }

  /// Every merge, made by looking at all pairs, is the one that adds least; half its squared height is what it adds.
  @Test func everyMergeAddsLeast() throws {
    var random = SplitMix64(seed: 1)
    let points = (0..<24).map { _ in (0..<3).map { _ in random.normal() } }
    let weights = (0..<24).map { Double(1 + $0 % 5) }
    let ward = try Ward(VectorMatrix(points), weights: weights)
    for count in (1..<24).reversed() {
      let before = ward.assignments(clusters: count + 1)
      let start = within(points, weights, before)
      var least = Double.infinity
      for one in 0...count {
        for other in 0..<one {
          least = min(least, within(points, weights, before.map { $0 == one ? other : $0 }) - start)
        }
      }
      let made = within(points, weights, ward.assignments(clusters: count)) - start
      let height = ward.merges[23 - count].height
      #expect(abs(made - least) < 1e-4 && abs(height * height / 2 - least) < 1e-4)
    }
    #expect(ward.merges.map(\.height) == ward.merges.map(\.height).sorted())
    #expect(ward.merges.last?.weight == weights.reduce(0, +))
  }

  @Test func aWeightIsSoManyPoints() throws {
    var random = SplitMix64(seed: 2)
    let points = (0..<9).map { _ in (0..<2).map { _ in random.normal() } }
    let weights = (0..<9).map { 1 + $0 % 3 }
    let copies = points.indices.flatMap { [Int](repeating: $0, count: weights[$0]) }
    let ward = try Ward(VectorMatrix(points), weights: weights.map(Double.init))
    let copied = try Ward(VectorMatrix(copies.map { points[$0] }))
    for (merge, other) in zip(ward.merges, copied.merges.suffix(8)) {
      #expect(abs(merge.height - other.height) < 1e-5 && merge.weight == other.weight)
    }
    #expect(copied.assignments(clusters: 4) == copies.map { ward.assignments(clusters: 4)[$0] })
  }

  @Test func equalPointsAreNoTrouble() throws {
    let ward = try Ward(VectorMatrix([[Float]](repeating: [1, 2], count: 7)))
    #expect(ward.merges.count == 6 && ward.merges.allSatisfy { $0.height == 0 })
    #expect(try Ward(VectorMatrix([[1]])).merges.isEmpty)
  }

  @Test func refusesAndStops() throws {
    let points = try VectorMatrix([[1], [2]])
    for weights in [[1], [1, 0], [1, .nan], [.infinity, 1]] {
      #expect(throws: LearningError.range(value: weights.count, argument: 2)) { try Ward(points, weights: weights) }
    }
    #expect(throws: LearningError.cancelled) { try Ward(points) { () throws(LearningError) in throw .cancelled } }
  }
}
