extension CertifiedRung {
  /// What labels measured.
  ///
  /// - Parameters:
  ///   - recall: of the labels that measured it.
  ///   - blocks: likewise.
  ///   - bounds: of the mean and of the tail; nil when not tested.
  ///   - time: microseconds of a search by its buffers, if known.
  init(
    measured value: Float, recall: [Float], blocks: [Float], bounds: (mean: Double, tail: Double)?, time: ResistantLine?
  ) {
    self.init(
      value: value, labels: recall.count,
      recall: recall.mean.map { Float($0) }, bound: bounds.map { Float(roundedDown: $0.mean) },
      tail: recall.good.mean.map { Float($0) }, tailBound: bounds.map { Float(roundedDown: $0.tail) },
      blocks: blocks.mean.map { Float($0) }, percentiles: blocks.percentiles,
      microseconds: blocks.mean.flatMap { mean in time.map { Float($0(mean)) } })
  }
}

extension [Float] {
  /// Of recalls: 1 where it is at least `RecallGoal.tailRecall`, else 0.
  var good: [Float] { map { $0 >= RecallGoal.tailRecall ? 1 : 0 } }

  /// nil when empty.
  var mean: Double? { isEmpty ? nil : reduce(0) { $0 + Double($1) } / Double(count) }

  /// Median, 95th and 99th percentile by the nearest rank; nil when empty.
  var percentiles: SIMD3<Float>? {
    if isEmpty { return nil }
    let ordered = sorted()
    func percentile(_ share: Double) -> Float { ordered[Int((share * Double(count)).rounded(.up)) - 1] }
    return SIMD3(percentile(0.5), percentile(0.95), percentile(0.99))
  }
}

extension Float {
  /// The greatest Float that is not above `value`.
  fileprivate init(roundedDown value: Double) {
    let nearest = Float(value)
    self = Double(nearest) > value ? nearest.nextDown : nearest
  }
}
