/// Whether two means differ by more than chance: Welch's test of two groups, or the paired test of one.
public struct TTest: Equatable, Sendable {
  /// Of the means.
  public let difference: Double
  public let statistic: Double
  /// Degrees of freedom; whole in a paired test.
  public let freedom: Double

  /// Of two groups that share neither subjects nor a variance.
  ///
  /// - Returns: nil when it cannot be tested: fewer than two in a group, or no variance in both.
  /// - Source: Welch 1947, *The generalization of "Student's" problem when several different population variances are
  ///   involved*.
  public init?(welch first: Moments, _ second: Moments) {
    guard let one = first.squaredError, let other = second.squaredError else { return nil }
    self.init(difference: first.mean - second.mean, squaredError: one + other) {
      let share = one / (one + other)
      return 1 / (share * share / Double(first.count - 1) + (1 - share) * (1 - share) / Double(second.count - 1))
    }
  }

  /// Of the differences, first less second, of the same subjects.
  ///
  /// - Returns: nil when it cannot be tested: fewer than two, or all the same.
  /// - Source: Student 1908, *The probable error of a mean*.
  public init?(paired differences: Moments) {
    guard let squaredError = differences.squaredError else { return nil }
    self.init(difference: differences.mean, squaredError: squaredError) {
      Double(differences.count - 1)
    }
  }

  private init?(difference: Double, squaredError: Double, freedom: () -> Double) {
    guard squaredError > 0, squaredError.isFinite, difference.isFinite else { return nil }
    self.difference = difference
    statistic = difference / squaredError.squareRoot()
    self.freedom = freedom()
  }

  /// p of the means being equal, against their being different.
  public var twoSided: Double { min(1, 2 * StudentT(freedom: freedom).upperTail(abs(statistic))) }

  /// p of the first mean being no greater, against its being greater.
  public var greater: Double { StudentT(freedom: freedom).upperTail(statistic) }
}

extension Moments {
  /// The variance of the mean.
  fileprivate var squaredError: Double? { variance.map { $0 / Double(count) } }
}
