/// When columns of numbers, each in the order of time, changed their distributions, given that they did once.
///
/// - Source: Carlstein 1988, *Nonparametric change-point estimation*, Annals of Statistics 16(1): the division into
///   before and since whose empirical distributions lie furthest apart, weighed by how much is known of both; over
///   several columns, the sum of the squares.
enum ChangePoint {
  /// - Parameters:
  ///   - columns: equally long.
  ///   - check: asked now and then whether to go on.
  /// - Returns: position of the first number since, 1..<count; 0 where there are fewer than two.
  /// - Complexity: O(columns × numbers²).
  static func find(
    in columns: [ArraySlice<Float>], check: () throws(LearningError) -> Void
  ) throws(LearningError) -> Int {
    let count = columns.first?.count ?? 0
    let sorted = columns.map(Ascending.init)
    var best = (weight: -1.0, since: 0)
    for since in stride(from: 1, to: count, by: 1) {
      if since.isMultiple(of: 20) { try check() }
      let sum = sorted.reduce(0.0) { sum, column in
        let distance = column.distance(since: since)
        return sum + distance * distance
      }
      let weight = sum * Double(since) * Double(count - since)
      if weight > best.weight { best = (weight, since) }
    }
    return best.since
  }

  /// Numbers by size.
  struct Ascending {
    /// When each came, 0..<count.
    private let positions: [Int]
    /// Whether the next is larger, if there is one.
    private let isLast: [Bool]

    init(_ numbers: ArraySlice<Float>) {
      let first = numbers.startIndex
      let positions = (0..<numbers.count).sorted { numbers[first + $0] < numbers[first + $1] }
      isLast = positions.indices.map {
        $0 + 1 == positions.count || numbers[first + positions[$0]] < numbers[first + positions[$0 + 1]]
      }
      self.positions = positions
    }

    /// Between the numbers before and since that position, 1..<count, Kolmogorov-Smirnov, 0...1: a lower bound of the
    /// total variation.
    func distance(since: Int) -> Double {
      let others = positions.count - since
      // in units of 1 / (since · others)
      var (difference, largest) = (0, 0)
      for rank in 0..<positions.count {
        difference += positions[rank] < since ? others : -since
        if isLast[rank] { largest = max(largest, abs(difference)) }
      }
      return Double(largest) / Double(since * others)
    }
  }
}
