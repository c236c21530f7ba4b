import Glibc

/// The values of one search parameter that a label measures.
public struct ParameterLadder: Equatable {
  /// At most this many values.
  public static let capacity = 40
  /// The greatest value any search parameter takes (lists of an IVFFlat index).
  public static let greatest: Int32 = 32768

  /// Ascending, distinct, at least 1.
  public let values: [Int32]

  /// Geometric steps up to and including `maximum`, with `setting` among them, and what is certified so far; of each
  /// step that leads to that, four, as long as there is room.
  ///
  /// hnsw.ef_search: from 10 by 2^¼ up to 160, where recall bends, then by 2^½.  ivfflat.probes: from 1 by
  /// 2^½.
  ///
  /// - Parameters:
  ///   - maximum: the greatest value worth measuring, 1...32768.
  ///   - setting: the value in force today; left out when it is not in 1...maximum.
  ///   - certified: the smallest values that are certified for what is asked, what matters most first; others than
  ///     1...maximum count for nothing.  Smaller ones may do, where a whole step would be too large.
  /// - Throws: `range` (argument 2) for `maximum`.
  public init(
    _ kind: IndexKind, maximum: Int32, setting: Int32, certified: some Sequence<Int32> = EmptyCollection()
  ) throws(LearningError) {
    guard (1...Self.greatest).contains(maximum) else { throw .range(value: Int(maximum), argument: 2) }
    let half = 2.0.squareRoot()
    let fine = (kind == .hnsw ? 160.0 : 0.0)
    var steps: [Int32] = []
    var next = kind == .hnsw && maximum >= 10 ? 10.0 : 1.0
    // Two places are kept: for the maximum and for the setting.
    while next.rounded() < Double(maximum), steps.count < Self.capacity - 2 {
      let value = Int32(next.rounded())
      if steps.last != value { steps.append(value) }
      next *= next.rounded() < fine ? half.squareRoot() : half
    }
    steps.append(maximum)
    if (1...maximum).contains(setting), !steps.contains(setting) { steps.append(setting) }
    steps.sort()
    var finer = Set(steps)
    for value in certified where (1...maximum).contains(value) {
      var those: Set = [value]
      if let above = steps.firstIndex(where: { $0 >= value }), above > 0 {
        let (low, high) = (Double(steps[above - 1]), Double(steps[above]))
        those.formUnion((1...3).map { Int32((low * pow(high / low, Double($0) / 4)).rounded()) })
      }
      // All of them or none: what is tested first must not depend on what there was room for.
      if finer.union(those).count <= Self.capacity { finer.formUnion(those) }
    }
    values = finer.sorted()
  }
}
