/// What works best for queries like one another, and on what evidence.
public struct PatternVerdict: Equatable, Sendable {
  /// What the trials of one configuration have shown.
  public struct Configuration: Equatable, Sendable {
    /// In the bank's `ParameterSpace`.
    public let parameters: [Double]
    /// Of `Trial.quality`; its count is that of the trajectories that tried the configuration.
    public let quality: Moments
    /// Means over the trials that measured them.
    public let recall: Double?
    public let latency: Double?
    public let cost: Double?

    /// 1 / (1 + standard deviation / mean) of the quality, 0...1; nil when undefined.
    public var consistency: Double? {
      guard let variance = quality.variance, quality.mean > 0 else { return nil }
      return 1 / (1 + variance.squareRoot() / quality.mean)
    }

    /// Mean quality × consistency, 0...1.
    public var confidence: Double? { consistency.map { quality.mean * $0 } }
  }

  /// The recommended configuration against the one in force.
  public struct Comparison: Equatable, Sendable {
    public enum Evidence: Int32, Sendable {
      /// Every query tried both.
      case paired = 0
      /// Different queries tried them: how hard those were may be the difference.
      case observational = 1
    }

    public let evidence: Evidence
    /// Difference of the mean qualities.
    public let improvement: Double
    /// Of the mean costs, recommended / in force; nil when either is unknown, or the latter 0.
    public let costRatio: Double?
    /// Of no difference of quality, two-sided; nil when it cannot be tested.
    public let p: Double?
  }

  public let recommended: Configuration
  /// nil when no target is asked for.  Where none reaches it, what is recommended comes closest.
  public let reachesTarget: Bool?
  /// nil when the one in force is unknown, is recommended, or was tried too rarely.
  public let comparison: Comparison?
  /// All that were tried often enough, by parameters, ascending.
  public let configurations: [Configuration]

  /// Trajectories behind the recommendation.
  public var support: Int { recommended.quality.count }
}
