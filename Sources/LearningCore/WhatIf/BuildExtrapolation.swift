import Glibc

/// How long an index of the whole table takes to build, from builds on samples of it.
///
/// The time a row takes grows with a power of the rows: a deeper graph, and one that fits the processor's caches
/// less and less.  All configurations of a kind share the power, each has a speed of its own.
///
/// - Source: measured, `Benchmarks/whatif`.
public enum BuildExtrapolation {
  public struct Build: Equatable, Sendable {
    /// Counted from 0.
    public let configuration: Int
    public let rows: Double
    /// Of processor time.
    public let seconds: Double

    /// - Returns: nil unless rows are 1 at least and seconds above 0.
    public init?(configuration: Int, rows: Double, seconds: Double) {
      guard rows.isFinite, rows >= 1, seconds.isFinite, seconds > 0 else { return nil }
      self.configuration = configuration
      self.rows = rows
      self.seconds = seconds
    }
  }

  /// - Parameters:
  ///   - builds: of configurations of one kind.
  ///   - rows: of the whole table.
  /// - Returns: nil when there is none of the configuration, or none was built on two numbers of rows.
  /// - Complexity: O(builds²).
  public static func seconds(_ builds: [Build], configuration: Int, rows: Double) -> Estimate? {
    let own = builds.filter { $0.configuration == configuration }
    guard rows.isFinite, rows >= 1, !own.isEmpty else { return nil }
    func mean(_ builds: [Build], _ quantity: (Build) -> Double) -> Double {
      builds.reduce(0) { $0 + quantity($1) } / Double(builds.count)
    }
    func size(_ build: Build) -> Double { log(build.rows) }
    func effort(_ build: Build) -> Double { log(build.seconds / build.rows) }
    // each against the mean of its configuration
    var points: [(features: SIMD4<Double>, target: Double, weight: Double)] = []
    for build in builds {
      let alike = builds.filter { $0.configuration == build.configuration }
      points.append((SIMD4(size(build) - mean(alike, size), 0, 0, 0), effort(build) - mean(alike, effort), 1))
    }
    guard points.contains(where: { $0.features.x != 0 }), let power = LeastSquares(points),
      let (rise, error) = power(SIMD4(log(rows) - mean(own, size), 0, 0, 0))
    else { return nil }
    let seconds = rows * exp(mean(own, effort) + rise)
    let deviation = (error * error + power.variance * (1 + 1 / Double(own.count))).squareRoot()
    let uncertainty = 2 * seconds * deviation
    return seconds.isFinite && uncertainty.isFinite ? Estimate(seconds, error: uncertainty) : nil
  }
}
