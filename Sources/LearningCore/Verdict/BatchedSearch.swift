/// What one label measured when it searched in batches, through all of them.
public struct BatchedSearch: Sendable {
  /// The search as it stood after one batch.
  public struct Stage: Sendable {
    /// Recall if it had ended here.
    public let recall: Float
    /// Buffers touched up to here.
    public let blocks: Float
    /// Time spent up to here; nil when not taken.
    public let microseconds: Float?
    public let facts: StageFacts
  }

  /// Up to the first that was not measured.
  public let stages: [Stage]
  /// Of the query; empty when not known.
  public let embedding: [Float]
  /// Chosen beforehand: the label serves to fit a rule; the others certify one.
  public let isForFitting: Bool

  /// The numbers of one stage: recall, blocks, nearest, kth, last, microseconds.
  public static let width = 6

  /// - Parameter measured: `width` numbers for each stage, in this order: recall in 0...1 and blocks finite and
  ///   not negative, NaN where not measured; distances, NaN where there was no such row; time, NaN where not taken.
  /// - Throws: `labels`.
  public init(
    _ measured: some RandomAccessCollection<Float>, embedding: [Float] = [], isForFitting: Bool
  ) throws(LearningError) {
    let numbers = Array(measured)
    guard numbers.count.isMultiple(of: Self.width), numbers.count <= Self.width * StageLadder.capacity else {
      throw .labels
    }
    var stages: [Stage] = []
    for start in stride(from: 0, to: numbers.count, by: Self.width) {
      let (recall, blocks) = (numbers[start], numbers[start + 1])
      if recall.isNaN || blocks.isNaN { break }
      let time = numbers[start + 5]
      guard (0...1).contains(recall), blocks >= 0, blocks.isFinite, time.isNaN || time.isFinite else { throw .labels }
      stages.append(
        Stage(
          recall: recall, blocks: blocks, microseconds: time.isNaN ? nil : time,
          facts: StageFacts(
            nearest: Double(numbers[start + 2]), kth: Double(numbers[start + 3]), last: Double(numbers[start + 4]))))
    }
    self.init(stages: stages, embedding: embedding, isForFitting: isForFitting)
  }

  private init(stages: [Stage], embedding: [Float], isForFitting: Bool) {
    self.stages = stages
    self.embedding = embedding
    self.isForFitting = isForFitting
  }

  /// With distances divided by `scale`.
  func scaled(by scale: Double) -> BatchedSearch {
    let stages = stages.map { stage in
      Stage(
        recall: stage.recall, blocks: stage.blocks, microseconds: stage.microseconds,
        facts: stage.facts.scaled(by: scale))
    }
    return BatchedSearch(stages: stages, embedding: embedding, isForFitting: isForFitting)
  }
}
