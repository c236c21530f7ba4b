import Glibc

/// A gated recurrent cell whose gate and candidate share their matrices:
///
///     z  = σ(W x + U h + b_z)
///     h̃  = tanh(W x + U h + b_h)
///     h′ = (ζ (1 − z) + ν) ⊙ h̃ + z ⊙ h
///
/// with ζ and ν kept in (0, 1) by a sigmoid.  W and U are of full rank.
///
/// - Source: Kusupati, Singh, Bhatia, Kumar, Jain, Varma 2018, *FastGRNN: a fast, accurate, stable and tiny kilobyte
///   sized gated recurrent neural network*.
public struct FastGRNNCell: Equatable, Sendable {
  public let inputs: Int
  public let hidden: Int
  /// W by rows, U by rows, b_z, b_h, and ζ and ν before their sigmoid.
  public internal(set) var weights: [Double]

  /// More of anything is no cell, and products of three such numbers are no overflow.
  static let most = 1 << 20

  /// Weights of a cell of that size.
  static func size(inputs: Int, hidden: Int) -> Int { hidden * (inputs + hidden + 2) + 2 }

  /// - Parameters:
  ///   - inputs: at least 1, at most 2²⁰.
  ///   - hidden: likewise.
  /// - Throws: `range` (argument 1 or 2), `dimension` for another number of weights, `notFinite`.
  public init(inputs: Int, hidden: Int, weights: [Double]) throws(LearningError) {
    guard (1...Self.most).contains(inputs) else { throw .range(value: inputs, argument: 1) }
    guard (1...Self.most).contains(hidden) else { throw .range(value: hidden, argument: 2) }
    let size = Self.size(inputs: inputs, hidden: hidden)
    guard weights.count == size else { throw .dimension(expected: size, given: weights.count) }
    try weights.checkFinite()
    self.inputs = inputs
    self.hidden = hidden
    self.weights = weights
  }

  /// Matrices uniform by Glorot, Bengio 2010, *Understanding the difficulty of training deep feedforward neural
  /// networks*; biases 1, ζ of 1 and ν of −4 before their sigmoid, as in the authors' code.
  init(inputs: Int, hidden: Int, using random: inout some RandomNumberGenerator) {
    func uniform(_ rows: Int, _ columns: Int) -> [Double] {
      let limit = (6 / Double(rows + columns)).squareRoot()
      return (0..<rows * columns).map { _ in Double.random(in: -limit...limit, using: &random) }
    }
    self.inputs = inputs
    self.hidden = hidden
    weights = uniform(hidden, inputs) + uniform(hidden, hidden) + [Double](repeating: 1, count: 2 * hidden) + [1, -4]
  }

  private var recurrent: Int { hidden * inputs }
  private var gateBias: Int { recurrent + hidden * hidden }
  private var candidateBias: Int { gateBias + hidden }
  private var zeta: Int { candidateBias + hidden }

  /// What a sequence did to the cell: enough for the way back.
  public struct Trace: Sendable {
    fileprivate struct Step: Sendable {
      let input: [Double]
      let before: [Double]
      let gate: [Double]
      let candidate: [Double]
      let after: [Double]
    }

    fileprivate let cell: FastGRNNCell
    fileprivate let steps: [Step]

    /// h after the last input, `hidden` numbers in −1...1 times the number of steps; 0 before any.
    public var state: [Double] { steps.last?.after ?? [Double](repeating: 0, count: cell.hidden) }
  }

  /// Feeds the cell, from a state of 0.
  ///
  /// - Parameter sequence: vectors of `inputs` finite numbers.
  /// - Throws: `dimension` or `notFinite`.
  /// - Complexity: O(weights) a step.
  public func run(_ sequence: [[Double]]) throws(LearningError) -> Trace {
    var steps: [Trace.Step] = []
    var state = [Double](repeating: 0, count: hidden)
    for input in sequence {
      guard input.count == inputs else { throw .dimension(expected: inputs, given: input.count) }
      try input.checkFinite()
      steps.append(step(input, from: state))
      state = steps[steps.count - 1].after
    }
    return Trace(cell: self, steps: steps)
  }

  private func step(_ input: [Double], from before: [Double]) -> Trace.Step {
    let (zeta, nu) = (sigmoid(weights[zeta]), sigmoid(weights[zeta + 1]))
    var gate: [Double] = []
    var candidate: [Double] = []
    var after: [Double] = []
    for row in 0..<hidden {
      var sum = 0.0
      for column in 0..<inputs { sum += weights[row * inputs + column] * input[column] }
      for column in 0..<hidden { sum += weights[recurrent + row * hidden + column] * before[column] }
      let z = sigmoid(sum + weights[gateBias + row])
      let c = tanh(sum + weights[candidateBias + row])
      gate.append(z)
      candidate.append(c)
      after.append((zeta * (1 - z) + nu) * c + z * before[row])
    }
    return Trace.Step(input: input, before: before, gate: gate, candidate: candidate, after: after)
  }
}

extension FastGRNNCell.Trace {
  /// The gradient of a loss by every weight, by backpropagation through all steps.
  ///
  /// - Parameter state: the gradient by the last state.
  /// - Returns: in the order of `weights`.
  /// - Throws: `dimension` unless it has `hidden` numbers.
  /// - Complexity: O(weights) a step.
  public func gradient(state: [Double]) throws(LearningError) -> [Double] {
    let hidden = cell.hidden
    guard state.count == hidden else { throw .dimension(expected: hidden, given: state.count) }
    let (zeta, nu) = (sigmoid(cell.weights[cell.zeta]), sigmoid(cell.weights[cell.zeta + 1]))
    var gradient = [Double](repeating: 0, count: cell.weights.count)
    var after = state
    for step in steps.reversed() {
      var before = [Double](repeating: 0, count: hidden)
      for row in 0..<hidden {
        let (z, c) = (step.gate[row], step.candidate[row])
        let byGate = after[row] * (step.before[row] - zeta * c) * z * (1 - z)
        let byCandidate = after[row] * (zeta * (1 - z) + nu) * (1 - c * c)
        gradient[cell.zeta] += after[row] * (1 - z) * c * zeta * (1 - zeta)
        gradient[cell.zeta + 1] += after[row] * c * nu * (1 - nu)
        gradient[cell.gateBias + row] += byGate
        gradient[cell.candidateBias + row] += byCandidate
        let bySum = byGate + byCandidate
        for column in 0..<cell.inputs { gradient[row * cell.inputs + column] += bySum * step.input[column] }
        for column in 0..<hidden {
          let place = cell.recurrent + row * hidden + column
          gradient[place] += bySum * step.before[column]
          before[column] += bySum * cell.weights[place]
        }
        before[row] += after[row] * z
      }
      after = before
    }
    return gradient
  }
}

private func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }

extension [Double] {
  /// - Throws: `notFinite` with the first position, from 1.
  func checkFinite() throws(LearningError) {
    if let position = firstIndex(where: { !$0.isFinite }) { throw .notFinite(position: position + 1) }
  }
}
