import Glibc

/// Trains a router on what came of earlier choices: the better it was, the more a choice is imitated.
///
/// It starts from the constant answer, the weighted mean of what was chosen, and keeps the weights that did best on
/// outcomes held out: what it learned can be no worse on those.
///
/// - Source: Kingma, Ba 2015 (Adam); Prechelt 1998, *Early stopping, but when?*
public struct RouterTrainer: Sendable {
  public struct Outcome: Sendable {
    /// Finite, of one length.
    public let features: [Double]
    /// In the router's space.
    public let values: [Double]
    /// What came of them, such as `Trial.quality`, 0...1.
    public let quality: Double

    public init(features: [Double], values: [Double], quality: Double) {
      self.features = features
      self.values = values
      self.quality = quality
    }
  }

  /// Numbers in the state of the cell: enough for rules of a few steps in a handful of features.
  public var hidden = 8
  /// Of Adam; a tenth of it is the paper's, for networks far larger.
  public var rate = 0.01
  /// Of half the sum of squared matrix entries, beside the mean loss; biases are free.  Weak: what keeps the network from
  /// learning by heart is when it ends.
  public var l2 = 1e-4
  /// Outcomes a step (Masters, Luschi 2018, *Revisiting small batch training for deep neural networks*: 32 at most).
  public var batch = 32
  /// Passes over the outcomes at most.
  public var epochs = 200
  /// Passes without a better result on those held out, after which it ends.
  public var patience = 20
  /// Outcomes below which nothing is learned (`min_samples` of ruvector_enable_learning).
  public var minSamples = 100

  /// One outcome in so many is held out.
  private static let heldOut = 5

  public init() {}

  /// - Parameters:
  ///   - outcomes: in any order.
  ///   - random: start, order and what is held out; the same seed gives the same router.
  ///   - check: asked now and then whether to go on.
  /// - Returns: nil for fewer than `minSamples` outcomes, or when nothing good came of any.
  /// - Throws: `emptyVector`, `dimension` or `notFinite` for features; `labels` for values outside the space or quality
  ///   outside 0...1; `range` for a setting (argument 1...7: counts, then `rate` and `l2`) that cannot be, or more than
  ///   2²⁰ weights (8); what `check` throws.
  /// - Complexity: O(epochs × outcomes × weights).
  public func router(
    space: ParameterSpace, outcomes: [Outcome], using random: inout some RandomNumberGenerator,
    check: () throws(LearningError) -> Void = {}
  ) throws(LearningError) -> Router? {
    try validate()
    guard let first = outcomes.first, outcomes.count >= minSamples else { return nil }
    try validate(features: first.features.count, space)
    for outcome in outcomes {
      guard outcome.features.count == first.features.count else {
        throw .dimension(expected: first.features.count, given: outcome.features.count)
      }
      try outcome.features.checkFinite()
      guard space.contains(outcome.values), (0...1).contains(outcome.quality) else { throw .labels }
    }
    let shuffled = outcomes.shuffled(using: &random)
    let standard = Router.Standardisation(of: shuffled.map(\.features))
    var samples: [Sample] = []
    for outcome in shuffled where outcome.quality > 0 {
      samples.append(
        Sample(
          input: try standard(outcome.features), targets: RouterNetwork.targets(of: outcome.values, in: space),
          weight: outcome.quality))
    }
    let heldOut = samples.prefix(samples.count / Self.heldOut)
    let training = Array(samples.dropFirst(heldOut.count))
    guard !heldOut.isEmpty else { return nil }
    let start = RouterNetwork(
      space: space, cell: FastGRNNCell(inputs: first.features.count, hidden: hidden, using: &random),
      biases: Self.constantAnswer(training, in: space))
    let network = try fitted(start, to: training, heldOut: heldOut, using: &random, check)
    return Router(standard: standard, network: network, errors: try Self.errors(of: network, on: heldOut))
  }

  private struct Sample {
    let input: [Double]
    let targets: [[Double]]
    let weight: Double
  }

  private func validate() throws(LearningError) {
    for (position, setting) in [hidden, batch, epochs, patience, minSamples].enumerated() where setting < 1 {
      throw .range(value: setting, argument: position + 1)
    }
    for (position, setting) in [rate, l2].enumerated() where !(setting >= 0 && setting.isFinite) {
      throw .range(value: -1, argument: position + 6)
    }
  }

  /// Each size by itself first, so that the number of weights does not overflow.
  private func validate(features: Int, _ space: ParameterSpace) throws(LearningError) {
    guard features > 0 else { throw .emptyVector }
    for size in [features, hidden, space.parameters.count] + space.parameters.map(\.width)
    where size > FastGRNNCell.most {
      throw .range(value: size, argument: 8)
    }
    let weights = FastGRNNCell.size(inputs: features, hidden: hidden) + RouterNetwork.heads(of: space, hidden: hidden)
    guard weights <= FastGRNNCell.most else { throw .range(value: weights, argument: 8) }
  }

  /// What each output is where features are not looked at: of a number its mean place, of a choice the logarithm of its
  /// share, each counted once more than it was made.
  private static func constantAnswer(_ samples: some Collection<Sample>, in space: ParameterSpace) -> [Double] {
    let total = samples.reduce(0) { $0 + $1.weight }
    return space.parameters.indices.flatMap { position in
      let width = space.parameters[position].width
      return (0..<width).map { output in
        let sum = samples.reduce(0) { $0 + $1.weight * $1.targets[position][output] }
        if case .choice = space.parameters[position] { return log((sum + 1) / (total + Double(width))) }
        return sum / total
      }
    }
  }

  private func fitted(
    _ start: RouterNetwork, to samples: [Sample], heldOut: some Collection<Sample>,
    using random: inout some RandomNumberGenerator, _ check: () throws(LearningError) -> Void
  ) throws(LearningError) -> RouterNetwork {
    var network = start
    var weights = start.weights
    var adam = Adam(count: weights.count, rate: rate)
    var best = (network: start, loss: try Self.loss(of: start, on: heldOut), epoch: 0)
    for epoch in 1...epochs where epoch - best.epoch <= patience {
      let order = samples.indices.shuffled(using: &random)
      for first in stride(from: 0, to: order.count, by: batch) {
        try check()
        let batch = order[first..<min(first + batch, order.count)].map { samples[$0] }
        adam.step(&weights, try gradient(of: network, on: batch))
        network.weights = weights
      }
      let loss = try Self.loss(of: network, on: heldOut)
      if loss < best.loss, weights.allSatisfy(\.isFinite) { best = (network, loss, epoch) }
    }
    return best.network
  }

  private func gradient(of network: RouterNetwork, on batch: [Sample]) throws(LearningError) -> [Double] {
    var gradient = network.matrixEntries.map { l2 * $0 }
    let total = batch.reduce(0) { $0 + $1.weight }
    for sample in batch {
      let own = try network.gradient(sample.input, targets: sample.targets)
      for position in gradient.indices { gradient[position] += sample.weight / total * own[position] }
    }
    return gradient
  }

  private static func loss(
    of network: RouterNetwork, on samples: some Collection<Sample>
  ) throws(LearningError) -> Double {
    var sum = 0.0
    for sample in samples { sum += sample.weight * (try network.loss(sample.input, targets: sample.targets)) }
    return sum
  }

  private static func errors(
    of network: RouterNetwork, on samples: some Collection<Sample>
  ) throws(LearningError) -> [Double] {
    var squares = [Double](repeating: 0, count: network.space.parameters.count)
    for sample in samples {
      for (position, output) in try network.outputs(sample.input).enumerated() where output.count == 1 {
        let error = min(max(output[0], 0), 1) - sample.targets[position][0]
        squares[position] += sample.weight * error * error
      }
    }
    let total = samples.reduce(0) { $0 + $1.weight }
    return squares.map { ($0 / total).squareRoot() }
  }
}

extension Router.Standardisation {
  /// - Parameter rows: finite, of one length.
  init(of rows: [[Double]]) {
    let moments = (rows.first ?? []).indices.map { position in Moments(rows.map { $0[position] }) }
    means = moments.map { $0.mean.isFinite ? $0.mean : 0 }
    deviations = moments.map {
      let deviation = ($0.squaredDeviations / Double($0.count)).squareRoot()
      // What does not vary beyond the precision of doubles says nothing, nor does what overflows them.
      return deviation > 1e-12 * abs($0.mean) ? deviation : .infinity
    }
  }
}
