import CShim

/// A byte ring in shared memory: many writers that never wait, readers that exclude each other.
///
/// A record occupies a run of cells.  Cells are numbered without end from the start of the ring; the number
/// of a record's first cell is its *ticket*, and cell `n` lives at place `n % cells`.
///
///     header      head, tail, cells, resume            each on a cache line of its own
///     state       UInt64 for each cell                 what became of the record that starts there
///     extent      (bytes, database) for each cell      valid while the state names the same ticket
///     data        RV_RING_CELL bytes for each cell
///
/// A writer reserves a run by moving `head`, fills it, and publishes it by a release store of
/// `ready(ticket)`.  A reader that has copied a record stores `consumed(ticket)`; `tail` moves over the
/// records at the front that are consumed, which gives their cells back.  A state word names the ticket it
/// speaks of, so what an earlier lap left in a cell is never mistaken, and it is kept apart from the data,
/// so no payload can look like one.
///
/// Readers stop at the first record that is reserved but not yet published: its length is not known.  So
/// every record before the place where the last reader of a database stopped is settled for that database,
/// and the same reader resumes there; a run of foreign records is walked once, not once a record.
public struct TrajectoryRing {
  private let head: UnsafeMutablePointer<UInt64>
  private let tail: UnsafeMutablePointer<UInt64>
  private let resume: UnsafeMutablePointer<Resume>
  private let states: UnsafeMutablePointer<UInt64>
  private let extents: UnsafeMutablePointer<Extent>
  private let data: UnsafeMutableRawPointer

  /// Cells in all.
  public let cells: Int

  /// What lies behind a ticket.
  private struct Extent {
    var bytes: UInt32
    var database: UInt32

    var cells: UInt64 { TrajectoryRing.cells(holding: Int(bytes)) }
  }

  /// Where the last reader stopped: no record of `database` is left before `ticket`.
  private struct Resume {
    var ticket: UInt64
    var database: UInt64
  }

  private enum Layout {
    static let tail = 64
    static let cells = 128
    static let resume = 192
    static let states = 256
    static let perCell = MemoryLayout<UInt64>.stride + MemoryLayout<Extent>.stride + Int(RV_RING_CELL)
  }

  /// Bytes of memory that a ring of `cells` cells needs, nil when there can be no such ring.
  public static func size(cells: Int) -> Int? {
    let (bytes, overflow) = cells.multipliedReportingOverflow(by: Layout.perCell)
    let (total, overflowToo) = bytes.addingReportingOverflow(Layout.states)
    return cells < 1 || overflow || overflowToo ? nil : total
  }

  /// Makes `memory`, whatever it holds, an empty ring; it is `size(cells:)` bytes, aligned to 8.
  public static func initialize(_ memory: UnsafeMutableRawPointer, cells: Int) {
    guard size(cells: cells) != nil else { return }
    memory.initializeMemory(as: UInt8.self, repeating: 0, count: Layout.states)
    memory.storeBytes(of: cells, toByteOffset: Layout.cells, as: Int.self)
    (memory + Layout.states).initializeMemory(as: UInt64.self, repeating: 0, count: cells)
  }

  /// The ring that `initialize` left in `memory`, nil if there is none.
  public init?(_ memory: UnsafeMutableRawPointer) {
    cells = memory.load(fromByteOffset: Layout.cells, as: Int.self)
    guard Self.size(cells: cells) != nil else { return nil }
    head = memory.assumingMemoryBound(to: UInt64.self)
    tail = (memory + Layout.tail).assumingMemoryBound(to: UInt64.self)
    resume = (memory + Layout.resume).assumingMemoryBound(to: Resume.self)
    states = (memory + Layout.states).assumingMemoryBound(to: UInt64.self)
    extents = UnsafeMutableRawPointer(states + cells).assumingMemoryBound(to: Extent.self)
    data = UnsafeMutableRawPointer(extents + cells)
  }

  // MARK: Writers

  /// Appends a record.
  ///
  /// - Returns: false, and nothing is written, when the ring is full or the record is empty or longer than
  ///   `RV_RECORD_MAX`.
  /// - Complexity: O(bytes), allocates nothing, waits for nobody.
  public func push(_ record: UnsafeRawBufferPointer, database: UInt32) -> Bool {
    guard !record.isEmpty, record.count <= Int(RV_RECORD_MAX) else { return false }
    let length = Self.cells(holding: record.count)
    var ticket = rv_atomic_load(head)
    while true {
      // An outdated ticket may be behind the tail; then the swap fails and brings the present one.
      let used = Int64(bitPattern: ticket &- rv_atomic_load(tail))
      guard used + Int64(length) <= Int64(cells) else { return false }
      let next = ticket &+ length
      if rv_atomic_swap(head, &ticket, next) { break }
    }
    extents[place(of: ticket)] = Extent(bytes: UInt32(record.count), database: database)
    copy(record, to: ticket)
    rv_atomic_store(states + place(of: ticket), Self.ready(ticket))
    return true
  }

  // MARK: Readers, one at a time

  /// Takes the oldest record of `database`.
  ///
  /// - Returns: its bytes; 0 when there is none, or when it does not fit into `record` and stays where it is.
  /// - Complexity: O(bytes + records skipped); those skipped before by the same reader are not seen again.
  public func pop(database: UInt32, into record: UnsafeMutableRawBufferPointer) -> Int {
    var ticket = start(for: database)
    defer { resume.pointee = Resume(ticket: ticket, database: UInt64(database)) }
    let end = rv_atomic_load(head)
    while ticket != end, let (extent, isConsumed) = settled(ticket) {
      if !isConsumed && extent.database == database {
        guard Int(extent.bytes) <= record.count else { return 0 }
        copy(ticket, to: UnsafeMutableRawBufferPointer(rebasing: record[..<Int(extent.bytes)]))
        consume(ticket)
        ticket &+= extent.cells
        releaseFront()
        return Int(extent.bytes)
      }
      ticket &+= extent.cells
    }
    return 0
  }

  /// Consumes the published records whose database is not among `served`.
  ///
  /// - Returns: how many.
  /// - Complexity: O(records in the ring × databases served).
  public func discard(served: Span<UInt32>) -> Int {
    var discarded = 0
    var ticket = rv_atomic_load(tail)
    let end = rv_atomic_load(head)
    while ticket != end, let (extent, isConsumed) = settled(ticket) {
      if !isConsumed && !served.indices.contains(where: { served[$0] == extent.database }) {
        consume(ticket)
        discarded += 1
      }
      ticket &+= extent.cells
    }
    releaseFront()
    return discarded
  }

  /// Cells in use, 0...cells; a moment's view.
  public var used: Int {
    let oldest = rv_atomic_load(tail)
    return Int(min(rv_atomic_load(head) &- oldest, UInt64(cells)))
  }

  // MARK: Records and cells

  /// The ticket at which the reader of `database` has to begin.
  private func start(for database: UInt32) -> UInt64 {
    let oldest = rv_atomic_load(tail)
    let last = resume.pointee
    return last.database == UInt64(database) ? max(last.ticket, oldest) : oldest
  }

  /// The record at `ticket`, nil while its writer is still at work.
  private func settled(_ ticket: UInt64) -> (extent: Extent, isConsumed: Bool)? {
    let place = place(of: ticket)
    let state = rv_atomic_load(states + place)
    guard state == Self.ready(ticket) || state == Self.consumed(ticket) else { return nil }
    return (extents[place], state == Self.consumed(ticket))
  }

  private func consume(_ ticket: UInt64) {
    rv_atomic_store(states + place(of: ticket), Self.consumed(ticket))
  }

  /// Gives back the consumed records at the front.
  private func releaseFront() {
    var ticket = rv_atomic_load(tail)
    let end = rv_atomic_load(head)
    while ticket != end, let (extent, isConsumed) = settled(ticket), isConsumed { ticket &+= extent.cells }
    rv_atomic_store(tail, ticket)
  }

  private static func ready(_ ticket: UInt64) -> UInt64 { 4 &* (ticket &+ 1) &+ 1 }
  private static func consumed(_ ticket: UInt64) -> UInt64 { 4 &* (ticket &+ 1) &+ 2 }

  private static func cells(holding bytes: Int) -> UInt64 {
    UInt64(bytes + Int(RV_RING_CELL) - 1) / UInt64(RV_RING_CELL)
  }

  private func place(of ticket: UInt64) -> Int { Int(ticket % UInt64(cells)) }

  // MARK: Bytes, which may run over the end of the ring

  /// Bytes from the start of a record to the end of the ring.
  private func room(at ticket: UInt64) -> Int { (cells - place(of: ticket)) * Int(RV_RING_CELL) }

  private func bytes(at ticket: UInt64) -> UnsafeMutableRawPointer {
    data + place(of: ticket) * Int(RV_RING_CELL)
  }

  private func copy(_ record: UnsafeRawBufferPointer, to ticket: UInt64) {
    guard let source = record.baseAddress else { return }
    let first = min(record.count, room(at: ticket))
    bytes(at: ticket).copyMemory(from: source, byteCount: first)
    data.copyMemory(from: source + first, byteCount: record.count - first)
  }

  private func copy(_ ticket: UInt64, to record: UnsafeMutableRawBufferPointer) {
    guard let target = record.baseAddress else { return }
    let first = min(record.count, room(at: ticket))
    target.copyMemory(from: bytes(at: ticket), byteCount: first)
    (target + first).copyMemory(from: data, byteCount: record.count - first)
  }
}
