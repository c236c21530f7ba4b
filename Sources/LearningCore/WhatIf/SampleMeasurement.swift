/// What searches of an index of some of a table's rows are like at one value of `ef_search` or `probes`.
public struct SampleMeasurement: Equatable, Sendable {
  /// In the index.
  public let rows: Double
  public let value: Double
  /// Mean over the queries, 0...1, against exact search in these rows.
  public let recall: Double
  /// Mean a search.
  public let buffers: Double

  /// - Returns: nil unless all are finite and in range, rows and value 1 at least, and buffers above 0.
  public init?(rows: Double, value: Double, recall: Double, buffers: Double) {
    guard rows.isFinite, rows >= 1, value.isFinite, value >= 1, (0...1).contains(recall), buffers.isFinite, buffers > 0
    else { return nil }
    self.rows = rows
    self.value = value
    self.recall = recall
    self.buffers = buffers
  }
}
