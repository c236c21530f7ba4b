/// Gradient descent whose steps adapt to each weight.
///
/// - Source: Kingma, Ba 2015, *Adam: a method for stochastic optimization*, algorithm 1 with its decay rates.
struct Adam {
  private let rate: Double
  private var mean: [Double]
  private var square: [Double]
  /// β₁ᵗ, β₂ᵗ
  private var decayed = (mean: 1.0, square: 1.0)

  private static let decay = (mean: 0.9, square: 0.999)
  private static let epsilon = 1e-8

  init(count: Int, rate: Double) {
    self.rate = rate
    mean = [Double](repeating: 0, count: count)
    square = mean
  }

  /// - Parameter gradient: as long as `weights`, like the count at the start.
  mutating func step(_ weights: inout [Double], _ gradient: [Double]) {
    decayed.mean *= Self.decay.mean
    decayed.square *= Self.decay.square
    for position in mean.indices {
      mean[position] += (1 - Self.decay.mean) * (gradient[position] - mean[position])
      square[position] += (1 - Self.decay.square) * (gradient[position] * gradient[position] - square[position])
      weights[position] -=
        rate * mean[position] / (1 - decayed.mean)
        / ((square[position] / (1 - decayed.square)).squareRoot() + Self.epsilon)
    }
  }
}
