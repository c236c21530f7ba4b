/// Count, mean and spread of numbers that are seen once.
///
/// - Source: Welford 1962, *Note on a method for calculating corrected sums of squares and products*.
public struct Moments: Equatable, Sendable {
  public private(set) var count: Int
  /// 0 without numbers.
  public private(set) var mean: Double
  /// Sum of the squared deviations from the mean.
  public private(set) var squaredDeviations: Double

  public init(count: Int = 0, mean: Double = 0, squaredDeviations: Double = 0) {
    self.count = count
    self.mean = mean
    self.squaredDeviations = squaredDeviations
  }

  /// - Parameter numbers: finite.
  public init(_ numbers: some Sequence<Double>) {
    self.init()
    for number in numbers { add(number) }
  }

  /// - Parameter number: finite.
  public mutating func add(_ number: Double) {
    count += 1
    let deviation = number - mean
    mean += deviation / Double(count)
    squaredDeviations += deviation * (number - mean)
  }

  /// Of the population that the numbers are a sample of (n − 1); nil below two numbers.
  public var variance: Double? { count >= 2 ? squaredDeviations / Double(count - 1) : nil }
}
