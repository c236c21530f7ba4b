/// What the searches of a window have in common, and how they differ from those before.
public struct PatternAnalysis: Sendable {
  public struct Class: Equatable, Sendable {
    /// Of `KClass`.
    public let kClass: Int32
    public let count: Int
    /// Of the window.
    public let share: Double
  }

  public struct Region: Equatable, Sendable {
    public let id: Int64
    public let count: Int
    /// Of the observations whose region is known.
    public let share: Double
    /// Mean over the `labels` observations that measured it; nil without any.
    public let recall: Double?
    public let labels: Int
  }

  /// Each is nil where a window has nothing to compare.
  public struct Drift: Equatable, Sendable {
    public let regions: MixShift?
    public let kClasses: MixShift?
    /// Of recall now against before; also nil where it cannot be tested.
    public let recall: TTest?
  }

  public let count: Int
  /// The most frequent first, then ascending.
  public let kClasses: [Class]
  /// Share of filtered searches, nil for an empty window.
  public let filtered: Double?
  /// The hottest first, then ascending.
  public let regions: [Region]
  /// Median, 95th and 99th percentile in microseconds, nil when none was measured.
  public let latency: SIMD3<Float>?
  public let drift: Drift

  /// - Parameters:
  ///   - window: in any order.
  ///   - before: likewise.
  /// - Complexity: O(n log n) for n observations.
  public init(of window: some Collection<Observation>, before: some Collection<Observation>) {
    let (now, before) = (Tally(window), Tally(before))
    count = now.count
    kClasses = Self.byFrequency(now.kClasses).map {
      Class(kClass: $0.key, count: $0.value, share: Double($0.value) / Double(now.count))
    }
    filtered =
      now.count > 0 ? Double(now.kClasses.reduce(0) { $0 + ($1.key < 0 ? $1.value : 0) }) / Double(now.count) : nil
    let located = now.regions.values.reduce(0, +)
    regions = Self.byFrequency(now.regions).map { id, count in
      let recall = now.recallByRegion[id] ?? Moments()
      return Region(
        id: id, count: count, share: Double(count) / Double(located), recall: recall.count > 0 ? recall.mean : nil,
        labels: recall.count)
    }
    latency = now.latencies.percentiles
    drift = Drift(
      regions: MixShift(from: before.regions, to: now.regions),
      kClasses: MixShift(from: before.kClasses, to: now.kClasses),
      recall: TTest(welch: now.recall, before.recall))
  }

  private static func byFrequency<Key: Comparable>(_ counts: [Key: Int]) -> [(key: Key, value: Int)] {
    counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
  }

  private struct Tally {
    var count = 0
    var kClasses: [Int32: Int] = [:]
    var regions: [Int64: Int] = [:]
    var recallByRegion: [Int64: Moments] = [:]
    var recall = Moments()
    var latencies: [Float] = []

    init(_ observations: some Collection<Observation>) {
      for observation in observations {
        count += 1
        kClasses[observation.kClass, default: 0] += 1
        if let region = observation.region { regions[region, default: 0] += 1 }
        if let latency = observation.latency { latencies.append(latency) }
        guard let measured = observation.recall else { continue }
        recall.add(Double(measured))
        if let region = observation.region { recallByRegion[region, default: Moments()].add(Double(measured)) }
      }
    }
  }
}
