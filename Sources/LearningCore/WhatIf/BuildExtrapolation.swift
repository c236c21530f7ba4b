import Glibc

/// How long an index of the whole table takes to build, from builds on samples of it.
///
/// The time a row takes grows with the logarithm of the rows, as the ways through the graph do: each configuration has
/// a growth of its own, for one that looks at much of a small sample grows later than others.  A power of the rows is
/// what samples cannot tell from it; how far the two lie apart belongs to the error.
///
/// - Source: measured, `Benchmarks/whatif`; the logarithm: Malkov, Yashunin 2020, §4.2.2.
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
    // On two samples a growth is known badly, on one not at all: then it is that of all.
    let alike = Set(own.map(\.rows)).count > 2 ? own : builds
    guard let logarithm = effort(own, alike, at: rows, { $0 }, { $0 }),
      let power = effort(own, alike, at: rows, log, exp)
    else { return nil }
    let apart = power.value - logarithm.value
    let deviation = (logarithm.error * logarithm.error + apart * apart / 4).squareRoot()
    guard deviation.isFinite else { return nil }
    return Estimate(rows * logarithm.value, error: 2 * rows * deviation)
  }

  /// Seconds a row, and their standard error, when a function of them is straight in ln rows.
  private static func effort(
    _ own: [Build], _ alike: [Build], at rows: Double, _ function: (Double) -> Double, _ inverse: (Double) -> Double
  ) -> (value: Double, error: Double)? {
    func mean(_ builds: [Build], _ quantity: (Build) -> Double) -> Double {
      builds.reduce(0) { $0 + quantity($1) } / Double(builds.count)
    }
    func size(_ build: Build) -> Double { log(build.rows) }
    func seconds(_ build: Build) -> Double { build.seconds / build.rows }
    // each in units of its configuration, longer builds weighing more
    let points = alike.map { build -> (features: SIMD4<Double>, target: Double, weight: Double) in
      let like = alike.filter { $0.configuration == build.configuration }
      return (
        SIMD4(1, size(build) - mean(like, size), 0, 0), function(seconds(build) / mean(like, seconds)), build.rows
      )
    }
    guard points.contains(where: { $0.features.y != 0 }), let line = LeastSquares(points),
      let (value, error) = line(SIMD4(1, log(rows) - mean(own, size), 0, 0))
    else { return nil }
    let unit = mean(own, seconds)
    let (low, high) = (inverse(value - error), inverse(value + error))
    return (unit * inverse(value), unit * (high - low) / 2)
  }
}
