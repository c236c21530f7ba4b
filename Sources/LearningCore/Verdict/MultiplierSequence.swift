/// All multipliers of a stop rule, tested from the smallest up: a fixed sequence without gaps.
///
/// The recall of every replayed search falls, or stays, as the multiplier rises, and so does every bound: a multiplier
/// passes if and only if all smaller ones do, and the greatest that passes is found by bisection.
///
/// Among all of them the choice costs as much confidence as among a few.  Let v be the greatest whose mean recall
/// reaches the target.  Just above v searches end where their mean is the target at most, and at a greater
/// multiplier each of them finds as much or less.  So certifying any of these takes a false bound just above v.
///
/// - Source: Bates, Angelopoulos, Lei, Malik, Jordan 2021, *Distribution-free, risk-controlling prediction sets*
///   (losses that are monotone in a parameter); `FixedSequence`.
struct MultiplierSequence {
  private static let means = RecallGoal.roundMeans
  private static let tails = [0.8, 0.85] + (90...99).map { Double($0) / 100 } + [0.995, 0.999]
  /// At most this many are published: for each of these numbers, and for a goal.
  static let capacity = means.count + tails.count + 2

  /// More than a bound loses when it is bisected and becomes a Float.
  private static let resolution = 0x1p-22

  private let replay: StopRuleReplay
  private let critical: [Float]
  private let minSamples: Int
  private let time: ResistantLine?

  /// - Parameters:
  ///   - replay: of the searches that certify.
  ///   - minSamples: fewer test nothing.
  ///   - time: microseconds of a search by its buffers, if known.
  init(_ replay: StopRuleReplay, minSamples: Int, time: ResistantLine?) {
    self.replay = replay
    critical = replay.criticalMultipliers()
    self.minSamples = minSamples
    self.time = time
  }

  /// For the goal and for every round number the greatest multiplier that is certified for it, ascending; where too
  /// few labels test anything, the greatest that reaches it on average.
  ///
  /// - Throws: what `check` throws.
  /// - Complexity: O(searches × log (searches × stages)) for each.
  func rungs(
    for goal: RecallGoal, _ check: () throws(LearningError) -> Void
  ) throws(LearningError) -> [CertifiedRung] {
    var chosen: Set<Float> = []
    for mean in Self.means + [goal.mean] {
      if let one = try greatest(reaching: mean, { $0 }, check) { chosen.insert(one) }
    }
    for tail in Self.tails + [goal.tail].compactMap({ $0 }) {
      if let one = try greatest(reaching: tail, \.good, check) { chosen.insert(one) }
    }
    var rungs: [CertifiedRung] = []
    for multiplier in chosen.sorted() { rungs.append(try rung(multiplier, check)) }
    return rungs
  }

  private func greatest(
    reaching level: Double, _ observed: ([Float]) -> [Float], _ check: () throws(LearningError) -> Void
  ) throws(LearningError) -> Float? {
    var (reaching, missing) = (0, critical.count)
    while reaching < missing {
      let middle = (reaching + missing) / 2
      try check()
      let observations = observed(replay.outcomes(at: critical[middle]).map(\.recall))
      let reaches =
        observations.count >= minSamples
        ? try FixedSequence.bound.refutes(level + Self.resolution, observations, check: check)
        : observations.mean.map { $0 >= level } ?? false
      if reaches { reaching = middle + 1 } else { missing = middle }
    }
    return reaching > 0 ? critical[reaching - 1] : nil
  }

  private func rung(
    _ multiplier: Float, _ check: () throws(LearningError) -> Void
  ) throws(LearningError) -> CertifiedRung {
    try check()
    let outcomes = replay.outcomes(at: multiplier)
    let recall = outcomes.map(\.recall)
    var bounds: (mean: Double, tail: Double)?
    if recall.count >= minSamples, let mean = try FixedSequence.bound.lower(recall, check: check),
      let tail = try FixedSequence.bound.lower(recall.good, check: check)
    {
      bounds = (mean, tail)
    }
    return CertifiedRung(
      measured: multiplier, recall: recall, blocks: outcomes.map(\.blocks), bounds: bounds, time: time)
  }
}
