// swift-format-ignore-file: AlwaysUseLowerCamelCase

// The names of the functions are those of ruvector_abi.h.
import CShim
import LearningCore

@c @implementation
public func rv_ring_size(_ cells: Int64) -> Int64 {
  Int64(TrajectoryRing.size(cells: Int(cells)) ?? 0)
}

@c @implementation
public func rv_ring_init(_ ring: UnsafeMutableRawPointer, _ cells: Int64) {
  TrajectoryRing.initialize(ring, cells: Int(cells))
}

@c @implementation
public func rv_ring_push(
  _ ring: UnsafeMutableRawPointer, _ database: UInt32, _ record: UnsafeRawPointer, _ bytes: Int32
) -> Bool {
  guard bytes > 0, let ring = TrajectoryRing(ring) else { return false }
  return ring.push(UnsafeRawBufferPointer(start: record, count: Int(bytes)), database: database)
}

@c @implementation
public func rv_ring_pop(
  _ ring: UnsafeMutableRawPointer, _ database: UInt32, _ record: UnsafeMutableRawPointer, _ capacity: Int32
) -> Int32 {
  guard capacity > 0, let ring = TrajectoryRing(ring) else { return 0 }
  return Int32(
    ring.pop(database: database, into: UnsafeMutableRawBufferPointer(start: record, count: Int(capacity))))
}

@c @implementation
public func rv_ring_discard(
  _ ring: UnsafeMutableRawPointer, _ served: UnsafePointer<UInt32>?, _ count: Int32
) -> Int64 {
  guard count >= 0, served != nil || count == 0, let ring = TrajectoryRing(ring) else { return 0 }
  return Int64(ring.discard(served: UnsafeBufferPointer(start: served, count: Int(count)).span))
}

@c @implementation
public func rv_ring_used(_ ring: UnsafeMutableRawPointer, _ cells: UnsafeMutablePointer<Int64>) -> Int64 {
  let ring = TrajectoryRing(ring)
  cells.pointee = Int64(ring?.cells ?? 0)
  return Int64(ring?.used ?? 0)
}

@c @implementation
public func rv_vector_check(
  _ vector: UnsafePointer<Float>?, _ count: Int32, _ expected: Int32, _ error: UnsafeMutablePointer<rv_error>
) -> rv_status {
  guarded(error) { () throws(LearningError) in
    try QueryVector.check(elements(vector, count, argument: 2).span, expected: Int(expected))
  }
}

@c @implementation
public func rv_k_class(_ k: Int32, _ filtered: Bool) -> Int32 {
  KClass.containing(k, isFiltered: filtered)
}
