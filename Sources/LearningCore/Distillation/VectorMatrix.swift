import Glibc

/// Vectors of one dimension, row after row.
public struct VectorMatrix: Equatable, Sendable {
  public let dimension: Int
  public private(set) var components: [Float]

  public var count: Int { components.count / dimension }

  /// - Throws: `emptyVector` without rows or components, `dimension` for rows of different lengths, `notFinite` for a
  ///   component that is not, or whose square is so large that distances would not be.
  public init(_ rows: [[Float]]) throws(LearningError) {
    guard let first = rows.first else { throw .emptyVector }
    dimension = first.count
    components = []
    components.reserveCapacity(rows.count * dimension)
    for row in rows {
      try QueryVector.check(row.span, expected: dimension)
      components += row
    }
    for row in rows.indices where !(dot(row, self, row) < Self.largestSquare) {
      throw .notFinite(position: (rows[row].indices.max { abs(rows[row][$0]) < abs(rows[row][$1]) } ?? 0) + 1)
    }
  }

  /// Two vectors of such a length are less than the largest Float apart, squared.
  private static let largestSquare = Float.greatestFiniteMagnitude / 8

  init(zeros count: Int, dimension: Int) {
    self.dimension = dimension
    components = [Float](repeating: 0, count: count * dimension)
  }

  public subscript(row: Int) -> ArraySlice<Float> {
    get { components[row * dimension..<(row + 1) * dimension] }
    set { components.replaceSubrange(row * dimension..<(row + 1) * dimension, with: newValue.prefix(dimension)) }
  }

  /// Those rows, in that order.
  func rows(_ positions: some Collection<Int>) -> VectorMatrix {
    var picked = VectorMatrix(zeros: positions.count, dimension: dimension)
    for (row, position) in positions.enumerated() { picked[row] = self[position] }
    return picked
  }

  /// The rows with length 1; one without direction becomes zero.
  func directions() -> VectorMatrix {
    var directions = self
    for row in 0..<count { directions.normalize(row) }
    return directions
  }

  mutating func normalize(_ row: Int) {
    let factor = Kernel.inverseLength(ofSquare: dot(row, self, row)) ?? 0
    for position in row * dimension..<(row + 1) * dimension { components[position] *= factor }
  }

  /// - Complexity: O(dimension), like the distance.
  @inline(__always)
  func dot(_ row: Int, _ other: VectorMatrix, _ otherRow: Int) -> Float {
    withRows(row, other, otherRow, Kernel.dot)
  }

  @inline(__always)
  func squaredDistance(_ row: Int, _ other: VectorMatrix, _ otherRow: Int) -> Float {
    withRows(row, other, otherRow, Kernel.squaredDistance)
  }

  @inline(__always)
  private func withRows(
    _ row: Int, _ other: VectorMatrix, _ otherRow: Int,
    _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Float
  ) -> Float {
    components.withUnsafeBytes { own in
      other.components.withUnsafeBytes { others in
        body(
          UnsafeRawBufferPointer(rebasing: own[4 * row * dimension..<4 * (row + 1) * dimension]),
          UnsafeRawBufferPointer(rebasing: others[4 * otherRow * dimension..<4 * (otherRow + 1) * dimension]))
      }
    }
  }
}
