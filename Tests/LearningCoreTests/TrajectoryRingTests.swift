import CShim
import Foundation
import LearningCore
import Testing

/// A ring in memory that held garbage before.
private final class RingMemory: @unchecked Sendable {
  let raw: UnsafeMutableRawPointer
  let ring: TrajectoryRing

  init(cells: Int) throws {
    let size = try #require(TrajectoryRing.size(cells: cells))
    raw = .allocate(byteCount: size + 64, alignment: 64)
    raw.initializeMemory(as: UInt8.self, repeating: 0xA5, count: size + 64)
    TrajectoryRing.initialize(raw, cells: cells)
    ring = try #require(TrajectoryRing(raw))
    guarded = size..<size + 64
  }

  deinit { raw.deallocate() }

  private let guarded: Range<Int>

  /// Whether nothing was written behind the ring.
  var isContained: Bool { guarded.allSatisfy { raw.load(fromByteOffset: $0, as: UInt8.self) == 0xA5 } }

  func push(_ bytes: [UInt8], database: UInt32) -> Bool {
    bytes.withUnsafeBytes { ring.push($0, database: database) }
  }

  func pop(_ database: UInt32, capacity: Int = Int(RV_RECORD_MAX)) -> [UInt8]? {
    var record = [UInt8](repeating: 0, count: capacity)
    let count = record.withUnsafeMutableBytes { ring.pop(database: database, into: $0) }
    return count == 0 ? nil : Array(record[..<count])
  }

  func discard(served: [UInt32]) -> Int { ring.discard(served: served.span) }
}

/// A record that shows who wrote it, as which, and whether a byte of it is wrong: behind the stamp follows
/// a stretch of noise that begins elsewhere for each.
private struct Stamp: Equatable {
  var writer: UInt32
  var number: UInt32

  private static let noise: [UInt8] = {
    var random = SplitMix64(seed: 4)
    return (0..<2 * Int(RV_RECORD_MAX)).map { _ in UInt8.random(in: 0...255, using: &random) }
  }()

  private var stretch: Int { Int((writer &* 7919 &+ number &* 104_729) % UInt32(RV_RECORD_MAX)) }

  init(writer: UInt32, number: UInt32) {
    self.writer = writer
    self.number = number
  }

  /// At least 8 bytes.
  func record(bytes: Int) -> [UInt8] {
    withUnsafeBytes(of: (writer, number)) { Array($0) } + Self.noise[stretch..<stretch + max(0, bytes - 8)]
  }

  /// nil unless `record` is intact.
  init?(_ record: [UInt8]) {
    guard record.count >= 8 else { return nil }
    writer = record.withUnsafeBytes { $0.load(as: UInt32.self) }
    number = record.withUnsafeBytes { $0.load(fromByteOffset: 4, as: UInt32.self) }
    let intact = self.record(bytes: record.count)
    guard memcmp(record, intact, record.count) == 0 else { return nil }
  }
}

struct TrajectoryRingTests {
  @Test func givesBackWhatWasPutInInOrder() throws {
    let memory = try RingMemory(cells: 512)
    #expect(memory.pop(1) == nil)
    for number in 0..<5 as Range<UInt32> {
      #expect(memory.push(Stamp(writer: 1, number: number).record(bytes: 100 + 200 * Int(number)), database: 1))
    }
    #expect(memory.ring.used == 1 + 2 + 2 + 3 + 4)
    for number in 0..<5 as Range<UInt32> {
      #expect(memory.pop(1).flatMap(Stamp.init) == Stamp(writer: 1, number: number))
    }
    #expect(memory.pop(1) == nil)
    #expect(memory.ring.used == 0)
  }

  @Test func aFullRingRefusesAndLosesNothing() throws {
    let memory = try RingMemory(cells: 513)
    let record = Stamp(writer: 7, number: 1).record(bytes: 3 * 256)
    var pushed = 0
    while memory.push(record, database: 1) { pushed += 1 }
    #expect(pushed == 171 && memory.ring.used == 513)
    #expect(!memory.push([1], database: 1))
    #expect(memory.pop(1) == record)
    #expect(memory.push(record, database: 1))
    for _ in 0..<171 { #expect(memory.pop(1) == record) }
    #expect(memory.pop(1) == nil && memory.ring.used == 0)
  }

  @Test func refusesWhatIsNoRecord() throws {
    let memory = try RingMemory(cells: 1000)
    #expect(!memory.push([], database: 1))
    #expect(!memory.push([UInt8](repeating: 1, count: Int(RV_RECORD_MAX) + 1), database: 1))
    let largest = Stamp(writer: 1, number: 1).record(bytes: Int(RV_RECORD_MAX))
    #expect(memory.push(largest, database: 1))
    #expect(memory.pop(1) == largest)
  }

  @Test func aRecordThatDoesNotFitTheReaderStays() throws {
    let memory = try RingMemory(cells: 512)
    let record = Stamp(writer: 1, number: 1).record(bytes: 1000)
    #expect(memory.push(record, database: 1))
    #expect(memory.pop(1, capacity: 999) == nil)
    #expect(memory.pop(1, capacity: 1000) == record)
  }

  @Test func databasesDoNotSeeEachOther() throws {
    let memory = try RingMemory(cells: 512)
    for number in 0..<20 as Range<UInt32> {
      #expect(memory.push(Stamp(writer: number % 2, number: number).record(bytes: 300), database: 1 + number % 2))
    }
    for number in stride(from: 1, to: 20, by: 2) as StrideTo<UInt32> {
      #expect(memory.pop(2).flatMap(Stamp.init)?.number == number)
    }
    #expect(memory.pop(2) == nil && memory.pop(3) == nil)
    #expect(memory.ring.used == 40, "a record of the other database stands at the front")
    #expect(memory.push(Stamp(writer: 1, number: 99).record(bytes: 10), database: 2))
    #expect(memory.pop(2).flatMap(Stamp.init)?.number == 99, "a reader that resumes finds what came later")
    for number in stride(from: 0, to: 20, by: 2) as StrideTo<UInt32> {
      #expect(memory.pop(1).flatMap(Stamp.init)?.number == number)
    }
    #expect(memory.ring.used == 0)
  }

  @Test func discardTakesOnlyWhatNobodyServes() throws {
    let memory = try RingMemory(cells: 512)
    for database in [1, 2, 3, 1, 3] as [UInt32] { #expect(memory.push([UInt8(database)], database: database)) }
    #expect(memory.discard(served: [1, 2, 3]) == 0)
    #expect(memory.discard(served: [2]) == 4)
    #expect(memory.pop(1) == nil)
    #expect(memory.pop(2) == [2])
    #expect(memory.ring.used == 0)
    #expect(memory.push([1], database: 1))
    #expect(memory.discard(served: []) == 1)
    #expect(memory.ring.used == 0)
  }

  /// What a writer that was interrupted between reserving and publishing leaves behind: no state word.
  @Test func readersWaitForAWriterAtWorkAndLoseNothing() throws {
    let memory = try RingMemory(cells: 512)
    for number in 0..<3 as Range<UInt32> {
      #expect(memory.push(Stamp(writer: 1, number: number).record(bytes: 256), database: 1))
    }
    let states = (memory.raw + 256).assumingMemoryBound(to: UInt64.self)
    let published = states[1]
    states[1] = 0
    #expect(memory.pop(1).flatMap(Stamp.init)?.number == 0)
    #expect(memory.pop(1) == nil)
    #expect(memory.discard(served: []) == 0)
    #expect(memory.ring.used == 2)
    states[1] = published
    #expect(memory.pop(1).flatMap(Stamp.init)?.number == 1)
    #expect(memory.pop(1).flatMap(Stamp.init)?.number == 2)
    #expect(memory.ring.used == 0)
  }

  @Test func sizesThatCannotBeAreRefused() throws {
    #expect(TrajectoryRing.size(cells: 0) == nil)
    #expect(TrajectoryRing.size(cells: -1) == nil)
    #expect(TrajectoryRing.size(cells: .max) == nil)
    #expect(TrajectoryRing.size(cells: .max / 272) == nil)
    #expect(try #require(TrajectoryRing.size(cells: 4096)) >= 4096 * 256)
  }

  /// Against a model: an array of records for each database.
  @Test(arguments: [512, 600, 1021])
  func behavesLikeQueuesUnderRandomUse(cells: Int) throws {
    let memory = try RingMemory(cells: cells)
    var random = SplitMix64(seed: UInt64(cells))
    var queues: [UInt32: [[UInt8]]] = [1: [], 2: [], 3: []]
    var refused = 0
    for number in 0..<20_000 as Range<UInt32> {
      let database = UInt32.random(in: 1...3, using: &random)
      switch Int.random(in: 0..<1000, using: &random) {
      case 0:
        #expect(memory.discard(served: [1, 2]) == queues[3]?.count)
        queues[3] = []
      case ..<500:
        let bytes = Bool.random(using: &random) ? 600 : 12_000
        let record = Stamp(writer: database, number: number)
          .record(bytes: Int.random(in: 8...bytes, using: &random))
        if memory.push(record, database: database) {
          queues[database, default: []].append(record)
        } else {
          refused += 1
        }
      default:
        let expected = queues[database].flatMap { $0.isEmpty ? nil : $0[0] }
        #expect(memory.pop(database) == expected)
        if expected != nil { queues[database]?.removeFirst() }
      }
      #expect((0...cells).contains(memory.ring.used))
    }
    #expect(refused > 0, "the ring was never full")
    for (database, queue) in queues {
      for record in queue { #expect(memory.pop(database) == record) }
    }
    #expect(memory.ring.used == 0 && memory.isContained)
  }

  @Test func manyWritersLoseTearAndRepeatNothing() throws {
    let memory = try RingMemory(cells: 4096 + 1)
    let writers = 4
    let records = 150_000
    let finished = DispatchSemaphore(value: 0)
    let refused = RefusalCount()
    for writer in 0..<UInt32(writers) {
      Thread.detachNewThread {
        var random = SplitMix64(seed: UInt64(writer))
        for number in 0..<UInt32(records) {
          let record = Stamp(writer: writer, number: number)
            .record(bytes: Int.random(in: 8...(number % 50 == 0 ? 30_000 : 300), using: &random))
          if !memory.push(record, database: writer % 2) {
            refused.increment()
            sched_yield()
          }
        }
        finished.signal()
      }
    }
    var last: [UInt32: UInt32] = [:]
    var popped = 0
    var atWork = writers
    var torn = 0
    while true {
      if atWork > 0, finished.wait(timeout: .now()) == .success { atWork -= 1 }
      let isLastRound = atWork == 0
      var found = 0
      for database in 0..<2 as Range<UInt32> {
        while let record = memory.pop(database) {
          found += 1
          guard let stamp = Stamp(record), stamp.writer % 2 == database else {
            torn += 1
            continue
          }
          #expect(last[stamp.writer].map { $0 < stamp.number } ?? true, "repeated or out of order")
          last[stamp.writer] = stamp.number
        }
      }
      popped += found
      if isLastRound && found == 0 { break }
    }
    #expect(torn == 0)
    #expect(popped + refused.value == writers * records)
    #expect(popped > records / 4, "the readers had nothing to do")
    #expect(memory.ring.used == 0 && memory.isContained)
  }
}

private final class RefusalCount: @unchecked Sendable {
  private let lock = NSLock()
  private var count = 0

  func increment() { lock.withLock { count += 1 } }
  var value: Int { lock.withLock { count } }
}
