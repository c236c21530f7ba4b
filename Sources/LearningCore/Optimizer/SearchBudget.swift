/// What searches may cost: at most one in twenty of them more.
public struct SearchBudget: Sendable {
  /// Buffers touched, and microseconds; infinity: as they like.
  public let blocks: Float
  public let microseconds: Float

  public init(blocks: Float = .infinity, microseconds: Float = .infinity) {
    self.blocks = blocks
    self.microseconds = microseconds
  }

  /// By the 95th percentile of what is known; what is not known is not allowed.
  ///
  /// The time of such a search is the mean time by its buffers.  A search has costs that no buffer adds to, so it
  /// takes less: what is allowed stays within the budget.
  func allows(_ rung: CertifiedRung) -> Bool {
    guard let percentile = rung.percentiles?.y else { return false }
    if percentile > blocks { return false }
    if microseconds == .infinity { return true }
    guard let time = rung.microseconds, let mean = rung.blocks, mean > 0 else { return false }
    return time * percentile / mean <= microseconds
  }

  /// The highest round recall for which what would be put in force stays within the budget.
  ///
  /// Each of these recalls is certified by itself; which of them it is is chosen by the same labels, and that choice has
  /// no confidence of its own.
  ///
  /// - Parameters: those of `Choice`; `tail` is asked for in any case.
  /// - Returns: nil when there is none.
  /// - Complexity: O(round numbers × (values + multipliers)).
  public func highestRecall<Values: RandomAccessCollection, Multipliers: RandomAccessCollection>(
    values: Values, multipliers: Multipliers, tail: Double?, minSamples: Int, setting: Int32?, inForce: InForce? = nil
  ) -> Double?
  where
    Values.Element == CertifiedRung, Values.Index == Int,
    Multipliers.Element == CertifiedRung, Multipliers.Index == Int
  {
    RecallGoal.roundMeans.last { mean in
      switch Choice(
        values: values, multipliers: multipliers, goal: RecallGoal(mean: mean, tail: tail), minSamples: minSamples,
        setting: setting, inForce: inForce)
      {
      case .value(let position): allows(values[position])
      case .multiplier(let position, _): allows(multipliers[position])
      case nil: false
      }
    }
  }
}
