import LearningCore
import Testing

struct FastGRNNCellTests {
  /// 0.1, −0.2, 0.3, … as in known_answers.py.
  private static let weights = (1...16).map { 0.1 * Double($0) * ($0.isMultiple(of: 2) ? -1 : 1) }
  private static let sequence = [[0.5, -1, 2], [-0.25, 0.75, 1]]

  private func cell(_ weights: [Double] = weights) throws -> FastGRNNCell {
    try FastGRNNCell(inputs: 3, hidden: 2, weights: weights)
  }

  /// Known answers are printed by known_answers.py, by numpy.
  @Test func stepsAgreeWithTheKnownAnswers() throws {
    let one = try cell().run([Self.sequence[0]]).state
    let two = try cell().run(Self.sequence).state
    let known = [[0.262589325524773, -0.947730662157789], [0.483205613823676, -0.639331711044090]]
    #expect(zip([one, two], known).allSatisfy { zip($0, $1).allSatisfy { abs($0 - $1) < 1e-14 } })
    #expect(try cell().run([]).state == [0, 0])
  }

  /// Of the loss Σ (row + 1) · h²: central differences, whose error is of the order of their square.
  @Test(arguments: 0...4)
  func gradientsAgreeWithFiniteDifferences(steps: Int) throws {
    var random = SplitMix64(seed: UInt64(steps))
    let sequence = (0..<steps).map { _ in (0..<3).map { _ in Double.random(in: -2...2, using: &random) } }
    let weights = Self.weights.map { _ in Double.random(in: -1...1, using: &random) }
    func loss(_ weights: [Double]) throws -> Double {
      try cell(weights).run(sequence).state.enumerated().reduce(0) {
        $0 + Double($1.offset + 1) * $1.element * $1.element
      }
    }
    let trace = try cell(weights).run(sequence)
    let gradient = try trace.gradient(state: trace.state.enumerated().map { 2 * Double($0 + 1) * $1 })
    #expect(gradient.count == weights.count)
    for position in weights.indices {
      var (above, below) = (weights, weights)
      above[position] += 1e-5
      below[position] -= 1e-5
      let difference = (try loss(above) - loss(below)) / 2e-5
      #expect(abs(gradient[position] - difference) < 1e-8, "weight \(position)")
    }
    #expect(gradient.contains { $0 != 0 } == (steps > 0))
  }

  @Test func refusesWhatDoesNotFit() throws {
    #expect(throws: LearningError.range(value: 0, argument: 1)) {
      try FastGRNNCell(inputs: 0, hidden: 2, weights: [])
    }
    #expect(throws: LearningError.range(value: .max, argument: 2)) {
      try FastGRNNCell(inputs: 1, hidden: .max, weights: [])
    }
    #expect(throws: LearningError.dimension(expected: 16, given: 15)) { try cell(Array(Self.weights.dropLast())) }
    #expect(throws: LearningError.notFinite(position: 16)) { try cell(Self.weights.dropLast() + [.nan]) }
    #expect(throws: LearningError.dimension(expected: 3, given: 2)) { try cell().run([[1, 2, 3], [1, 2]]) }
    #expect(throws: LearningError.notFinite(position: 2)) { try cell().run([[1, .infinity, 3]]) }
    #expect(throws: LearningError.dimension(expected: 2, given: 3)) { try cell().run([]).gradient(state: [1, 2, 3]) }
  }
}
