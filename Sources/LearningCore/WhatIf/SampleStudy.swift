import Glibc

/// What indexes built in other ways would be like on a whole table, from indexes of samples of it.
///
/// Graphs lend each other the slopes, which one alone knows badly: what is all but exact on a
/// sample hardly says how it will fall off.  Where one of them exists and was measured on the whole table, the
/// others are told by their difference to it.
public struct SampleStudy {
  /// One way to build an index, measured at several values on samples of several sizes.
  public struct Configuration {
    public let kind: IndexKind
    /// It is searched by another distance, and what it finds is put in order by the true one: its recall falls off
    /// in a way of its own.
    public let isReranked: Bool
    public let measurements: [SampleMeasurement]

    public init(_ kind: IndexKind, isReranked: Bool = false, _ measurements: [SampleMeasurement]) {
      self.kind = kind
      self.isReranked = isReranked
      self.measurements = measurements
    }

    fileprivate var family: Family { kind == .ivfflat ? .lists : isReranked ? .reranked : .graph }
  }

  /// The index that exists, as measured on the whole table.
  public struct Anchor {
    public let configuration: Int
    /// By rising value.
    public let measurements: [SampleMeasurement]
    /// Of its recalls: two standard errors.
    public let error: Double

    /// - Returns: nil without measurements.
    public init?(configuration: Int, _ measurements: [SampleMeasurement], error: Double) {
      guard !measurements.isEmpty, error.isFinite, error >= 0 else { return nil }
      self.configuration = configuration
      self.measurements = measurements.sorted { $0.value < $1.value }
      self.error = error
    }
  }

  /// At one value of `ef_search` or `probes`.
  public struct Outlook: Equatable, Sendable {
    public let recall: Estimate
    /// A search.
    public let buffers: Estimate
  }

  /// Share of the rows of a sample that a search of a graph may touch.  One that sees more has left the
  /// neighbourhood of its query, which on the whole table it would not.
  private static let greatestShare = 0.6

  /// Share of the rows of a sample that `ef_search` may be where buffers count: beyond, a search of a graph finds
  /// much of what it looks at looked at already.
  private static let greatestValue = 0.02

  /// Whose recalls fall off alike.
  fileprivate enum Family { case graph, reranked, lists }

  private struct Fit {
    let recall: RecallExtrapolation
    let buffers: BufferExtrapolation
  }

  /// By law, then configuration; nil: measured too little.
  private let fits: [[Fit?]]
  private let families: [Family]
  private let queries: Double
  private let rows: Double
  private let anchor: Anchor?

  /// - Parameters:
  ///   - queries: that each measurement is a mean of, 1 at least.
  ///   - rows: of the whole table, finite, 1 at least.
  /// - Throws: `range` for these two.
  /// - Complexity: O(measurements).
  public init(
    _ configurations: [Configuration], queries: Int, rows: Double, anchor: Anchor? = nil
  ) throws(LearningError) {
    guard queries >= 1 else { throw .range(value: queries, argument: 2) }
    guard rows.isFinite, rows >= 1 else { throw .range(value: 0, argument: 3) }
    let usable = configurations.map { configuration in
      configuration.measurements.filter {
        configuration.kind == .ivfflat || $0.buffers <= Self.greatestShare * $0.rows
      }
    }
    families = configurations.map(\.family)
    self.queries = Double(queries)
    self.rows = rows
    self.anchor = anchor.flatMap { configurations.indices.contains($0.configuration) ? $0 : nil }
    fits = zip(SizeLaw.recall, SizeLaw.buffers).map { recallLaw, buffersLaw in
      let common = RecallExtrapolation.common(
        zip(configurations, usable).filter { $0.0.family == .graph }.flatMap(\.1), law: recallLaw)
      return zip(configurations, usable).map { configuration, measurements in
        let prior = configuration.family == .graph ? common : RecallExtrapolation.flat
        let near = configuration.measurements.filter {
          configuration.kind == .ivfflat || $0.value <= Self.greatestValue * $0.rows
        }
        guard let recall = RecallExtrapolation(measurements, law: recallLaw, prior: prior),
          let buffers = BufferExtrapolation(configuration.kind, near, law: buffersLaw)
        else { return nil }
        return Fit(recall: recall, buffers: buffers)
      }
    }
  }

  /// - Returns: nil when the configuration was measured too little, or there is none of this number.
  public func outlook(_ configuration: Int, value: Double) -> Outlook? {
    guard families.indices.contains(configuration), value.isFinite, value >= 1 else { return nil }
    let told = fits.indices.map { outlook(configuration, value: value, law: $0) }
    guard let measured = told[0], let slow = told[1], let fast = told[2] else { return nil }
    let recall = Self.share(measured.logOdds)
    // What is all but certain of a few queries is not of all.
    let spread = max(recall * (1 - recall), 1e-3)
    let lawsApart = Self.share(fast.logOdds) - Self.share(slow.logOdds)
    let anchored = measured.anchorError
    let recallVariance =
      spread * spread * measured.variance + spread * (measured.dispersion + 1 / queries) + lawsApart * lawsApart / 4
      + anchored * anchored / 4
    let buffersApart = slow.buffers - fast.buffers
    let buffers = exp(measured.buffers)
    let buffersError = 2 * (measured.buffersVariance + buffersApart * buffersApart / 4).squareRoot()
    guard recallVariance.isFinite, buffers.isFinite, buffersError.isFinite else { return nil }
    return Outlook(
      recall: Estimate(recall, error: 2 * recallVariance.squareRoot()),
      buffers: Estimate(buffers, error: buffers * buffersError))
  }

  /// What one law says.
  private typealias Told = (
    logOdds: Double, variance: Double, dispersion: Double, buffers: Double, buffersVariance: Double, anchorError: Double
  )

  private func outlook(_ configuration: Int, value: Double, law: Int) -> Told? {
    guard let fit = fits[law][configuration],
      let variance = fit.recall.variance(rows: rows, value: value, isDifference: false),
      let buffers = fit.buffers.logarithm(rows: rows, value: value)
    else { return nil }
    let alone: Told = (
      fit.recall.logOdds(rows: rows, value: value), variance, fit.recall.dispersion, buffers.value, buffers.variance, 0
    )
    guard let anchor, families[configuration] == families[anchor.configuration],
      let own = fits[law][anchor.configuration],
      let correction = correction(anchor, own, value: value),
      let its = fit.recall.variance(rows: rows, value: value, isDifference: true),
      let unknown = own.recall.variance(rows: rows, value: value, isDifference: true)
    else { return alone }
    guard configuration != anchor.configuration else {
      return (alone.logOdds + correction.logOdds, 0, 0, alone.buffers + correction.buffers, 0, anchor.error)
    }
    return (
      alone.logOdds + correction.logOdds, max(its, unknown), fit.recall.dispersion + own.recall.dispersion,
      alone.buffers + correction.buffers, buffers.variance, anchor.error
    )
  }

  /// How far the fit of the existing index is off what was measured of it, between its measurements in proportion.
  private func correction(_ anchor: Anchor, _ fit: Fit, value: Double) -> (logOdds: Double, buffers: Double)? {
    func miss(_ measurement: SampleMeasurement) -> (logOdds: Double, buffers: Double)? {
      // half a neighbour of a thousand is missed even where none was
      let recall = min(max(measurement.recall, 5e-4), 1 - 5e-4)
      return fit.buffers.logarithm(rows: rows, value: measurement.value).map {
        (
          log(recall / (1 - recall)) - fit.recall.logOdds(rows: rows, value: measurement.value),
          log(measurement.buffers) - $0.value
        )
      }
    }
    let above = anchor.measurements.firstIndex { $0.value >= value } ?? anchor.measurements.count - 1
    let below = anchor.measurements[above].value > value && above > 0 ? above - 1 : above
    guard let high = miss(anchor.measurements[above]), let low = miss(anchor.measurements[below]) else { return nil }
    let width = log(anchor.measurements[above].value / anchor.measurements[below].value)
    let share = width > 0 ? log(value / anchor.measurements[below].value) / width : 0
    return (
      low.logOdds + share * (high.logOdds - low.logOdds), low.buffers + share * (high.buffers - low.buffers)
    )
  }

  private static func share(_ logOdds: Double) -> Double { 1 / (1 + exp(-logOdds)) }
}
