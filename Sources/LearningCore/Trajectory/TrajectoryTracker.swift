/// The last observations, as many as fit.
public struct TrajectoryTracker: Sendable {
  public let capacity: Int
  private var ring: [Observation] = []
  /// Where the next observation goes once the ring is full: where the oldest is.
  private var oldest = 0

  /// - Throws: `range` (argument 1) when `capacity` is less than 1.
  public init(capacity: Int) throws(LearningError) {
    guard capacity >= 1 else { throw .range(value: capacity, argument: 1) }
    self.capacity = capacity
  }

  public var count: Int { ring.count }

  /// - Complexity: O(1).
  public mutating func record(_ observation: Observation) {
    if ring.count < capacity {
      ring.append(observation)
    } else {
      ring[oldest] = observation
      oldest = (oldest + 1) % capacity
    }
  }

  /// The last `count` observations or all there are, newest first.
  ///
  /// - Complexity: O(`count`).
  public func recent(_ count: Int) -> [Observation] {
    (0..<min(max(count, 0), ring.count)).map { ring[(oldest + ring.count - 1 - $0) % ring.count] }
  }

  /// What the last `window` observations have in common, and how they differ from as many before.
  ///
  /// - Complexity: O(window × log window).
  public func patterns(window: Int) -> PatternAnalysis {
    let window = min(max(window, 0), count)
    let recent = recent(window <= count / 2 ? 2 * window : count)
    return PatternAnalysis(of: recent.prefix(window), before: recent.dropFirst(window))
  }
}
