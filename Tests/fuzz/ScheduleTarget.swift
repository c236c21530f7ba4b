import CShim
import RuVectorBridge

/// A worker that is given any times and facts, and a ring between it and its writers, against simple models of both.
@Sendable func fuzzSchedule(_ input: inout Input) {
  if input.flag() { checkSchedule(&input) } else { checkRing(&input) }
}

/// The worker always gets to sleep, and never for longer than an interval.
private func checkSchedule(_ input: inout Input) {
  var schedule = rv_schedule()
  if input.byte() < 32 {
    // As a process that went wrong may leave it.
    schedule.started = true
    (schedule.last_us, schedule.sync_us, schedule.drain_us) = (input.integer(), input.integer(), input.integer())
    (schedule.prune_us, schedule.distil_us, schedule.balance_us) = (input.integer(), input.integer(), input.double())
    schedule.action = input.integer()
  }
  var now: Int64 = input.integer()
  for _ in 0..<input.count(1...12) {
    let classes = (0..<input.count(0...4)).map { _ in
      rv_class_facts(
        candidates: input.integer(), labels: input.integer(), judged: input.integer(), min_samples: input.integer(),
        urgent: Int32(input.count(0...3)))
    }
    var isWoken = input.flag()
    var (isWaiting, isAsleep) = (input.flag(), false)
    let (interval, distillation, budget) = (input.integer(Int64.self), input.integer(Int64.self), input.double())
    classes.withUnsafeBufferPointer { given in
      var classes = Array(given)
      for _ in 0..<1000 where !isAsleep {
        classes.withUnsafeMutableBufferPointer { classes in
          var facts = rv_tick_facts(
            now_us: now, interval_us: interval, distil_interval_us: distillation, label_budget: budget, woken: isWoken,
            waiting: isWaiting, classes: Int32(classes.count), class_facts: classes.baseAddress)
          rv_schedule_next(&schedule, &facts)
          let place = Int(schedule.class_index)
          switch rv_action(UInt32(bitPattern: schedule.action)) {
          case RV_ACTION_SLEEP:
            isAsleep = true
            expect(schedule.wake_us &- now > 0 && schedule.wake_us &- now <= max(interval, 1000), "\(schedule)")
          case RV_ACTION_SYNC: isWoken = false
          case RV_ACTION_DRAIN: isWaiting = false
          case RV_ACTION_JUDGE: classes[place].judged = classes[place].labels
          case RV_ACTION_LABEL:
            classes[place].candidates = max(classes[place].candidates, 1) - 1
            classes[place].urgent = max(classes[place].urgent, 1) - 1
            // Time passes for a label, or it fails at once.
            if given[place].urgent <= 0 { rv_schedule_charge(&schedule, budget * 1e6) }
          default: break
          }
        }
      }
    }
    expect(isAsleep || budget > 0, "never asleep: \(schedule)")
    now = input.flag() ? now &+ Int64(input.bits(UInt32.self)) : input.integer()
    rv_schedule_charge(&schedule, input.double())
  }
}

/// What was pushed for a database comes out in order, once, whole; what does not fit is refused.
private func checkRing(_ input: inout Input) {
  let cells = Int64(input.count(1...24))
  let size = rv_ring_size(cells)
  expect(size > 0 && rv_ring_size(input.integer()) >= 0, "\(size) bytes for \(cells) cells")
  let ring = UnsafeMutableRawPointer.allocate(byteCount: Int(size), alignment: 64)
  defer { ring.deallocate() }
  ring.initializeMemory(as: UInt8.self, repeating: input.byte(), count: Int(size))
  rv_ring_init(ring, cells)
  var waiting: [UInt32: [[UInt8]]] = [:]
  var room = [UInt8](repeating: 0, count: 4096)
  var total: Int64 = 0
  while !input.rest.isEmpty {
    let database = UInt32(input.count(0...2))
    switch input.count(0...4) {
    case 0, 1:
      let record = [UInt8](repeating: input.byte(), count: input.count(0...1500))
      if rv_ring_push(ring, database, record, Int32(record.count)) {
        expect(!record.isEmpty, "pushed nothing")
        waiting[database, default: []].append(record)
      } else {
        var all: Int64 = 0
        let used = rv_ring_used(ring, &all)
        expect(all == cells && (record.isEmpty || used + Int64(record.count + 255) / 256 > cells), "refused at \(used)")
      }
    case 2, 3:
      let capacity = input.count(0...1500)
      let bytes = Int(rv_ring_pop(ring, database, &room, Int32(capacity)))
      let next = waiting[database]?.first
      expect(bytes == (next.map { $0.count <= capacity ? $0.count : 0 } ?? 0), "\(bytes) of \(next?.count ?? 0) bytes")
      if bytes > 0 {
        expect(Array(room.prefix(bytes)) == next, "another record")
        waiting[database]?.removeFirst()
      }
    default:
      let served = [database]
      let gone = waiting.filter { $0.key != database }.values.reduce(0) { $0 + $1.count }
      expect(rv_ring_discard(ring, served, 1) == Int64(gone), "not \(gone) discarded")
      waiting = waiting.filter { $0.key == database }
    }
    expect(rv_ring_used(ring, &total) <= cells && total == cells, "more than \(cells) cells")
    if waiting.values.allSatisfy(\.isEmpty) { expect(rv_ring_used(ring, &total) == 0, "cells without records") }
  }
}
