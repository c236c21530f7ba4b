/// Why the core refused its input, or stopped.
///
/// The sentence a user reads is composed outside the core; a case carries only the numbers for it.
public enum LearningError: Error, Equatable {
  /// A query vector without components.
  case emptyVector
  /// A query vector of another length than the indexed column.
  case dimension(expected: Int, given: Int)
  /// A component is NaN or infinite; positions count from 1.
  case notFinite(position: Int)
  /// An argument outside what it may be; arguments count from 1.
  case range(value: Int, argument: Int)
  /// Label evidence that contradicts itself: sizes, order of values or measurements that cannot be.
  case labels
  /// Patterns or trials that contradict each other.
  case patterns
  /// The caller asked a long computation to stop.
  case cancelled
}
