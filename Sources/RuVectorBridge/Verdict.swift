// swift-format-ignore-file: AlwaysUseLowerCamelCase
// The names of the functions are those of ruvector_abi.h.
import CShim
import LearningCore

@c @implementation
public func rv_ladder_build(
  _ kind: Int32, _ maximum: Int32, _ setting: Int32, _ out: UnsafeMutablePointer<Int32>,
  _ count: UnsafeMutablePointer<Int32>, _ error: UnsafeMutablePointer<rv_error>
) -> rv_status {
  guarded(error) { () throws(LearningError) in
    guard let kind = IndexKind(rawValue: kind) else { throw .range(value: Int(kind), argument: 1) }
    let values = try ParameterLadder(kind, maximum: maximum, setting: setting).values
    for (position, value) in values.enumerated() { out[position] = value }
    count.pointee = Int32(values.count)
  }
}

@c @implementation
public func rv_recall(
  _ exact: UnsafePointer<Double>?, _ exactCount: Int32, _ found: UnsafePointer<Double>?, _ foundCount: Int32,
  _ k: Int32, _ recall: UnsafeMutablePointer<Double>, _ known: UnsafeMutablePointer<Bool>,
  _ error: UnsafeMutablePointer<rv_error>
) -> rv_status {
  guarded(error) { () throws(LearningError) in
    let value = try Recall.at(
      k: Int(k), exact: elements(exact, exactCount, argument: 2).span,
      found: elements(found, foundCount, argument: 4).span)
    recall.pointee = value ?? .nan
    known.pointee = value != nil
  }
}

@c @implementation
public func rv_verdict_judge(
  _ host: UnsafePointer<rv_host>, _ labels: UnsafePointer<rv_labels>, _ goal: UnsafePointer<rv_goal>,
  _ verdict: UnsafeMutablePointer<rv_verdict>, _ error: UnsafeMutablePointer<rv_error>
) -> rv_status {
  guarded(error) { () throws(LearningError) in
    let result = try FixedValueVerdict(
      judging: LabelMatrix(labels.pointee), goal: FixedValueVerdict.Goal(goal.pointee),
      check: { () throws(LearningError) in
        if rv_host_poll(host) != RV_OK { throw .cancelled }
      })
    write(result, to: verdict)
  }
}

extension LabelMatrix {
  fileprivate init(_ labels: rv_labels) throws(LearningError) {
    let (measurements, overflow) = labels.count.multipliedReportingOverflow(by: labels.rungs)
    guard !overflow, labels.count >= 0, labels.rungs >= 1, let values = labels.values,
      measurements == 0 || (labels.recall != nil && labels.blocks != nil && labels.setting_blocks != nil)
    else { throw .labels }
    try self.init(
      values: Array(UnsafeBufferPointer(start: values, count: Int(labels.rungs))),
      recall: Array(UnsafeBufferPointer(start: labels.recall, count: Int(measurements))),
      blocks: Array(UnsafeBufferPointer(start: labels.blocks, count: Int(measurements))),
      blocksAtSetting: Array(UnsafeBufferPointer(start: labels.setting_blocks, count: Int(labels.count))))
  }
}

extension FixedValueVerdict.Goal {
  fileprivate init(_ goal: rv_goal) throws(LearningError) {
    try self.init(
      target: goal.target, minSamples: Int(goal.min_samples), setting: goal.setting == 0 ? nil : goal.setting,
      applied: goal.applied == 0 ? nil : goal.applied, appliedLabels: Int(goal.applied_labels))
  }
}

private func write(_ result: FixedValueVerdict, to verdict: UnsafeMutablePointer<rv_verdict>) {
  UnsafeMutableRawPointer(verdict).initializeMemory(
    as: UInt8.self, repeating: 0, count: MemoryLayout<rv_verdict>.size)
  verdict.pointee.state = result.state.rawValue
  verdict.pointee.chosen = Int32(result.chosen ?? -1)
  verdict.pointee.rungs = Int32(result.rungs.count)
  verdict.pointee.cost_ratio = result.cost?.ratio ?? .nan
  verdict.pointee.cost_ratio_low = result.cost?.bounds?.lowerBound ?? .nan
  verdict.pointee.cost_ratio_high = result.cost?.bounds?.upperBound ?? .nan
  verdict.pointee.watch_recall = result.watch?.recall ?? .nan
  verdict.pointee.watch_upper = result.watch?.upper ?? .nan
  verdict.pointee.watch_labels = Int32(result.watch?.labels ?? 0)
  let rungs = UnsafeMutablePointer(mutating: rungs(of: UnsafePointer(verdict)))
  for (position, rung) in result.rungs.enumerated() {
    rungs[position] = rv_rung(
      value: rung.value, labels: Int32(rung.labels), recall: rung.recall ?? .nan, bound: rung.bound ?? .nan,
      blocks: rung.blocks ?? .nan)
  }
}
