import LearningCore
import Testing

struct RouterNetworkTests {
  private static func space() throws -> ParameterSpace {
    try ParameterSpace([.float(0...1, .linear), .choice(3), .choice(1), .integer(1...1000, .logarithmic)])
  }

  private static let cellWeights = 3 * (2 + 3 + 2) + 2

  private func network(_ weights: [Double]) throws -> RouterNetwork {
    try RouterNetwork(
      space: Self.space(),
      cell: FastGRNNCell(inputs: 2, hidden: 3, weights: Array(weights.prefix(Self.cellWeights))),
      heads: Array(weights.dropFirst(Self.cellWeights)))
  }

  private func weights() -> [Double] {
    var random = SplitMix64(seed: 31)
    return (0..<Self.cellWeights + 6 * 4).map { _ in Double.random(in: -1...1, using: &random) }
  }

  /// Central differences, whose error is of the order of their square.
  @Test func gradientsOfCellAndHeadsAgreeWithFiniteDifferences() throws {
    let (input, weights) = ([0.7, -1.3], weights())
    let targets = RouterNetwork.targets(of: [0.25, 2, 0, 10], in: try Self.space())
    let gradient = try network(weights).gradient(input, targets: targets)
    #expect(try gradient.count == weights.count && network(weights).weights == weights)
    for position in weights.indices {
      var (above, below) = (weights, weights)
      above[position] += 1e-5
      below[position] -= 1e-5
      let difference =
        (try network(above).loss(input, targets: targets) - network(below).loss(input, targets: targets)) / 2e-5
      #expect(abs(gradient[position] - difference) < 1e-8, "weight \(position)")
    }
  }

  @Test func outputsArePlacesAndProbabilities() throws {
    let outputs = try network(weights()).outputs([0.7, -1.3])
    #expect(outputs.map(\.count) == [1, 3, 1, 1] && outputs[2] == [1])
    #expect(abs(outputs[1].reduce(0, +) - 1) < 1e-15 && outputs[1].allSatisfy { $0 > 0 })
    let targets = RouterNetwork.targets(of: [0.25, 2, 0, 10], in: try Self.space())
    #expect(targets[0] == [0.25] && targets[1] == [0, 0, 1] && abs(targets[3][0] - 1.0 / 3) < 1e-15)
  }

  @Test func refusesHeadsThatDoNotFit() throws {
    #expect(throws: LearningError.dimension(expected: 24, given: 23)) { try network(weights().dropLast()) }
    #expect(throws: LearningError.notFinite(position: 24)) { try network(weights().dropLast() + [.nan]) }
  }
}
