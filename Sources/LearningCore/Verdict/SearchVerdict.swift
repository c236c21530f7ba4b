/// What is thought of one search.
public struct SearchVerdict: Equatable, Sendable {
  /// Each 0...1, nil when unknown.
  public struct Signals: Equatable, Sendable {
    public let recall: Double?
    public let latency: Double?
    public let diversity: Double?
    public let feedback: Double?

    var known: [Double] { [recall, latency, diversity, feedback].compactMap { $0 } }
  }

  /// What could be done, by its reason.
  public enum Recommendation: Int32, CaseIterable, Sendable {
    /// Search with a larger parameter: recall is below the target.
    case raiseParameter = 1
    /// Search with a smaller one: nothing was missed, and nearly all searches of the class were quicker.
    case lowerParameter = 2
    /// The filter is too selective: fewer rows came than were asked for.
    case widenFilter = 3
    /// Most rows repeat another.
    case removeDuplicates = 4
    /// Relevance is not distance: even of the exact neighbours most are irrelevant.  No parameter mends that.
    case reviseEmbedding = 5
    /// Nothing is known yet.
    case measure = 6
  }

  public let signals: Signals
  /// Mean of the known signals, nil without any.
  public let score: Double?
  /// Whether the score is above the threshold, nil when there is none.
  public let isSuccess: Bool?
  /// 0...1: share of the four signals that are known, times their agreement, 1 − 2 × standard deviation.  Signals
  /// that could not disagree more, half of them 0 and half 1, deviate by ½.
  public let confidence: Double
  /// Ascending, none twice.
  public let recommendations: [Recommendation]
}
