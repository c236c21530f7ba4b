import LearningCore
import Testing

struct StageLadderTests {
  @Test func climbsByTheSquareRootOfTwo() {
    let ladder = StageLadder(.hnsw, k: 10, maximum: 1000)
    #expect(Array(ladder) == [10, 14, 20, 28, 40, 57, 80, 113, 160, 226, 320, 453, 640, 905])
    #expect(Array(StageLadder(.hnsw, k: 100, maximum: 400)) == [100, 141, 200, 283, 400])
  }

  @Test func ofIvfflatCountsListsWhateverIsAskedFor() {
    let lists: [Int32] = [1, 2, 3, 4, 6, 8, 11, 16, 23, 32, 45, 64, 91, 128, 181, 256]
    for k: Int32 in [1, 10, 100] {
      #expect(Array(StageLadder(.ivfflat, k: k, maximum: 32768)) == lists)
      #expect(Array(StageLadder(.ivfflat, k: k, maximum: 5)) == [1, 2, 3, 4])
    }
    #expect(StageLadder(.ivfflat, k: 0, maximum: 32768).isEmpty && StageLadder(.ivfflat, k: 1, maximum: 0).isEmpty)
  }

  @Test func beginsWithTheRowsAskedForButNotWithFewerThanTen() {
    #expect(Array(StageLadder(.hnsw, k: 1, maximum: 20)) == [10, 14, 20])
    #expect(Array(StageLadder(.hnsw, k: 33, maximum: 33)) == [33])
  }

  @Test func isEmptyWhereNoBatchFits() {
    for (k, maximum) in [(0, 1000), (-1, 1000), (1001, 1000), (5, 9), (.max, 1000), (10, 0)] as [(Int32, Int32)] {
      #expect(StageLadder(.hnsw, k: k, maximum: maximum).isEmpty)
    }
  }

  @Test func alwaysAscendsWithinItsBounds() {
    for k in Array(1...1100) + [Int32.max - 1, .max] as [Int32] {
      for maximum in [10, 1000, .max] as [Int32] {
        let totals = Array(StageLadder(.hnsw, k: k, maximum: maximum))
        #expect(totals.count <= StageLadder.capacity && totals.allSatisfy { k <= $0 && $0 <= maximum })
        #expect(zip(totals, totals.dropFirst()).allSatisfy { $0 < $1 })
      }
    }
  }
}
