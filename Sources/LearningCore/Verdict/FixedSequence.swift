/// Candidates tested one after the other, the surest first, each only if all before it passed.
///
/// Then choosing the last that passes costs no confidence: falsely certifying any candidate takes a false bound
/// of the first one that misses the target; and as the bounds hold at every time, judging again after
/// every label costs nothing either.
///
/// Two sequences compete: fixed values, and the multipliers of a stop rule.  Each is certified with 97.5 %,
/// so that taking the cheaper of both is wrong in 5 % at most.
///
/// - Source: Wiens 2003, *A fixed sequence Bonferroni procedure*; Angelopoulos et al. 2021, *Learn then
///   test*; the bounds: `BettingBound`.
struct FixedSequence {
  static let bound = BettingBound(confidence: 0.975)

  private let minSamples: Int
  private var least = 1.0
  /// In the order of the tests.
  private(set) var rungs: [CertifiedRung] = []

  init(minSamples: Int) { self.minSamples = minSamples }

  /// Tests the next candidate.  One that fewer than `minSamples` labels measured is not in the sequence: how
  /// often it was measured says nothing of its recall.
  ///
  /// - Parameters:
  ///   - recall: of those labels that measured it, in order.
  ///   - blocks: likewise.
  ///   - check: asked now and then whether to go on.
  /// - Throws: what `check` throws.
  mutating func test(
    _ value: Float, recall: [Float], blocks: [Float], _ check: () throws(LearningError) -> Void
  ) throws(LearningError) {
    let lower = recall.count < minSamples ? nil : try Self.bound.lower(recall, check: check)
    if let lower { least = min(least, lower) }
    rungs.append(
      CertifiedRung(
        value: value, labels: recall.count, recall: recall.mean.map { Float($0) },
        bound: lower == nil ? nil : Float(roundedDown: least), blocks: blocks.mean.map { Float($0) }))
  }
}

extension [Float] {
  /// nil when empty.
  var mean: Double? { isEmpty ? nil : reduce(0) { $0 + Double($1) } / Double(count) }
}

extension Float {
  /// The greatest Float that is not above `value`.
  fileprivate init(roundedDown value: Double) {
    let nearest = Float(value)
    self = Double(nearest) > value ? nearest.nextDown : nearest
  }
}
