/// The mean of observations of which only the range is known, with its 95 % interval.
///
/// A few searches that find nothing among many that find all are no case for the normal distribution: the bounds are
/// those of `BettingBound`, which assume nothing and hold for few observations too.
public struct BoundedMean: Equatable, Sendable {
  public let mean: Double
  /// Each side at 97.5 %.
  public let bounds: ClosedRange<Double>

  /// - Parameters:
  ///   - observations: each in `range`, in the order in which they were made.
  ///   - range: what they can be; not a single number.
  /// - Returns: nil without observations.
  /// - Throws: `range` (argument 1) with the position of one that is outside, counted from 1, or (argument 2) for a range
  ///   so wide that differences or sums are no numbers; what `check` throws.
  /// - Complexity: O(observations), some 52 passes.
  public init?(
    _ observations: some Collection<Double>, in range: ClosedRange<Double>,
    check: () throws(LearningError) -> Void = {}
  ) throws(LearningError) {
    for (position, observation) in observations.enumerated() where !range.contains(observation) {
      throw .range(value: position + 1, argument: 1)
    }
    let width = range.upperBound - range.lowerBound
    let sum = observations.reduce(0, +)
    guard width > 0, width.isFinite, sum.isFinite else { throw .range(value: 0, argument: 2) }
    let shares = observations.map { Float(min(1, ($0 - range.lowerBound) / width)) }
    let bound = BettingBound(confidence: 0.975)
    guard let low = try bound.lower(shares, check: check), let high = try bound.upper(shares, check: check) else {
      return nil
    }
    // The width is rounded: all of it may lead beyond the range.
    func whole(_ share: Double) -> Double { min(range.lowerBound + share * width, range.upperBound) }
    mean = sum / Double(observations.count)
    bounds = whole(min(low, high))...whole(max(low, high))
  }
}
