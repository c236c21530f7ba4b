import Glibc

/// A cell, and on its last state a linear head for each parameter of a space: one output for the place of a number on
/// its scale, one for the log odds of each choice.
public struct RouterNetwork: Equatable, Sendable {
  public let space: ParameterSpace
  public private(set) var cell: FastGRNNCell
  /// By rows, one for each output: a weight for each hidden number, then the bias.
  public private(set) var heads: [Double]

  static func heads(of space: ParameterSpace, hidden: Int) -> Int {
    space.parameters.reduce(0) { $0 + $1.width } * (hidden + 1)
  }

  /// - Throws: `dimension` or `notFinite`, of the weights of the heads.
  public init(space: ParameterSpace, cell: FastGRNNCell, heads: [Double]) throws(LearningError) {
    let count = Self.heads(of: space, hidden: cell.hidden)
    guard heads.count == count else { throw .dimension(expected: count, given: heads.count) }
    try heads.checkFinite()
    self.space = space
    self.cell = cell
    self.heads = heads
  }

  /// Heads that give the constant answer: `biases`, one for each output.
  init(space: ParameterSpace, cell: FastGRNNCell, biases: [Double]) {
    self.space = space
    self.cell = cell
    heads = biases.flatMap { [Double](repeating: 0, count: cell.hidden) + [$0] }
  }

  /// Of the cell, then of the heads.
  public internal(set) var weights: [Double] {
    get { cell.weights + heads }
    set {
      cell.weights = Array(newValue.prefix(cell.weights.count))
      heads = Array(newValue.dropFirst(cell.weights.count))
    }
  }

  /// `weights` with 0 for all that is no entry of a matrix.
  var matrixEntries: [Double] {
    let (matrices, row) = (cell.hidden * (cell.inputs + cell.hidden), cell.hidden + 1)
    return cell.weights.indices.map { $0 < matrices ? cell.weights[$0] : 0 }
      + heads.indices.map { $0 % row < cell.hidden ? heads[$0] : 0 }
  }

  /// For each parameter the place on its scale, not yet limited to 0...1, or the probability of each choice.
  ///
  /// - Throws: `dimension` or `notFinite`.
  public func outputs(_ input: [Double]) throws(LearningError) -> [[Double]] {
    outputs(state: try cell.run([input]).state)
  }

  private func outputs(state: [Double]) -> [[Double]] {
    var row = 0
    return space.parameters.map { parameter in
      let raw = (row..<row + parameter.width).map { output in
        let head = heads[output * (state.count + 1)..<(output + 1) * (state.count + 1)]
        return zip(head, state).reduce(head[head.endIndex - 1]) { $0 + $1.0 * $1.1 }
      }
      row += parameter.width
      if case .choice = parameter { return Self.softmax(raw) }
      return raw
    }
  }

  private static func softmax(_ logOdds: [Double]) -> [Double] {
    let greatest = logOdds.max() ?? 0
    let odds = logOdds.map { exp($0 - greatest) }
    let sum = odds.reduce(0, +)
    return odds.map { $0 / sum }
  }

  /// What should have come out for `values`, which `space` contains, as `outputs` says it.
  public static func targets(of values: [Double], in space: ParameterSpace) -> [[Double]] {
    zip(values, space.parameters).map { value, parameter in
      if let unit = parameter.unit(of: value) { return [unit] }
      return (0..<parameter.width).map { Double($0) == value ? 1 : 0 }
    }
  }

  /// Half the squared error of each number and the cross-entropy of each choice, summed.
  ///
  /// - Throws: `dimension` or `notFinite`.
  public func loss(_ input: [Double], targets: [[Double]]) throws(LearningError) -> Double {
    zip(try outputs(input), targets).reduce(0) { sum, pair in
      let (given, target) = pair
      if given.count == 1, target.count == 1 { return sum + (given[0] - target[0]) * (given[0] - target[0]) / 2 }
      // A probability that underflows still costs a finite amount.
      return sum - zip(given, target).reduce(0) { $0 + $1.1 * log(max($1.0, .leastNormalMagnitude)) }
    }
  }

  /// The gradient of `loss`, in the order of `weights`.
  ///
  /// - Throws: `dimension` or `notFinite`.
  public func gradient(_ input: [Double], targets: [[Double]]) throws(LearningError) -> [Double] {
    let trace = try cell.run([input])
    let state = trace.state
    // By squared error and by cross-entropy alike, the gradient by what a head puts out is what it is off by.
    let errors = zip(outputs(state: state), targets).flatMap { zip($0, $1).map { $0 - $1 } }
    var byState = [Double](repeating: 0, count: state.count)
    var byHeads: [Double] = []
    byHeads.reserveCapacity(heads.count)
    for (row, error) in errors.enumerated() {
      for column in state.indices {
        byHeads.append(error * state[column])
        byState[column] += error * heads[row * (state.count + 1) + column]
      }
      byHeads.append(error)
    }
    return try trace.gradient(state: byState) + byHeads
  }
}
