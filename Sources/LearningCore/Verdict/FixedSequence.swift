/// Candidates tested one after the other, the surest first, each only if all before it passed.
///
/// Then choosing the last that passes costs no confidence: falsely certifying any candidate takes a false bound
/// of the first one that misses the target; and as the bounds hold at every time, judging again after
/// every label costs nothing either.  Nor does a second goal: a candidate must clear both, and to certify one
/// that misses either, the bound of the first that misses it must be false; whichever of these two comes
/// first in the sequence stops it with the full confidence.
///
/// Two sequences compete: fixed values, and the multipliers of a stop rule.  Each is certified with 97.5 %,
/// so that taking the cheaper of both is wrong in 5 % at most.
///
/// - Source: Wiens 2003, *A fixed sequence Bonferroni procedure*; Berger 1982, *Multiparameter hypothesis testing
///   and acceptance sampling* (both goals); Angelopoulos et al. 2021, *Learn then test*; the bounds:
///   `BettingBound`.
struct FixedSequence {
  static let bound = BettingBound(confidence: 0.975)

  private let minSamples: Int
  private let time: ResistantLine?
  private var least = (mean: 1.0, tail: 1.0)
  /// In the order of the tests.
  private(set) var rungs: [CertifiedRung] = []

  /// - Parameters:
  ///   - minSamples: fewer labels test nothing.
  ///   - time: microseconds of a search by its buffers, if known.
  init(minSamples: Int, time: ResistantLine?) {
    self.minSamples = minSamples
    self.time = time
  }

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
    let isTested = recall.count >= minSamples
    let good = recall.good
    if isTested {
      least.mean = min(least.mean, try Self.bound.lower(recall, check: check) ?? 0)
      least.tail = min(least.tail, try Self.bound.lower(good, check: check) ?? 0)
    }
    rungs.append(
      CertifiedRung(
        value: value, labels: recall.count,
        recall: recall.mean.map { Float($0) }, bound: isTested ? Float(roundedDown: least.mean) : nil,
        tail: good.mean.map { Float($0) }, tailBound: isTested ? Float(roundedDown: least.tail) : nil,
        blocks: blocks.mean.map { Float($0) }, percentiles: blocks.percentiles,
        microseconds: blocks.mean.flatMap { mean in time.map { Float($0(mean)) } }))
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
