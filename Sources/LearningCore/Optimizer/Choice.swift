/// The most that certainty may cost: what is certified is put in force once it touches at most this many
/// times the buffers of the cheapest value that reaches the target on average.
///
/// With few labels only very large values can be certified.  They would be right, and needlessly dear for
/// everybody until more labels are in; those come soon, as nothing else holds them up.
public let greatestPremium: Float = 1.5

/// What to search with where a mean recall is asked for: a fixed value, or a stop rule at one multiplier.
public enum Choice: Equatable, Sendable {
  /// Its position among the values.
  case value(Int)
  /// Its position among the multipliers.
  case multiplier(Int)

  /// The smallest certified value, or the greatest certified multiplier if that is cheaper; provided that it
  /// is not dearer than the setting or than `greatestPremium` allows.
  ///
  /// - Parameters:
  ///   - values: ascending.
  ///   - multipliers: ascending; empty where searches in batches are not possible.
  ///   - target: mean recall to reach.
  ///   - minSamples: labels below which no evidence counts.
  ///   - setting: the value that would be used otherwise.
  /// - Returns: nil when nothing is certified, when it is too dear, or when its cost is not known.
  /// - Complexity: O(values + multipliers), allocates nothing.
  @inlinable
  public init?<Values: RandomAccessCollection, Multipliers: RandomAccessCollection>(
    values: Values, multipliers: Multipliers, target: Double, minSamples: Int, setting: Int32?
  )
  where
    Values.Element == CertifiedRung, Values.Index == Int,
    Multipliers.Element == CertifiedRung, Multipliers.Index == Int
  {
    func reaches(_ recall: Float?, _ rung: CertifiedRung) -> Bool {
      guard let recall else { return false }
      return rung.labels >= minSamples && Double(recall) >= target
    }
    let value = values.firstIndex { reaches($0.bound, $0) }
    let multiplier = multipliers.lastIndex { reaches($0.bound, $0) }
    let costOfValue = value.flatMap { values[$0].blocks }
    let costOfRule = multiplier.flatMap { multipliers[$0].blocks }

    let cost: Float
    if let multiplier, let costOfRule, costOfRule < costOfValue ?? .infinity {
      (self, cost) = (.multiplier(multiplier), costOfRule)
    } else if let value, let costOfValue {
      (self, cost) = (.value(value), costOfValue)
    } else {
      return nil
    }
    if let setting, let before = values.first(where: { $0.value == Float(setting) })?.blocks, cost <= before { return }
    guard let least = values.first(where: { reaches($0.recall, $0) })?.blocks, cost <= greatestPremium * least else {
      return nil
    }
  }
}
