// How memory and errors cross the border: raw memory becomes Swift values here, errors become statuses.
import CShim
import LearningCore

/// Runs `body`; its error goes into `report` and the status that is returned.
@inline(__always)
func guarded(
  _ report: UnsafeMutablePointer<rv_error>, _ body: () throws(LearningError) -> Void
) -> rv_status {
  report.pointee = rv_error(code: Int32(RV_ERROR_NONE.rawValue), reserved: 0, a: 0, b: 0)
  do throws(LearningError) {
    try body()
    return RV_OK
  } catch .cancelled {
    return RV_CANCELLED
  } catch {
    report.pointee = rv_error(error)
    return RV_INVALID
  }
}

extension rv_error {
  fileprivate init(_ error: LearningError) {
    func make(_ code: rv_error_code, _ a: Int = 0, _ b: Int = 0) -> rv_error {
      rv_error(code: Int32(code.rawValue), reserved: 0, a: Int64(a), b: Int64(b))
    }
    switch error {
    case .emptyVector: self = make(RV_ERROR_EMPTY_VECTOR)
    case .dimension(let expected, let given): self = make(RV_ERROR_DIMENSION, expected, given)
    case .notFinite(let position): self = make(RV_ERROR_NOT_FINITE, position)
    case .range(let value, let argument): self = make(RV_ERROR_RANGE, value, argument)
    case .labels: self = make(RV_ERROR_LABELS)
    case .patterns: self = make(RV_ERROR_PATTERNS)
    case .cancelled: self = make(RV_ERROR_NONE)
    }
  }
}

/// The elements behind a pointer of C.
///
/// - Throws: `range` with the number of the argument that gives the count, when it is negative or there is
///   no memory for it.
func elements<Element>(
  _ start: UnsafePointer<Element>?, _ count: Int32, argument: Int
) throws(LearningError) -> UnsafeBufferPointer<Element> {
  guard count >= 0, start != nil || count == 0 else { throw .range(value: Int(count), argument: argument) }
  return UnsafeBufferPointer(start: start, count: Int(count))
}

/// Fills the beginning of an array inside a structure of C, which Swift sees as a tuple.
func write<Element, Tuple>(_ elements: [Element], to tuple: inout Tuple) {
  withUnsafeMutableBytes(of: &tuple) { bytes in
    elements.withUnsafeBytes { bytes.copyMemory(from: $0) }
  }
}
