import Glibc

/// How long a graph of the whole table takes to build, from builds on samples of it.
///
/// Two laws are asked, and the truth lies between them:
/// - The time a row takes grows with the logarithm of the rows, as the ways through the graph do.  A row that looks at
///   much of a small sample will look at more of a large table: then this says too little.
/// - A row is searched for with `ef_construction`, and takes time as such a search touches buffers.  What else it takes
///   does not grow: then this says too much.
///
/// The answer is their geometric mean, and half the way between them one standard error.
///
/// - Source: measured, `Benchmarks/whatif`; the logarithm: Malkov, Yashunin 2020, §4.2.2.
public enum BuildExtrapolation {
  public struct Build: Equatable, Sendable {
    /// Counted from 0.
    public let configuration: Int
    public let rows: Double
    /// Of processor time.
    public let seconds: Double
    /// That a search with `ef_construction` touches when it is built.
    public let buffers: Double

    /// - Returns: nil unless rows are 1 at least, and the others above 0.
    public init?(configuration: Int, rows: Double, seconds: Double, buffers: Double) {
      guard rows.isFinite, rows >= 1, seconds.isFinite, seconds > 0, buffers.isFinite, buffers > 0 else { return nil }
      self.configuration = configuration
      self.rows = rows
      self.seconds = seconds
      self.buffers = buffers
    }
  }

  /// - Parameters:
  ///   - builds: of graphs, at least one of the configuration, at least one configuration on two numbers of rows.
  ///   - rows: of the whole table.
  ///   - buffers: that a search with `ef_construction` will touch there.
  /// - Returns: nil for less than that.
  /// - Complexity: O(builds²).
  public static func seconds(
    _ builds: [Build], configuration: Int, rows: Double, buffers: Double
  ) -> Estimate? {
    let own = builds.filter { $0.configuration == configuration }.sorted { $0.rows < $1.rows }
    guard let whole = Build(configuration: configuration, rows: rows, seconds: 1, buffers: buffers),
      let (growing, error) = secondsByLogarithm(own, of: builds, rows: rows), growing > 0,
      let searching = secondsBySearches(own, whole: whole)
    else { return nil }
    let apart = log(searching / growing) / 2
    let seconds = (growing * searching).squareRoot()
    let uncertainty = 2 * seconds * (error * error / (growing * growing) + apart * apart).squareRoot()
    return seconds.isFinite && uncertainty.isFinite ? Estimate(seconds, error: uncertainty) : nil
  }

  /// While it grows, a graph has been searched with its size / e in the mean, as far as buffers are straight in ln rows.
  private static func secondsBySearches(_ own: [Build], whole: Build) -> Double? {
    guard let first = own.first, let last = own.last else { return nil }
    func growth(_ from: Build, _ to: Build) -> Double? {
      to.rows > from.rows ? log(to.buffers / from.buffers) / log(to.rows / from.rows) : nil
    }
    let ahead = growth(last, whole) ?? 0
    let speed =
      own.reduce(0) { $0 + $1.seconds } / own.reduce(0) { $0 + $1.rows * $1.buffers }
    return speed * whole.rows * whole.buffers * exp((growth(first, last) ?? ahead) - ahead)
  }

  /// With the standard error.
  private static func secondsByLogarithm(
    _ own: [Build], of builds: [Build], rows: Double
  ) -> (value: Double, error: Double)? {
    guard !own.isEmpty else { return nil }
    // On two samples a growth is known badly, on one not at all: then it is that of all.
    let alike = Set(own.map(\.rows)).count > 2 ? own : builds
    func mean(_ builds: [Build], _ quantity: (Build) -> Double) -> Double {
      builds.reduce(0) { $0 + quantity($1) } / Double(builds.count)
    }
    func size(_ build: Build) -> Double { log(build.rows) }
    func effort(_ build: Build) -> Double { build.seconds / build.rows }
    // each in units of its configuration, longer builds weighing more
    let points = alike.map { build -> (features: SIMD4<Double>, target: Double, weight: Double) in
      let like = alike.filter { $0.configuration == build.configuration }
      return (SIMD4(1, size(build) - mean(like, size), 0, 0), effort(build) / mean(like, effort), build.rows)
    }
    guard points.contains(where: { $0.features.y != 0 }), let line = LeastSquares(points),
      let (value, error) = line(SIMD4(1, log(rows) - mean(own, size), 0, 0))
    else { return nil }
    let unit = rows * mean(own, effort)
    return (unit * value, unit * error)
  }
}
