/// What is known of one value of a search parameter.
public struct CertifiedRung: Sendable {
  public let value: Int32
  /// Labels that measured its recall.
  public let labels: Int
  /// Every value from this one up has at least this mean recall (95 % together, at every look); nil when
  /// not measured.
  public let bound: Float?

  @inlinable
  public init(value: Int32, labels: Int, bound: Float?) {
    self.value = value
    self.labels = labels
    self.bound = bound
  }

  /// Whether it may be used where a mean recall of `target` is asked for.
  @inlinable
  public func isCertified(for target: Double, minSamples: Int) -> Bool {
    guard let bound else { return false }
    return labels >= minSamples && Double(bound) >= target
  }
}
