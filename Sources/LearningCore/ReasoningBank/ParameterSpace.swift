import Glibc

/// What can be chosen for one query: typed parameters, each with its range.
public struct ParameterSpace: Equatable, Sendable {
  public enum Scale: Int32, Sendable {
    case linear = 0
    /// Ratios count, not differences; the range lies above 0.
    case logarithmic = 1
  }

  public enum Parameter: Equatable, Sendable {
    case integer(ClosedRange<Double>, Scale)
    case float(ClosedRange<Double>, Scale)
    /// One of so many choices, told by its position from 0.
    case choice(Int)
  }

  public let parameters: [Parameter]

  /// - Throws: `range` (argument: position of the parameter, from 1) for a range that is not finite, a logarithmic one
  ///   that does not lie above 0, integer bounds that are not integers, or no choice.
  public init(_ parameters: [Parameter]) throws(LearningError) {
    for (position, parameter) in parameters.enumerated() {
      guard Self.isPossible(parameter) else { throw .range(value: position + 1, argument: position + 1) }
    }
    self.parameters = parameters
  }

  private static func isPossible(_ parameter: Parameter) -> Bool {
    func spans(_ range: ClosedRange<Double>, _ scale: Scale) -> Bool {
      range.lowerBound.isFinite && range.upperBound.isFinite && (scale == .linear || range.lowerBound > 0)
    }
    return switch parameter {
    case .integer(let range, let scale):
      spans(range, scale) && range.lowerBound == range.lowerBound.rounded()
        && range.upperBound == range.upperBound.rounded() && max(-range.lowerBound, range.upperBound) <= 0x1p53
    case .float(let range, let scale): spans(range, scale)
    case .choice(let count): count >= 1
    }
  }

  /// Whether each value is one of its parameter.
  public func contains(_ values: [Double]) -> Bool {
    values.count == parameters.count
      && zip(values, parameters).allSatisfy { value, parameter in
        switch parameter {
        case .integer(let range, _): range.contains(value) && value == value.rounded()
        case .float(let range, _): range.contains(value)
        case .choice(let count): value >= 0 && value < Double(count) && value == value.rounded()
        }
      }
  }

  /// What lies between several values: of numbers the weighted mean on their scale (of a logarithmic one the geometric
  /// mean), of choices the one with the greatest weight, the first of equals.
  ///
  /// - Parameter weighted: values in this space, weights finite and not negative.
  /// - Returns: nil when the weights sum to 0.
  public func blend(_ weighted: [(values: [Double], weight: Double)]) -> [Double]? {
    let total = weighted.reduce(0) { $0 + $1.weight }
    guard total > 0, total.isFinite else { return nil }
    return parameters.indices.map { position in
      func mean(_ range: ClosedRange<Double>, _ scale: Scale) -> Double {
        let sum = weighted.reduce(0) {
          $0 + $1.weight / total * (scale == .linear ? $1.values[position] : log($1.values[position]))
        }
        return min(max(scale == .linear ? sum : exp(sum), range.lowerBound), range.upperBound)
      }
      switch parameters[position] {
      case .integer(let range, let scale): return mean(range, scale).rounded()
      case .float(let range, let scale): return mean(range, scale)
      case .choice(let count):
        var votes = [Double](repeating: 0, count: count)
        for (values, weight) in weighted { votes[Int(values[position])] += weight }
        return Double(votes.indices.max { votes[$0] < votes[$1] || (votes[$0] == votes[$1] && $0 > $1) } ?? 0)
      }
    }
  }
}
