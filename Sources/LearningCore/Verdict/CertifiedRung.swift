/// What is asked of the searches of one index.
public struct RecallGoal: Equatable, Sendable {
  /// A search whose recall is less than this is a bad one.
  public static let tailRecall: Float = 0.9
  /// Round numbers are what people ask for: half percents, and tenths from 99 % on.
  static let roundMeans = (160...198).map { Double($0) / 200 } + (991...999).map { Double($0) / 1000 }

  /// Mean recall to reach.
  public let mean: Double
  /// Share of searches that must not be bad; nil: any.
  public let tail: Double?

  @inlinable
  public init(mean: Double, tail: Double? = nil) {
    self.mean = mean
    self.tail = tail
  }
}

/// What is known of one value of a search parameter, or of a stop rule at one multiplier.
public struct CertifiedRung: Sendable {
  /// `ef_search`, `probes` or multiplier.
  public let value: Float
  /// Labels that measured its recall.
  public let labels: Int
  /// Mean recall; nil when not measured.
  public let recall: Float?
  /// This and everything tested before it has at least this mean recall (97.5 %, at every look); nil when
  /// not tested.
  public let bound: Float?
  /// Share of searches whose recall is at least `RecallGoal.tailRecall`.
  public let tail: Float?
  /// Certified like `bound`.
  public let tailBound: Float?
  /// Mean buffers touched by a search; nil when not measured.
  public let blocks: Float?
  /// Of the buffers touched: median, 95th and 99th percentile.
  public let percentiles: SIMD3<Float>?
  /// Mean time of a search, by the buffers it touches; nil while that is not known.
  public let microseconds: Float?

  @inlinable
  public init(
    value: Float, labels: Int, recall: Float?, bound: Float?, tail: Float? = nil, tailBound: Float? = nil,
    blocks: Float?, percentiles: SIMD3<Float>? = nil, microseconds: Float? = nil
  ) {
    self.value = value
    self.labels = labels
    self.recall = recall
    self.bound = bound
    self.tail = tail
    self.tailBound = tailBound
    self.blocks = blocks
    self.percentiles = percentiles
    self.microseconds = microseconds
  }

  @inlinable
  func isCertified(for goal: RecallGoal, minSamples: Int) -> Bool {
    reaches(goal, bound, tailBound, minSamples)
  }

  /// On average, whether certain or not.
  @inlinable
  func seemsToReach(_ goal: RecallGoal, minSamples: Int) -> Bool {
    reaches(goal, recall, tail, minSamples)
  }

  /// On average, whether certain or not; false where that was not measured.
  @inlinable
  func seemsToMiss(_ goal: RecallGoal, minSamples: Int) -> Bool {
    recall != nil && (goal.tail == nil || tail != nil) && labels >= minSamples
      && !seemsToReach(goal, minSamples: minSamples)
  }

  @inlinable
  func reaches(_ goal: RecallGoal, _ recall: Float?, _ tail: Float?, _ minSamples: Int) -> Bool {
    guard let recall, labels >= minSamples, Double(recall) >= goal.mean else { return false }
    guard let wanted = goal.tail else { return true }
    return tail.map { Double($0) >= wanted } ?? false
  }
}
