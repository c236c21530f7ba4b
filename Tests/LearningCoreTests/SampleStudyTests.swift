import Glibc
import LearningCore
import Testing

/// A world whose recalls and buffers obey the law: height tells a configuration from the next.
private struct World {
  var noise = 0.0

  func recall(_ height: Double, rows: Double, value: Double) -> Double {
    1 / (1 + exp(-(height + 0.7 * log(value) + pow(rows, -0.25) * (4 + 6 * log(value)))))
  }

  func buffers(_ height: Double, rows: Double, value: Double) -> Double {
    exp(3 + height / 10 + 0.8 * log(value) - pow(rows, -1 / 3.0) * (1 + 0.3 * log(value)))
  }

  func measure(
    _ height: Double, sizes: [Double] = [5000, 10000, 20000], using random: inout SplitMix64
  ) throws -> [SampleMeasurement] {
    try sizes.flatMap { rows in
      try [10.0, 20, 40, 80, 160].map { value in
        let recall = recall(height, rows: rows, value: value)
        let off = noise * (recall * (1 - recall)).squareRoot() * Double.random(in: -1.7...1.7, using: &random)
        return try #require(
          SampleMeasurement(
            rows: rows, value: value, recall: min(max(recall + off, 0), 1),
            buffers: buffers(height, rows: rows, value: value)))
      }
    }
  }
}

struct SampleStudyTests {
  @Test func findsTheLaw() throws {
    var random = SplitMix64(seed: 1)
    let world = World()
    let heights = [-0.5, 0.0, 0.8]
    let study = try SampleStudy(
      heights.map { SampleStudy.Configuration(.hnsw, try world.measure($0, using: &random)) }, queries: 200, rows: 1e6)
    for (number, height) in heights.enumerated() {
      for value in [10.0, 55, 160] {
        let outlook = try #require(study.outlook(number, value: value))
        #expect(abs(outlook.recall.value - world.recall(height, rows: 1e6, value: value)) < 0.01)
        #expect(abs(outlook.buffers.value / world.buffers(height, rows: 1e6, value: value) - 1) < 0.01)
      }
    }
  }

  /// The error covers what noise and few queries do, and shrinks with what is known.
  @Test func errorCovers() throws {
    var random = SplitMix64(seed: 2)
    let world = World(noise: 0.04)
    var (covered, asked) = (0, 0)
    for _ in 0..<40 {
      let study = try SampleStudy(
        [0.0, 0.5].map { SampleStudy.Configuration(.hnsw, try world.measure($0, using: &random)) }, queries: 200,
        rows: 2e5)
      for value in [10.0, 40, 160] {
        let outlook = try #require(study.outlook(1, value: value))
        asked += 1
        if abs(outlook.recall.value - world.recall(0.5, rows: 2e5, value: value)) <= outlook.recall.error {
          covered += 1
        }
        #expect(outlook.recall.error < 0.2)
      }
    }
    #expect(Double(covered) / Double(asked) > 0.9)
  }

  /// Where the law does not hold, and for all alike, what was measured of the index that exists puts it right.
  @Test func anchorCorrects() throws {
    var random = SplitMix64(seed: 3)
    let world = World()
    let configurations = try [0.0, 0.6].map { SampleStudy.Configuration(.hnsw, try world.measure($0, using: &random)) }
    let shift = -0.7
    let measured = try [10.0, 40, 160].map { value in
      try #require(
        SampleMeasurement(
          rows: 1e6, value: value, recall: world.recall(shift, rows: 1e6, value: value),
          buffers: 2 * world.buffers(0, rows: 1e6, value: value)))
    }
    let alone = try SampleStudy(configurations, queries: 200, rows: 1e6)
    let anchored = try SampleStudy(
      configurations, queries: 200, rows: 1e6,
      anchor: SampleStudy.Anchor(configuration: 0, measured, error: 0.01))
    for value in [10.0, 20, 160, 320] {
      let truth = world.recall(0.6 + shift, rows: 1e6, value: value)
      let outlook = try #require(anchored.outlook(1, value: value))
      #expect(abs(outlook.recall.value - truth) < 0.01)
      #expect(abs(outlook.buffers.value / world.buffers(0.6, rows: 1e6, value: value) - 2) < 0.02)
      if value < 40 { #expect(try #require(alone.outlook(1, value: value)).recall.value - truth > 0.01) }
      let own = try #require(anchored.outlook(0, value: value))
      #expect(abs(own.recall.value - world.recall(shift, rows: 1e6, value: value)) < 0.01)
    }
  }

  /// An anchor of a graph says nothing of lists, whose buffers grow with the rows.
  @Test func listsAreTheirOwn() throws {
    var random = SplitMix64(seed: 4)
    let world = World()
    let lists = try [1000.0, 2000].flatMap { rows in
      try [1.0, 4, 16].map { probes in
        try #require(SampleMeasurement(rows: rows, value: probes, recall: 0.8, buffers: 10 + probes * rows / 500))
      }
    }
    let study = try SampleStudy(
      [
        SampleStudy.Configuration(.hnsw, try world.measure(0, using: &random)),
        SampleStudy.Configuration(.ivfflat, lists),
      ],
      queries: 100, rows: 1e5,
      anchor: SampleStudy.Anchor(
        configuration: 0, [try #require(SampleMeasurement(rows: 1e5, value: 40, recall: 0.2, buffers: 1))], error: 0))
    let outlook = try #require(study.outlook(1, value: 4))
    #expect(abs(outlook.buffers.value - 810) < 1 && abs(outlook.recall.value - 0.8) < 0.01)
  }

  @Test func saysNothingOfTooLittle() throws {
    var random = SplitMix64(seed: 5)
    let single = try World().measure(0, sizes: [5000], using: &random)
    let study = try SampleStudy([SampleStudy.Configuration(.hnsw, single)], queries: 100, rows: 1e6)
    #expect(study.outlook(0, value: 40) == nil && study.outlook(1, value: 40) == nil)
    // searches that see most of a sample do not count
    let seen = try [100.0, 200].flatMap { rows in
      try [10.0, 20, 40].map { try #require(SampleMeasurement(rows: rows, value: $0, recall: 1, buffers: rows)) }
    }
    let blind = try SampleStudy([SampleStudy.Configuration(.hnsw, seen)], queries: 100, rows: 1e6)
    #expect(blind.outlook(0, value: 40) == nil)
    #expect(throws: LearningError.range(value: 0, argument: 2)) { try SampleStudy([], queries: 0, rows: 10) }
    #expect(SampleMeasurement(rows: 10, value: 1, recall: 1.1, buffers: 1) == nil)
    #expect(SampleMeasurement(rows: .infinity, value: 1, recall: 1, buffers: 1) == nil)
  }
}

struct BuildExtrapolationTests {
  private typealias Way = (speed: Double, growth: Double)

  /// Seconds a row: speed · (1 + growth · ln rows); buffers in proportion, as of the finished graph.
  private func build(_ number: Int, _ way: Way, _ rows: Double, noise: Double = 1) throws -> BuildExtrapolation.Build {
    try #require(
      BuildExtrapolation.Build(
        configuration: number, rows: rows, seconds: noise * way.speed * rows * (1 + way.growth * log(rows)),
        buffers: 1000 * (1 + way.growth * (log(rows) + 1))))
  }

  private func builds(_ ways: [Way], noise: [Double] = [1]) throws -> [BuildExtrapolation.Build] {
    try ways.enumerated().flatMap { number, way in
      try [1000.0, 2000, 4000].enumerated().map { position, rows in
        try build(number, way, rows, noise: noise[(number * 3 + position) % noise.count])
      }
    }
  }

  private func estimate(
    _ known: [BuildExtrapolation.Build], _ configuration: Int, _ way: Way, rows: Double
  ) throws -> Estimate? {
    let whole = try build(configuration, way, rows)
    return BuildExtrapolation.seconds(known, configuration: configuration, rows: rows, buffers: whole.buffers)
  }

  /// Where time grows as buffers do, and with the logarithm of the rows, both laws are right.
  @Test func findsTheGrowthOfEach() throws {
    let ways: [Way] = [(1e-5, 0.3), (3e-5, 2)]
    let known = try builds(ways)
    for (configuration, way) in ways.enumerated() {
      let told = try #require(try estimate(known, configuration, way, rows: 1e6))
      let truth = try build(configuration, way, 1e6).seconds
      #expect(abs(told.value / truth - 1) < 0.02 && told.error < 0.05 * truth, "\(told) \(truth)")
    }
  }

  /// What will look at more of a large table than samples have takes longer, and is known less.
  @Test func laterGrowthIsToldByBuffers() throws {
    let known = try builds([(1e-5, 0.3)])
    let (usual, twice) = (
      try #require(try estimate(known, 0, (1e-5, 0.3), rows: 1e6)),
      try #require(
        BuildExtrapolation.seconds(known, configuration: 0, rows: 1e6, buffers: 2 * build(0, (1e-5, 0.3), 1e6).buffers))
    )
    #expect((1.2...1.5).contains(twice.value / usual.value) && twice.error > 5 * usual.error, "\(usual) \(twice)")
  }

  /// One that was built on a single sample borrows the growth of the others, in units of its own speed.
  @Test func borrowsTheGrowth() throws {
    let known = try builds([(1e-5, 0.3)])
    let way: Way = (4e-5, 0.3)
    let told = try #require(try estimate(known + [build(1, way, 2000)], 1, way, rows: 1e5))
    #expect(abs(told.value / (try build(1, way, 1e5).seconds) - 1) < 0.05)
    #expect(try estimate([build(1, way, 2000)], 1, way, rows: 1e5) == nil)
    #expect(try estimate(known, 1, way, rows: 1e5) == nil)
  }

  @Test func errorGrowsWithNoise() throws {
    let way: Way = (1e-5, 0.3)
    let known = try builds([way, (3e-5, 0.3)], noise: [1.1, 0.95, 1.2, 0.9])
    let near = try #require(try estimate(known, 0, way, rows: 8000))
    let far = try #require(try estimate(known, 0, way, rows: 8e6))
    #expect(near.error / near.value > 0.05 && far.error / far.value > near.error / near.value)
  }
}
