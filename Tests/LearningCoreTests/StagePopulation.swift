import LearningCore

/// Synthetic queries with the curves of their searches: not measured, but made by a seeded generator.
///
/// A hidden hardness moves both the recall after each stage and, with noise, the distances seen; a search at
/// the fixed value of a stage finds the same and touches 3 % less.  A buffer takes a microsecond, in batches
/// `price` times as long.
struct StagePopulation {
  static let totals: [Int32] = [10, 20, 40, 80, 160, 320]

  /// For each query its stages as labels hold them: recall, blocks, nearest, kth, last, microseconds.
  let queries: [[Float]]

  init(count: Int, seed: UInt64, price: Double = 1.05) {
    var random = SplitMix64(seed: seed)
    queries = (0..<count).map { _ in Self.query(&random, price) }
  }

  private static func query(_ random: inout SplitMix64, _ price: Double) -> [Float] {
    func noise(_ random: inout SplitMix64) -> Double {
      (0..<4).reduce(0) { sum, _ in sum + Double.random(in: -1...1, using: &random) } * 0.87
    }
    let hardness = noise(&random)
    let luck = (0..<10).map { _ in Double.random(in: 0..<1, using: &random) }
    let kth = 0.6 + 0.1 * hardness + 0.03 * noise(&random)
    let nearest = kth - 0.1 - 0.02 * abs(noise(&random))
    return totals.indices.flatMap { stage in
      // the odds that a neighbour is missing, by powers of two: no library function is needed
      let odds = Self.power(2.2 * hardness - 1.5 - 2 * Double(stage))
      let hits = Double(luck.count { $0 >= odds / (1 + odds) })
      let blocks = Double(totals[stage]) * 10 * (1 + 0.1 * hardness)
      return [hits / 10, blocks, nearest, kth, kth + 0.04 * Double(stage), 50 + price * blocks].map { Float($0) }
    }
  }

  /// 2^x, linear between whole numbers.
  private static func power(_ x: Double) -> Double {
    let whole = x.rounded(.down)
    return Double(sign: .plus, exponent: Int(whole), significand: 1 + x - whole)
  }

  func search(_ query: Int, isForFitting: Bool) throws -> BatchedSearch {
    try BatchedSearch(queries[query], isForFitting: isForFitting)
  }

  /// Labels of these queries, every other one for fitting.
  func labels(_ chosen: [Int]) throws -> LabelMatrix {
    func column(_ number: Int) -> [Float] {
      chosen.flatMap { query in Self.totals.indices.map { queries[query][$0 * BatchedSearch.width + number] } }
    }
    return try LabelMatrix(
      values: Self.totals, recall: column(0), blocks: column(1).map { 0.97 * $0 },
      blocksAtSetting: chosen.map { 0.97 * queries[$0][5 * BatchedSearch.width + 1] },
      timed: chosen.map { query in
        let blocks = queries[query][query % Self.totals.count * BatchedSearch.width + 1]
        return (blocks: blocks, microseconds: 50 + blocks)
      },
      searches: chosen.enumerated().map { try search($1, isForFitting: $0.isMultiple(of: 2)) })
  }
}
