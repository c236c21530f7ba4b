/// What a search in batches has taken from the index after each of its batches: rows of hnsw, lists of ivfflat.
///
/// hnsw: from max(k, 10) by 2^½ for as long as `maximum` allows; a search after its batch and a search with that
/// `ef_search` have seen about the same rows.  ivfflat: from 1 by 2^½; a search after its batch and a search with
/// that `probes` have seen the same lists.
public struct StageLadder: RandomAccessCollection, Sendable {
  /// At most this many batches.
  public static let capacity = 16

  private let first: Int32
  public let endIndex: Int
  public var startIndex: Int { 0 }

  /// - Parameters:
  ///   - k: rows asked for.
  ///   - maximum: the greatest value of the parameter.
  /// - Complexity: O(1), allocates nothing.  Empty when k is unknown (less than 1) or does not fit.
  public init(_ kind: IndexKind, k: Int32, maximum: Int32) {
    first = kind.firstBatch(k: k)
    var count = 0
    while k >= 1, count < Self.capacity, Self.total(first, count) <= Double(maximum) { count += 1 }
    endIndex = count
  }

  /// Strictly ascending, at least what the first batch takes, at most the maximum.
  public subscript(stage: Int) -> Int32 { Int32(Self.total(first, stage)) }

  private static func total(_ first: Int32, _ stage: Int) -> Double {
    // From 1 the first step leads nowhere: √2 rounds to 1.
    let halves = first == 1 && stage > 0 ? stage + 1 : stage
    let half = halves.isMultiple(of: 2) ? 1 : 2.0.squareRoot()
    return (Double(first) * Double(1 << (halves / 2)) * half).rounded()
  }
}
