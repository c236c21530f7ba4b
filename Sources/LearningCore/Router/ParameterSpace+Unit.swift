import Glibc

extension ParameterSpace.Parameter {
  /// Outputs that tell a value: one for each choice, else one, its place on the scale.
  var width: Int {
    if case .choice(let count) = self { count } else { 1 }
  }

  /// A number as its place on its scale, 0...1; 0 where the range is a point; nil for a choice.
  func unit(of value: Double) -> Double? {
    guard let (range, scale) = scaled else { return nil }
    let (low, high) = (scale(range.lowerBound), scale(range.upperBound))
    return high > low ? min(max((scale(value) - low) / (high - low), 0), 1) : 0
  }

  /// The number at a place on its scale, in range; of an integer the nearest; nil for a choice.
  func value(atUnit unit: Double) -> Double? {
    guard let (range, scale) = scaled else { return nil }
    let (low, high) = (scale(range.lowerBound), scale(range.upperBound))
    let place = low + min(max(unit, 0), 1) * (high - low)
    let value = min(max(isLogarithmic ? exp(place) : place, range.lowerBound), range.upperBound)
    if case .integer = self { return value.rounded() }
    return value
  }

  private var isLogarithmic: Bool {
    switch self {
    case .integer(_, let scale), .float(_, let scale): scale == .logarithmic
    case .choice: false
    }
  }

  private var scaled: (range: ClosedRange<Double>, scale: (Double) -> Double)? {
    switch self {
    case .integer(let range, let scale), .float(let range, let scale):
      (range, scale == .logarithmic ? { log($0) } : { $0 })
    case .choice: nil
    }
  }
}
