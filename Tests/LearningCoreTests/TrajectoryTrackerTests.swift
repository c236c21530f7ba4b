import LearningCore
import Testing

struct TrajectoryTrackerTests {
  private func observation(
    _ time: Int64, kClass: Int32 = 16, region: Int64? = nil, recall: Float? = nil, latency: Float? = nil
  ) -> Observation {
    Observation(time: time, kClass: kClass, region: region, recall: recall, latency: latency, parameter: 40)
  }

  @Test func keepsTheLastObservationsNewestFirst() throws {
    #expect(throws: LearningError.range(value: 0, argument: 1)) { try TrajectoryTracker(capacity: 0) }
    for capacity in [1, 2, 7, 100] {
      var tracker = try TrajectoryTracker(capacity: capacity)
      #expect(tracker.recent(3).isEmpty)
      for time in 1...50 as ClosedRange<Int64> {
        tracker.record(observation(time))
        let kept = min(Int(time), capacity)
        #expect(tracker.count == kept)
        #expect(tracker.recent(.max).map(\.time) == (0..<Int64(kept)).map { time - $0 })
        #expect(tracker.recent(2).map(\.time) == Array([time, time - 1].prefix(kept)))
      }
      #expect(tracker.recent(-1).isEmpty)
    }
  }

  @Test func tellsWhatAWindowHasInCommon() throws {
    var tracker = try TrajectoryTracker(capacity: 100)
    tracker.record(observation(0, kClass: 1024, region: 99, recall: 0, latency: 1e6))
    for time in 1...20 as ClosedRange<Int64> {
      tracker.record(
        observation(
          time, kClass: time <= 5 ? -16 : 16, region: time <= 12 ? 3 : time <= 16 ? 8 : nil,
          recall: time <= 2 ? 0.5 : time == 20 ? 1 : nil, latency: Float(time)))
    }
    let analysis = tracker.patterns(window: 20)
    #expect(analysis.count == 20 && analysis.filtered == 0.25)
    #expect(analysis.kClasses.map(\.kClass) == [16, -16] && analysis.kClasses.map(\.share) == [0.75, 0.25])
    #expect(analysis.regions.map(\.id) == [3, 8] && analysis.regions.map(\.share) == [0.75, 0.25])
    #expect(analysis.regions.map(\.recall) == [0.5, nil] && analysis.regions.map(\.labels) == [2, 0])
    #expect(analysis.latency == SIMD3(10, 19, 20))
    #expect(analysis.drift.regions?.distance == 1 && analysis.drift.recall == nil)
  }

  @Test func aWindowIsNeverLongerThanWhatThereIs() throws {
    var tracker = try TrajectoryTracker(capacity: 10)
    let empty = tracker.patterns(window: 5)
    #expect(empty.count == 0 && empty.filtered == nil && empty.latency == nil && empty.drift.kClasses == nil)
    for time in 0..<4 as Range<Int64> { tracker.record(observation(time)) }
    #expect(tracker.patterns(window: .max).count == 4 && tracker.patterns(window: -1).count == 0)
    #expect(tracker.patterns(window: 3).drift.kClasses == MixShift(from: [16: 1], to: [16: 3]))
    #expect(tracker.patterns(window: 1).drift.kClasses == MixShift(from: [16: 1], to: [16: 1]))
  }

  /// The window is compared with the one before it, not with what is older.
  @Test func findsDrift() throws {
    var tracker = try TrajectoryTracker(capacity: 1000)
    var random = SplitMix64(seed: 2)
    for time in 0..<900 as Range<Int64> {
      let (isOld, isNew) = (time < 300, time >= 600)
      tracker.record(
        observation(
          time, kClass: isOld ? 8 : 16, region: Int64.random(in: 0...(isNew ? 2 : 5), using: &random),
          recall: random.recall(mean: isNew ? 0.8 : 0.95)))
    }
    let drift = tracker.patterns(window: 300).drift
    #expect(drift.kClasses?.distance == 0 && drift.kClasses?.p == nil)
    #expect(abs(try #require(drift.regions?.distance) - 0.5) < 0.1)
    #expect(try #require(drift.regions?.p) < 1e-6 && #require(drift.recall).twoSided < 1e-6)
    #expect(try #require(drift.recall).statistic < 0)
  }
}
