/// What was tried for one query.
///
/// A search that was only watched has one trial.  A labelled one has a trial for every value of its parameter, all
/// of them for this same query: they can be compared in pairs.
public struct QueryTrajectory: Sendable {
  /// Finite, of the bank's dimension.
  public let embedding: [Float]
  /// No two of the same configuration.
  public let trials: [Trial]
  /// Microseconds of any clock.
  public let time: Int64

  public init(embedding: [Float], trials: [Trial], time: Int64) {
    self.embedding = embedding
    self.trials = trials
    self.time = time
  }
}
