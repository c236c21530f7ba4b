/// Candidates tested one after the other, the surest first, each only if all before it passed.
///
/// Then choosing the last that passes costs no confidence: falsely certifying any candidate takes a false bound
/// of the first one that misses the target; and as the bounds hold at every time, judging again after
/// every label costs nothing either.  Nor does a second goal: a candidate must clear both, and to certify one
/// that misses either, the bound of the first that misses it must be false; whichever of these two comes
/// first in the sequence stops it with the full confidence.
///
/// Two sequences compete: fixed values, and the multipliers of a stop rule (`MultiplierSequence`).  Each is certified
/// with 97.5 %, so that taking the cheaper of both is wrong in 5 % at most (Bonferroni).  An uneven split takes from
/// the one what it gives to the other, and which is cheaper is not known beforehand.  The labels that fit a rule
/// cannot tell: they certify fixed values as well, and a confidence must not be chosen by what it is to cover.
///
/// A value that joins the sequence later, between two others, may be another first that misses, with a chance of its
/// own; so may a rule that is fitted anew (docs/statistics.md counts them).
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
    try check()
    if isTested {
      least.mean = min(least.mean, try Self.bound.lower(recall, check: check) ?? 0)
      least.tail = min(least.tail, try Self.bound.lower(recall.good, check: check) ?? 0)
    }
    rungs.append(
      CertifiedRung(measured: value, recall: recall, blocks: blocks, bounds: isTested ? least : nil, time: time))
  }
}
