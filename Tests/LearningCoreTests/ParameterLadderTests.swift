import LearningCore
import Testing

struct ParameterLadderTests {
  @Test func hnswClimbsFinelyWhereRecallBends() throws {
    let ladder = try ParameterLadder(.hnsw, maximum: 1000, setting: 40)
    #expect(
      ladder.values == [
        10, 12, 14, 17, 20, 24, 28, 34, 40, 48, 57, 67, 80, 95, 113, 135, 160, 226, 320, 453, 640, 905, 1000,
      ])
  }

  @Test func ivfflatClimbsFromOneProbe() throws {
    #expect(
      try ParameterLadder(.ivfflat, maximum: 100, setting: 1).values == [
        1, 2, 3, 4, 6, 8, 11, 16, 23, 32, 45, 64, 91, 100,
      ])
    #expect(try ParameterLadder(.ivfflat, maximum: 1, setting: 1).values == [1])
  }

  @Test func theSettingIsAmongTheValues() throws {
    #expect(try ParameterLadder(.hnsw, maximum: 1000, setting: 7).values.prefix(2) == [7, 10])
    #expect(try ParameterLadder(.hnsw, maximum: 1000, setting: 100).values.contains(100))
    #expect(try ParameterLadder(.ivfflat, maximum: 50, setting: 200).values.last == 50)
  }

  @Test(arguments: [
    (320, 247...293), (226, 174...207), (68, 68...77), (80, 70...77), (11, 11...11), (10, nil), (0, nil),
  ])
  func isFinerJustBelowWhatIsCertified(certified: Int32, between: ClosedRange<Int32>?) throws {
    let base = try ParameterLadder(.hnsw, maximum: 1000, setting: 40).values
    let values = try ParameterLadder(.hnsw, maximum: 1000, setting: 40, certified: [certified]).values
    let added = values.filter { !base.contains($0) }
    #expect(added.first == between?.lowerBound && added.last == between?.upperBound, "\(added)")
    #expect(Set(base).isSubset(of: values) && added.count <= 4)
  }

  @Test func isFinerBelowEachOfSeveralUntilItIsFull() throws {
    let base = try ParameterLadder(.hnsw, maximum: 1000, setting: 40).values
    let both = try ParameterLadder(.hnsw, maximum: 1000, setting: 40, certified: [320, 80, 77]).values
    #expect(both.filter { !base.contains($0) } == [70, 73, 77, 247, 269, 293])
    let many = try ParameterLadder(.hnsw, maximum: 1000, setting: 40, certified: [1000] + base).values
    #expect(ParameterLadder.capacity - 3 < many.count && many.contains(975) && !many.contains(700))
    // a step is divided whole or not at all
    #expect(
      zip(base.dropFirst(10), base.dropFirst(11)).allSatisfy { low, high in
        [0, 3].contains(many.count { low < $0 && $0 < high })
      })
  }

  @Test func aSmallMaximumStartsLower() throws {
    #expect(try ParameterLadder(.hnsw, maximum: 5, setting: 0).values == [1, 2, 3, 4, 5])
    #expect(try ParameterLadder(.hnsw, maximum: 10, setting: 40).values == [10])
  }

  @Test(arguments: [IndexKind.hnsw, .ivfflat])
  func everyLadderFitsIsSortedAndEndsAtTheMaximum(kind: IndexKind) throws {
    for maximum in Array(1...1200) + [4096, 23170, 32767, 32768] as [Int32] {
      for setting in [0, 1, 5, 39, maximum - 1, maximum] as [Int32] {
        let values = try ParameterLadder(
          kind, maximum: maximum, setting: setting, certified: [maximum / 3, maximum, -1, 7]
        ).values
        #expect((1...ParameterLadder.capacity).contains(values.count))
        #expect(zip(values, values.dropFirst()).allSatisfy { $0 < $1 })
        #expect((values.first ?? 0) >= 1 && values.last == maximum)
        #expect(!(1...maximum).contains(setting) || values.contains(setting))
      }
    }
  }

  @Test(arguments: [0, -1, 32769, Int32.max] as [Int32])
  func refusesAMaximumThatNoIndexHas(maximum: Int32) {
    #expect(throws: LearningError.range(value: Int(maximum), argument: 2)) {
      try ParameterLadder(.ivfflat, maximum: maximum, setting: 1)
    }
  }
}
