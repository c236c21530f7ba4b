/// A number that was not measured but follows from others.
public struct Estimate: Equatable, Sendable {
  public let value: Double
  /// Two standard errors, in the unit of `value`.
  public let error: Double

  public init(_ value: Double, error: Double) {
    self.value = value
    self.error = error
  }
}
