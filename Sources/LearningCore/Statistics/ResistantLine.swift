/// A straight line through points of which some lie far off: a processor that was needed elsewhere makes a few
/// times much too long.
///
/// The points are ordered by x and split in three; the slope is that between the medians of the outer thirds,
/// the height is the median of what is left.  Up to a sixth of the points may be arbitrarily wrong.
///
/// - Source: Tukey 1977, *Exploratory data analysis*, §10 (the three-group resistant line).
public struct ResistantLine: Equatable, Sendable {
  public let height: Double
  public let slope: Double

  /// Fewer points give no line.
  public static let leastPoints = 18

  /// - Parameter points: finite.
  /// - Returns: nil for too few points, or when the outer thirds have the same x, or where y falls as x rises.
  /// - Complexity: O(points × log points).
  public init?(_ points: [(x: Double, y: Double)]) {
    guard points.count >= Self.leastPoints else { return nil }
    let ordered = points.sorted { $0.x < $1.x }
    let third = points.count / 3
    let (left, right) = (ordered.prefix(third), ordered.suffix(third))
    let width = Self.median(right.map(\.x)) - Self.median(left.map(\.x))
    let rise = Self.median(right.map(\.y)) - Self.median(left.map(\.y))
    guard width > 0, rise >= 0 else { return nil }
    let slope = rise / width
    self.slope = slope
    height = Self.median(points.map { $0.y - slope * $0.x })
  }

  public func callAsFunction(_ x: Double) -> Double { height + slope * x }

  private static func median(_ values: [Double]) -> Double {
    let ordered = values.sorted()
    let middle = ordered.count / 2
    return ordered.count.isMultiple(of: 2) ? (ordered[middle - 1] + ordered[middle]) / 2 : ordered[middle]
  }
}
