/// What is known of queries like one another: where they lie, what works for them, and how sure that is.
public struct LearnedPattern: Equatable, Sendable {
  /// What is known of one configuration from the trials of a pattern's queries.
  public struct Evidence: Equatable, Sendable {
    /// How many trials there were, and how many of them measured each mean.
    public struct Counts: Equatable, Sendable {
      public var trials: Int
      public var precision: Int
      public var recall: Int
      public var latency: Int
      public var cost: Int

      public init(trials: Int, precision: Int, recall: Int, latency: Int, cost: Int) {
        self.trials = trials
        self.precision = precision
        self.recall = recall
        self.latency = latency
        self.cost = cost
      }
    }

    /// In the bank's `ParameterSpace`.
    public var parameters: [Double]
    /// Trials whose quality is known.
    public var count: Int
    /// Mean of `Trial.quality` and sum of squared deviations from it: Welford's pair, so that evidence can be merged;
    /// both 0 when no quality is known.
    public var quality: Double
    public var squaredDeviations: Double
    /// Means over the trials that measured them.
    public var precision: Double?
    public var recall: Double?
    public var latency: Double?
    public var cost: Double?
    public var counts: Counts

    /// - Parameter counts: nil when all trials whose quality is known measured all that is given.
    public init(
      parameters: [Double], count: Int, quality: Double, squaredDeviations: Double, precision: Double? = nil,
      recall: Double? = nil, latency: Double? = nil, cost: Double? = nil, counts: Counts? = nil
    ) {
      self.parameters = parameters
      self.count = count
      self.quality = quality
      self.squaredDeviations = squaredDeviations
      self.precision = precision
      self.recall = recall
      self.latency = latency
      self.cost = cost
      self.counts =
        counts
        ?? Counts(
          trials: count, precision: precision == nil ? 0 : count, recall: recall == nil ? 0 : count,
          latency: latency == nil ? 0 : count, cost: cost == nil ? 0 : count)
    }
  }

  /// Unique in its bank, above 0.
  public var id: Int64
  /// Mean of the directions of its trajectories: its length, at most 1, is the mean cosine between them and it.
  public var centroid: [Float]
  /// What works best here, in the bank's `ParameterSpace`.
  public var parameters: [Double]
  /// Trajectories it stands for; of a pattern with children, the sum of theirs.
  public var support: Int
  /// 0...1: how good what works best is known to be, see `Optimum`, and what feedback made of that.
  public var confidence: Double
  /// Configurations by parameters, ascending, no two the same.
  public var evidence: [Evidence]
  /// How often it has been looked up.
  public var usage: Int64
  /// Microseconds of any clock.
  public var created: Int64
  public var updated: Int64
  /// 0 = concrete; 1...3 stand for patterns of the level below.
  public var level: Int
  /// Identifiers, ascending; empty at level 0.
  public var children: [Int64]

  public init(
    id: Int64, centroid: [Float], parameters: [Double], support: Int, confidence: Double, evidence: [Evidence],
    usage: Int64 = 0, created: Int64, updated: Int64, level: Int = 0, children: [Int64] = []
  ) {
    self.id = id
    self.centroid = centroid
    self.parameters = parameters
    self.support = support
    self.confidence = confidence
    self.evidence = evidence
    self.usage = usage
    self.created = created
    self.updated = updated
    self.level = level
    self.children = children
  }
}
