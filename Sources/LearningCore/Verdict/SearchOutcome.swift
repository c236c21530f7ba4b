/// What is known of one search that is to be judged.  What was not measured is nil or empty.
public struct SearchOutcome: Sendable {
  /// 0...1.
  public var recall: Double?
  /// The recall that is asked for, above 0.
  public var target: Double?
  /// Microseconds.
  public var latency: Double?
  /// Of recent searches of its class, in any order.
  public var recentLatencies: [Double] = []
  /// Of the rows returned, in any order, as the operator gives them.
  public var distances: [Double] = []
  /// Different identifiers among the rows returned.
  public var distinct: Int?
  /// Rows returned.
  public var rows: Int?
  /// Rows asked for.
  public var limit: Int?
  public var isFiltered = false
  /// Share of the judged rows that the user called relevant (`Feedback.Judgement`).
  public var precision: Double?
  /// Likewise of the exact neighbours.
  public var exactPrecision: Double?
  /// 0...5.
  public var rating: Double?

  public init() {}
}
