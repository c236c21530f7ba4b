import LearningCore
import Testing

struct RecallTests {
  private func recall(k: Int, exact: [Double], found: [Double]) throws -> Double? {
    try Recall.at(k: k, exact: exact.span, found: found.span)
  }

  @Test func countsWhatIsNoFartherThanTheLastNeighbour() throws {
    #expect(try recall(k: 4, exact: [1, 2, 3, 4], found: [1, 2, 3, 4]) == 1)
    #expect(try recall(k: 4, exact: [1, 2, 3, 4], found: [1, 3, 4, 5]) == 0.75)
    #expect(try recall(k: 4, exact: [1, 2, 3, 4], found: [5, 6, 7, 8]) == 0)
    #expect(try recall(k: 4, exact: [1, 2, 3, 4], found: []) == 0)
  }

  @Test func tiesAtRankKAllCount() throws {
    #expect(try recall(k: 3, exact: [1, 2, 2], found: [1, 2, 2]) == 1)
    #expect(try recall(k: 3, exact: [2, 2, 2], found: [2, 2, 2.5]) == 2.0 / 3)
    #expect(try recall(k: 2, exact: [-3, -3, -1], found: [-3, -3]) == 1)
  }

  @Test func readsNothingBeyondK() throws {
    #expect(try recall(k: 2, exact: [1, 2, 3, 4], found: [1, 3, 2, 2]) == 0.5)
  }

  @Test func aSmallTableIsDividedByWhatItHas() throws {
    #expect(try recall(k: 10, exact: [1, 2], found: [1, 2]) == 1)
    #expect(try recall(k: 10, exact: [1, 2], found: [1]) == 0.5)
    #expect(try recall(k: 10, exact: [1, 2], found: [1, 1, 1, 2]) == 1)
  }

  @Test func nanIsNeverCorrect() throws {
    #expect(try recall(k: 2, exact: [1, 2], found: [.nan, 1]) == 0.5)
    #expect(try recall(k: 3, exact: [1, 2, .nan], found: [1, 2, .nan]) == 1)
    #expect(try recall(k: 2, exact: [.nan, .nan], found: [1, 2]) == nil)
    #expect(try recall(k: 2, exact: [1, .infinity], found: [1, .infinity]) == 1)
  }

  @Test func unknownIsNotZero() throws {
    #expect(try recall(k: 5, exact: [], found: [1]) == nil)
  }

  @Test func kIsAtLeastOne() {
    #expect(throws: LearningError.range(value: 0, argument: 5)) { try recall(k: 0, exact: [1], found: [1]) }
  }

  @Test func byIdentityTiesDoNotCount() {
    #expect(Recall.byIdentity(exact: ["1", "2"], found: ["2", "1"]) == 1)
    #expect(Recall.byIdentity(exact: ["1", "2", "3", "4"], found: ["4", "9"]) == 0.25)
    #expect(Recall.byIdentity(exact: ["1"], found: []) == 0)
    #expect(Recall.byIdentity(exact: [], found: ["1"]) == nil)
  }
}
