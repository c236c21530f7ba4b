/// The most that certainty may cost: what is certified is put in force once it touches at most this many
/// times the buffers of the cheapest value that reaches the target on average.
///
/// With few labels only very large values can be certified.  They would be right, and needlessly dear for
/// everybody until more labels are in; those come soon, as nothing else holds them up.  What is in force already is not
/// taken away for it: with more labels a cheaper value may seem to reach the target, and be certified later, or not at
/// all.
public let greatestPremium: Float = 1.5

/// A stop rule is taken where it needs at most this share of the time of the best fixed value.
///
/// Times are measured on a machine that may be doing something else, and a rule makes the hardest queries dearer: for
/// a smaller gain that is neither sure nor worth it.
public let greatestShareOfTime: Float = 0.95

/// What the last verdict has chosen.
public enum InForce: Equatable, Sendable {
  case value(Int32)
  case multiplier(Float)

  /// Its buffers by what is known now; nil when they are not.  Where a multiplier is not known itself, those of the next
  /// smaller one, which searches no less.
  @inlinable
  func blocks<Values: RandomAccessCollection, Multipliers: RandomAccessCollection>(
    values: Values, multipliers: Multipliers
  ) -> Float? where Values.Element == CertifiedRung, Multipliers.Element == CertifiedRung {
    switch self {
    case .value(let value): values.first { $0.value == Float(value) }?.blocks
    case .multiplier(let multiplier): multipliers.last { $0.value <= multiplier }?.blocks
    }
  }
}

/// What to search with where a recall is asked for: a fixed value, or a stop rule at one multiplier.
public enum Choice: Equatable, Sendable {
  /// Its position among the values.
  case value(Int)
  /// Its position among the multipliers; and the value that is second best, if one is certified.
  case multiplier(Int, insteadOf: Int?)

  /// The smallest certified value, or the greatest certified multiplier if that takes clearly less time; provided
  /// that it is not dearer than the setting, than what is in force, or than `greatestPremium` allows.
  ///
  /// A buffer costs more time in batches than in one search, how much more depends on the data and the machine:
  /// where it is not known, there are no batches.
  ///
  /// - Parameters:
  ///   - values: ascending.
  ///   - multipliers: ascending; empty where searches in batches are not possible.
  ///   - goal: what to reach.
  ///   - minSamples: labels below which no evidence counts.
  ///   - setting: the value that would be used otherwise.
  ///   - inForce: what is used already.
  /// - Returns: nil when nothing is certified, when it is too dear, or when its cost is not known.
  /// - Complexity: O(values + multipliers), allocates nothing.
  @inlinable
  public init?<Values: RandomAccessCollection, Multipliers: RandomAccessCollection>(
    values: Values, multipliers: Multipliers, goal: RecallGoal, minSamples: Int, setting: Int32?, inForce: InForce?
  )
  where
    Values.Element == CertifiedRung, Values.Index == Int,
    Multipliers.Element == CertifiedRung, Multipliers.Index == Int
  {
    let value = values.firstIndex { $0.isCertified(for: goal, minSamples: minSamples) }
    let multiplier = multipliers.lastIndex { $0.isCertified(for: goal, minSamples: minSamples) }
    let cost: Float
    if let multiplier, let blocks = multipliers[multiplier].blocks,
      let time = multipliers[multiplier].microseconds,
      value.map({ values[$0].microseconds.map { time <= greatestShareOfTime * $0 } ?? false }) ?? true
    {
      (self, cost) = (.multiplier(multiplier, insteadOf: value), blocks)
    } else if let value, let blocks = values[value].blocks {
      (self, cost) = (.value(value), blocks)
    } else {
      return nil
    }
    if let setting, let before = values.first(where: { $0.value == Float(setting) })?.blocks, cost <= before { return }
    if let before = inForce?.blocks(values: values, multipliers: multipliers), cost <= before { return }
    guard let least = values.first(where: { $0.seemsToReach(goal, minSamples: minSamples) })?.blocks,
      cost <= greatestPremium * least
    else { return nil }
  }
}
