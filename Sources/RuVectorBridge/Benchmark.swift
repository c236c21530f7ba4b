// swift-format-ignore-file: AlwaysUseLowerCamelCase

// The names of the functions are those of ruvector_abi.h.
import CShim
import LearningCore

@c @implementation
public func rv_recall_by_identity(
  _ exact: UnsafePointer<rv_identifiers>, _ found: UnsafePointer<rv_identifiers>
) -> Double {
  Recall.byIdentity(exact: Set(strings(exact.pointee) ?? []), found: Set(strings(found.pointee) ?? [])) ?? .nan
}

@c @implementation
public func rv_bounded_mean(
  _ host: UnsafePointer<rv_host>, _ numbers: UnsafePointer<Double>?, _ count: Int32, _ least: Double,
  _ greatest: Double, _ mean: UnsafeMutablePointer<rv_interval>, _ error: UnsafeMutablePointer<rv_error>
) -> rv_status {
  guarded(error) { () throws(LearningError) in
    guard least < greatest else { throw .range(value: 0, argument: 5) }
    let result = try BoundedMean(
      elements(numbers, count, argument: 3), in: least...greatest,
      check: { () throws(LearningError) in
        if rv_host_poll(host) != RV_OK { throw .cancelled }
      })
    mean.pointee = rv_interval(result?.mean, result?.bounds.lowerBound, result?.bounds.upperBound)
  }
}

@c @implementation
public func rv_mean_ratio(
  _ numerators: UnsafePointer<Double>?, _ denominators: UnsafePointer<Double>?, _ count: Int32,
  _ ratio: UnsafeMutablePointer<rv_interval>, _ error: UnsafeMutablePointer<rv_error>
) -> rv_status {
  guarded(error) { () throws(LearningError) in
    let numerators = try elements(numerators, count, argument: 3)
    let result = RatioInterval(
      numerators.enumerated().map { (numerator: $1, denominator: denominators?[$0] ?? 1) })
    ratio.pointee = rv_interval(result?.ratio, result?.bounds?.lowerBound, result?.bounds?.upperBound)
  }
}

@c @implementation
public func rv_quantile(
  _ numbers: UnsafePointer<Double>?, _ count: Int32, _ share: Double, _ quantile: UnsafeMutablePointer<rv_interval>,
  _ error: UnsafeMutablePointer<rv_error>
) -> rv_status {
  guarded(error) { () throws(LearningError) in
    let result = try QuantileInterval(Array(elements(numbers, count, argument: 2)), share: share)
    quantile.pointee = rv_interval(result?.quantile, result?.low, result?.high)
  }
}

extension rv_interval {
  fileprivate init(_ value: Double?, _ low: Double?, _ high: Double?) {
    self.init(value: value ?? .nan, low: low ?? .nan, high: high ?? .nan)
  }
}
