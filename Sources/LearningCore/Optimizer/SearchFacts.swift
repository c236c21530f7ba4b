/// Whether learned values are used.
public enum LearningMode: Int32, Sendable {
  case off = 0
  case observe = 1
  case apply = 2
}

/// What is known of a search when it begins.
public struct SearchFacts: Sendable {
  public var kind: IndexKind
  public var mode: LearningMode
  /// Rows the search will hand up, nil when that cannot be known beforehand.
  public var k: Int32?
  /// The search carries a WHERE clause.
  public var isFiltered: Bool
  /// Adaptive search is switched on in this session.
  public var isAdaptive: Bool
  /// The parameter was set in this session.
  public var isSetByUser: Bool
  /// The scan can search in batches.
  public var canBatch: Bool
  /// And has what the stop rule needs to know.
  public var canFollowRule: Bool
  /// The value pgvector alone would use.
  public var setting: Int32
  /// A value pinned by the user.
  public var pin: Int32?
  /// The least and greatest value that the parameter accepts.
  public var minimum: Int32
  public var maximum: Int32
  /// Labels below which no evidence counts.
  public var minSamples: Int
  /// What to reach.
  public var goal: RecallGoal
  /// What the last verdict has chosen for the declared goal.
  public var inForce: InForce?

  @inlinable
  public init(
    kind: IndexKind, mode: LearningMode, k: Int32?, isFiltered: Bool, isAdaptive: Bool, isSetByUser: Bool,
    canBatch: Bool, canFollowRule: Bool, setting: Int32, pin: Int32?, minimum: Int32, maximum: Int32, minSamples: Int,
    goal: RecallGoal, inForce: InForce? = nil
  ) {
    self.kind = kind
    self.mode = mode
    self.k = k
    self.isFiltered = isFiltered
    self.isAdaptive = isAdaptive
    self.isSetByUser = isSetByUser
    self.canBatch = canBatch
    self.canFollowRule = canFollowRule
    self.setting = setting
    self.pin = pin
    self.minimum = minimum
    self.maximum = maximum
    self.minSamples = minSamples
    self.goal = goal
    self.inForce = inForce
  }
}
