import LearningCore
import Testing

struct KClassTests {
  @Test func isTheSmallestPowerOfTwoThatIsNotLess() {
    let known: [(k: Int32, expected: Int32)] = [
      (1, 1), (2, 2), (3, 4), (4, 4), (5, 8), (10, 16), (100, 128), (1 << 30, 1 << 30), ((1 << 30) + 1, 1 << 30),
      (.max, 1 << 30), (0, 0), (-1, 0), (.min, 0),
    ]
    for (k, expected) in known {
      #expect(KClass.containing(k) == expected, "k = \(k)")
      #expect(KClass.containing(k, isFiltered: true) == -expected, "k = \(k)")
    }
  }
}

struct QueryVectorTests {
  private func check(_ components: [Float], expected: Int = 0) throws {
    try QueryVector.check(components.span, expected: expected)
  }

  @Test func acceptsFiniteComponentsOfTheRightNumber() throws {
    try check([0, -1, .greatestFiniteMagnitude, .leastNonzeroMagnitude], expected: 4)
    try check([1])
  }

  @Test func namesWhatIsWrong() {
    #expect(throws: LearningError.emptyVector) { try check([], expected: 3) }
    #expect(throws: LearningError.dimension(expected: 3, given: 2)) { try check([1, 2], expected: 3) }
    #expect(throws: LearningError.notFinite(position: 2)) { try check([1, .nan, .infinity]) }
    #expect(throws: LearningError.notFinite(position: 3)) { try check([1, 2, -.infinity], expected: 3) }
  }
}
