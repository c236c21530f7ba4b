/// Which of several indexes answers a search most cheaply at the recall that is asked for, and what the planner is to
/// think of the others.
///
/// The best one has pgvector's estimate, and the others get this estimate times their price: whether an index is worth
/// it at all is weighed as if the best one were alone.  Only against an open index, which has its own estimate, it is
/// made at the value that the best one will be searched with: pgvector's formula is all that both have in common.
public struct IndexChoice: Equatable, Sendable {
  /// What a missing index costs beyond the dearest certified one.  Any number will do above 1.01, below which the planner
  /// takes costs for equal.
  @usableFromInline
  static let missingPremium: Float = 2

  /// Position of the certified one that costs least; of equals the first.
  public let best: Int
  /// Its cost: microseconds where all certified ones are timed, else buffers.
  public let least: Float
  public let isByTime: Bool
  /// At which the best one's estimate is made; nil: at pgvector's setting.
  public let value: Int32?
  @usableFromInline
  let dearest: Float

  /// - Returns: nil where one of them is settled, or none is certified: then all keep pgvector's estimates.
  /// - Complexity: O(prospects), allocates nothing.
  @inlinable
  public init?<Prospects: RandomAccessCollection>(_ prospects: Prospects)
  where Prospects.Element == IndexProspect, Prospects.Index == Int {
    let isByTime = prospects.allSatisfy { prospect in
      if case .certified(_, nil, _) = prospect { false } else { true }
    }
    var best: Int?
    var (least, dearest) = (Float.infinity, Float(0))
    var value: Int32?
    for (position, prospect) in zip(prospects.indices, prospects) {
      if prospect == .settled { return nil }
      guard let cost = Self.cost(of: prospect, isByTime: isByTime) else { continue }
      if cost < least, case .certified(_, _, let own) = prospect { (best, least, value) = (position, cost, own) }
      dearest = max(dearest, cost)
    }
    guard let best else { return nil }
    (self.best, self.least, self.isByTime, self.dearest) = (best, least, isByTime, dearest)
    self.value = prospects.contains(.open) ? value : nil
  }

  /// What one of the prospects costs, in units of the best one's estimate: at least 1; more than any that is certified
  /// where it misses the goal; nil where pgvector's own estimate stays.
  @inlinable
  public func price(of prospect: IndexProspect) -> Float? {
    if case .missing = prospect { return Self.missingPremium * dearest / least }
    return Self.cost(of: prospect, isByTime: isByTime).map { $0 / least }
  }

  @inlinable
  static func cost(of prospect: IndexProspect, isByTime: Bool) -> Float? {
    guard case .certified(let blocks, let microseconds, _) = prospect else { return nil }
    return isByTime ? microseconds : blocks
  }
}
