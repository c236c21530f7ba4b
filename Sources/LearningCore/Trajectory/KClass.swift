/// Classes of k whose searches learn together: the powers of two; filtered searches by themselves.
public enum KClass {
  /// The largest class; every greater k belongs to it.
  public static let largest: Int32 = 1 << 30

  /// The class of `k`: the smallest power of two that is not less, at most `largest`; of a filtered search its
  /// negative.
  ///
  /// - Returns: 0 when `k` is unknown (less than 1).
  /// - Complexity: O(1), allocates nothing.
  @inlinable
  public static func containing(_ k: Int32, isFiltered: Bool = false) -> Int32 {
    if k < 1 { return 0 }
    let least = k > largest ? largest : 1 << (Int32.bitWidth - (k - 1).leadingZeroBitCount)
    return isFiltered ? -least : least
  }
}
