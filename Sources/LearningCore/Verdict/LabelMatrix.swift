/// What labels measured: for each label, oldest first, the recall and cost at each value of the parameter, and
/// of the same query searched in batches.
public struct LabelMatrix {
  /// The values measured, strictly ascending: the rungs of a ladder.
  public let values: [Int32]
  /// Labels.
  public let count: Int
  private let recalls: [Float]
  private let costs: [Float]
  private let costsAtSetting: [Float]
  private let timed: [(blocks: Float, microseconds: Float)]
  private let searches: [BatchedSearch]

  /// - Parameters:
  ///   - values: 1...`ParameterLadder.capacity` of them, each at least 1.
  ///   - recall: `count × values.count`, label by label, each 0...1; NaN where not measured.
  ///   - blocks: buffers touched, in the same shape, finite and not negative; NaN where not measured.
  ///   - blocksAtSetting: one for each label: buffers touched without us.
  ///   - timed: of plain searches, as many as there are; both finite.
  ///   - searches: one for each label, or none: the same queries searched in batches.
  /// - Throws: `labels`.
  public init(
    values: [Int32], recall: [Float], blocks: [Float], blocksAtSetting: [Float],
    timed: [(blocks: Float, microseconds: Float)] = [], searches: [BatchedSearch] = []
  ) throws(LearningError) {
    guard (1...ParameterLadder.capacity).contains(values.count), values[0] >= 1,
      zip(values, values.dropFirst()).allSatisfy({ $0 < $1 }),
      recall.count == blocks.count, recall.count.isMultiple(of: values.count),
      recall.allSatisfy({ $0.isNaN || (0...1).contains($0) }),
      blocksAtSetting.count * values.count == recall.count,
      (blocks + blocksAtSetting).allSatisfy({ $0.isNaN || ($0 >= 0 && $0.isFinite) }),
      timed.allSatisfy({ $0.blocks.isFinite && $0.microseconds.isFinite }),
      searches.isEmpty || searches.count == blocksAtSetting.count
    else { throw .labels }
    self.values = values
    count = recall.count / values.count
    recalls = recall
    costs = blocks
    costsAtSetting = blocksAtSetting
    self.timed = timed
    self.searches = searches
  }

  /// Microseconds of a plain search by the buffers it touches; nil while too few were timed.
  var timeOfSearch: ResistantLine? { ResistantLine(timed.map { (x: Double($0.blocks), y: Double($0.microseconds)) }) }

  /// Likewise of a search in batches, as it stands after each of them.
  var timeOfBatches: ResistantLine? {
    ResistantLine(
      searches.flatMap(\.stages).compactMap { stage in
        stage.microseconds.map { (x: Double(stage.blocks), y: Double($0)) }
      })
  }

  /// The buffers that pgvector alone touches: median, 95th and 99th percentile.
  var percentilesAtSetting: SIMD3<Float>? { costsAtSetting.filter { !$0.isNaN }.percentiles }

  /// The recall at one rung of those labels that measured it, in order.
  func recall(at rung: Int) -> [Float] {
    column(rung, of: recalls).filter { !$0.isNaN }
  }

  /// Likewise the buffers touched.
  func blocks(at rung: Int) -> [Float] {
    column(rung, of: costs).filter { !$0.isNaN }
  }

  /// The buffers touched at a value and without us, by those labels that measured both.
  func blocksAgainstSetting(at value: Float) -> [(numerator: Double, denominator: Double)] {
    guard let rung = values.firstIndex(where: { Float($0) == value }) else { return [] }
    return zip(column(rung, of: costs), costsAtSetting)
      .filter { !$0.isNaN && !$1.isNaN }
      .map { (Double($0), Double($1)) }
  }

  /// The searches in batches that were measured and serve this purpose, in order.
  func searches(forFitting: Bool) -> [BatchedSearch] {
    searches.filter { $0.isForFitting == forFitting && !$0.stages.isEmpty }
  }

  /// The buffers touched under a stop rule and without us, by those certifying labels that measured both.
  func blocksAgainstSetting(under rule: StopRule, at multiplier: Float) -> [(numerator: Double, denominator: Double)] {
    let measured = zip(searches, costsAtSetting).filter { search, cost in
      !search.isForFitting && !search.stages.isEmpty && !cost.isNaN
    }
    let outcomes = rule.replay(of: measured.map(\.0)).outcomes(at: multiplier)
    return zip(outcomes, measured).map { (Double($0.blocks), Double($1.1)) }
  }

  private func column(_ rung: Int, of matrix: [Float]) -> some Sequence<Float> {
    (0..<count).lazy.map { matrix[$0 * values.count + rung] }
  }
}
