/// How far the shares of categories have moved between two samples, and whether by chance.
public struct MixShift: Equatable, Sendable {
  /// Total variation: the share of one sample that would have to be of another category, 0...1.
  public let distance: Double
  /// Of the χ² test that both samples come from one mix; nil when it cannot be tested.
  public let p: Double?

  /// Expected counts that the χ² approximation needs.
  ///
  /// - Source: Cochran 1954, *Some methods for strengthening the common χ² tests*.
  private static let leastExpected = 5.0

  /// Categories that are expected too rarely are tested as one, and that with the rarest other if it is still too rare.
  ///
  /// - Parameters:
  ///   - before: counts by category, not negative.
  ///   - now: likewise.
  /// - Returns: nil when a sample is empty.
  /// - Complexity: O(categories × log categories).
  public init?<Category: Hashable & Comparable>(from before: [Category: Int], to now: [Category: Int]) {
    // In order: sums of doubles depend on it, and a dictionary has none.
    let cells = Set(before.keys).union(now.keys).sorted().map { SIMD2(Double(before[$0] ?? 0), Double(now[$0] ?? 0)) }
    let totals = cells.reduce(.zero, +)
    guard totals.min() > 0 else { return nil }
    distance = min(1, cells.reduce(0) { $0 + abs($1.x / totals.x - $1.y / totals.y) } / 2)
    p = Self.p(cells, totals)
  }

  private static func p(_ cells: [SIMD2<Double>], _ totals: SIMD2<Double>) -> Double? {
    let shares = totals / totals.sum()
    func isTooRare(_ cell: SIMD2<Double>) -> Bool { cell.sum() * shares.min() < leastExpected }
    var tested = cells.filter { !isTooRare($0) }.sorted { $0.sum() > $1.sum() }
    var pooled = cells.filter(isTooRare).reduce(.zero, +)
    if isTooRare(pooled), pooled.sum() > 0, let rarest = tested.popLast() { pooled += rarest }
    if pooled.sum() > 0 { tested.append(pooled) }
    guard tested.count >= 2 else { return nil }
    let statistic = tested.reduce(0) { sum, cell in
      let expected = shares * cell.sum()
      return sum + ((cell - expected) * (cell - expected) / expected).sum()
    }
    return ChiSquare(freedom: Double(tested.count - 1)).upperTail(statistic)
  }
}
