/// What the labels of one index and class of k prove about fixed values of its search parameter: tested from
/// the largest down.
public struct FixedValueVerdict {
  /// Values ascending.
  public let rungs: [CertifiedRung]

  /// - Parameters:
  ///   - minSamples: a value that fewer labels measured is not tested.
  ///   - setting: the value in force without us, if known.  Of the others those count that were measured by three
  ///     quarters as many labels as any: what labels look at only lately must not hold back what is well known.
  ///   - check: asked now and then whether to go on.
  /// - Throws: what `check` throws.
  /// - Complexity: O(labels × values).
  public init(
    judging labels: LabelMatrix, minSamples: Int, setting: Int32?, check: () throws(LearningError) -> Void = {}
  ) throws(LearningError) {
    let most = labels.values.indices.map { labels.recall(at: $0).count }.max() ?? 0
    let enough = (3 * most + 3) / 4
    var sequence = FixedSequence(minSamples: Swift.max(minSamples, enough), time: labels.timeOfSearch)
    for (position, value) in labels.values.enumerated().reversed() {
      let recall = labels.recall(at: position)
      guard recall.count >= enough || value == setting else { continue }
      try sequence.test(Float(value), recall: recall, blocks: labels.blocks(at: position), check)
    }
    rungs = sequence.rungs.reversed()
  }

  /// Whether the largest value that was measured is proven to miss the goal (97.5 % for the mean and for the tail).
  static func isUnreachable(
    _ goal: RecallGoal, _ labels: LabelMatrix, _ check: () throws(LearningError) -> Void
  ) throws(LearningError) -> Bool {
    for position in labels.values.indices.reversed() {
      let recall = labels.recall(at: position)
      guard let upper = try FixedSequence.bound.upper(recall, check: check) else { continue }
      if upper < goal.mean { return true }
      guard let tail = goal.tail else { return false }
      return try FixedSequence.bound.upper(recall.good, check: check).map { $0 < tail } ?? false
    }
    return false
  }
}
