/// What makes a query vector fit to be recorded.
public enum QueryVector {
  /// Accepts a vector of the right length with finite components only.
  ///
  /// - Parameters:
  ///   - components: the vector.
  ///   - expected: the number of dimensions of the column; 0 or less when it is not known.
  /// - Throws: `emptyVector`, `dimension` or `notFinite` with the first offending position.
  /// - Complexity: O(dimensions), allocates nothing.
  public static func check(_ components: Span<Float>, expected: Int) throws(LearningError) {
    if components.isEmpty { throw .emptyVector }
    if expected > 0 && components.count != expected {
      throw .dimension(expected: expected, given: components.count)
    }
    for position in components.indices where !components[position].isFinite {
      throw .notFinite(position: position + 1)
    }
  }
}
