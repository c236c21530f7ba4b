/// The rows that a search in batches has taken from the index after each of its batches.
///
/// From max(k, 10) by 2^½ for as long as `maximum` allows: a search after its batch and a search with that
/// `ef_search` have seen about the same rows.
public struct StageLadder: RandomAccessCollection, Sendable {
  /// At most this many batches.
  public static let capacity = 14

  private let first: Int32
  public let endIndex: Int
  public var startIndex: Int { 0 }

  /// - Parameters:
  ///   - k: rows asked for.
  ///   - maximum: the greatest `ef_search`.
  /// - Complexity: O(1), allocates nothing.  Empty when k is unknown (less than 1) or does not fit.
  public init(k: Int32, maximum: Int32) {
    first = Swift.max(k, 10)
    var count = 0
    while k >= 1, count < Self.capacity, Self.total(first, count) <= Double(maximum) { count += 1 }
    endIndex = count
  }

  /// Strictly ascending, at least k, at most the maximum.
  public subscript(stage: Int) -> Int32 { Int32(Self.total(first, stage)) }

  private static func total(_ first: Int32, _ stage: Int) -> Double {
    let half = stage.isMultiple(of: 2) ? 1 : 2.0.squareRoot()
    return (Double(first) * Double(1 << (stage / 2)) * half).rounded()
  }
}
