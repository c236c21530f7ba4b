// swift-format-ignore-file: AlwaysUseLowerCamelCase

// The names of the functions are those of ruvector_abi.h.
import CShim
import LearningCore

@c @implementation
public func rv_ladder_build(
  _ kind: Int32, _ maximum: Int32, _ setting: Int32, _ certified: UnsafePointer<Int32>?, _ certifiedCount: Int32,
  _ out: UnsafeMutablePointer<Int32>, _ count: UnsafeMutablePointer<Int32>, _ error: UnsafeMutablePointer<rv_error>
) -> rv_status {
  guarded(error) { () throws(LearningError) in
    guard let kind = IndexKind(rawValue: kind) else { throw .range(value: Int(kind), argument: 1) }
    let certified = try elements(certified, certifiedCount, argument: 4)
    let values = try ParameterLadder(kind, maximum: maximum, setting: setting, certified: certified).values
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
  _ regions: UnsafeMutablePointer<rv_regions>, _ verdict: UnsafeMutablePointer<rv_verdict>,
  _ error: UnsafeMutablePointer<rv_error>
) -> rv_status {
  guarded(error) { () throws(LearningError) in
    let result = try Verdict(
      judging: LabelMatrix(labels.pointee), goal: Verdict.Goal(goal.pointee, StopRegions(regions.pointee)),
      check: { () throws(LearningError) in
        if rv_host_poll(host) != RV_OK { throw .cancelled }
      })
    try write(result, to: verdict, &regions.pointee)
  }
}

@c @implementation
public func rv_watch_observe(
  _ watch: UnsafeMutablePointer<rv_watch>, _ labels: UnsafePointer<rv_labels>, _ goal: UnsafePointer<rv_goal>,
  _ regions: UnsafePointer<rv_regions>, _ alarm: UnsafeMutablePointer<Bool>, _ error: UnsafeMutablePointer<rv_error>
) -> rv_status {
  guarded(error) { () throws(LearningError) in
    var state = try Watch(watch.pointee)
    if let applied = try Watch.Applied(goal.pointee, StopRegions(regions.pointee)) {
      let recall = RecallGoal(mean: goal.pointee.target, tail: goal.pointee.target_tail)
      state.observe(try LabelMatrix(labels.pointee), of: applied, goal: recall)
    }
    watch.pointee.keep(state)
    alarm.pointee = state.isAlarmed
  }
}

@c @implementation
public func rv_query_mix(
  _ host: UnsafePointer<rv_host>, _ queries: UnsafePointer<rv_queries>, _ change: UnsafeMutablePointer<rv_mix_change>,
  _ error: UnsafeMutablePointer<rv_error>
) -> rv_status {
  change.pointee = rv_mix_change(since: -1, noticed: -1, distance: .nan)
  return guarded(error) { () throws(LearningError) in
    let count = queries.pointee.count
    var facts: [[Float]] = []
    for column in [queries.pointee.k, queries.pointee.passing] {
      facts.append(Array(try elements(column, count, argument: 2)))
    }
    var vectors: VectorMatrix?
    if let start = queries.pointee.embedding, queries.pointee.dims > 0, count > 0 {
      let dims = Int(queries.pointee.dims)
      // One query that lies too far out to be compared must not end all verdicts.
      vectors = try? VectorMatrix(
        (0..<Int(count)).map { Array(UnsafeBufferPointer(start: start + $0 * dims, count: dims)) })
    }
    // The order of what is tested was fixed by chance already: the lots for ties may be the same each time.
    var random = SplitMix64(seed: 0)
    let found = try QueryMix.change(
      vectors: vectors, facts: facts, using: &random,
      check: { () throws(LearningError) in
        if rv_host_poll(host) != RV_OK { throw .cancelled }
      })
    if let found {
      change.pointee = rv_mix_change(
        since: Int32(clamping: found.since), noticed: Int32(clamping: found.noticed), distance: found.distance)
    }
  }
}

@c @implementation
public func rv_regions_capacity(_ dims: Int32) -> Int64 {
  Int64(BankImage.size(patterns: StopRegions.capacity, dimension: Int(max(1, dims)), parameters: 0) ?? 0)
}

@c @implementation
public func rv_regions_scale(
  _ image: UnsafeRawPointer, _ bytes: Int64, _ query: UnsafePointer<Float>, _ count: Int32
) -> Double {
  let image = BankImage(trusting: UnsafeRawBufferPointer(start: image, count: Int(max(0, bytes))))
  return image?.scale(at: UnsafeBufferPointer(start: query, count: Int(max(0, count)))) ?? 1
}

extension StopRegions {
  /// - Returns: nil when there are none.
  fileprivate init?(_ regions: rv_regions) throws(LearningError) {
    guard regions.bytes > 0, let image = regions.image else { return nil }
    try self.init(image: Array(UnsafeRawBufferPointer(start: image, count: Int(regions.bytes))))
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
      blocksAtSetting: Array(UnsafeBufferPointer(start: labels.setting_blocks, count: Int(labels.count))),
      timed: Self.timed(labels), searches: Self.searches(labels))
  }

  private static func timed(_ labels: rv_labels) -> [(blocks: Float, microseconds: Float)] {
    guard let blocks = labels.timed_blocks, let times = labels.timed_us else { return [] }
    return (0..<Int(labels.count)).map { (blocks: blocks[$0], microseconds: times[$0]) }.filter {
      !$0.blocks.isNaN && !$0.microseconds.isNaN
    }
  }

  private static func embedding(_ label: Int, of labels: rv_labels) -> [Float] {
    guard let start = labels.embedding, labels.dims > 0 else { return [] }
    let dims = Int(labels.dims)
    return Array(UnsafeBufferPointer(start: start + label * dims, count: dims))
  }

  private static func searches(_ labels: rv_labels) throws(LearningError) -> [BatchedSearch] {
    if labels.stages == 0 { return [] }
    guard (1...RV_STAGES_MAX).contains(labels.stages), let stages = labels.stage, let forFitting = labels.for_fitting
    else { throw .labels }
    let width = Int(labels.stages) * BatchedSearch.width
    var searches: [BatchedSearch] = []
    for label in 0..<Int(labels.count) {
      let measured = UnsafeBufferPointer(start: stages + label * width, count: width)
      searches.append(
        try BatchedSearch(measured, embedding: embedding(label, of: labels), isForFitting: forFitting[label]))
    }
    return searches
  }
}

extension Verdict.Goal {
  fileprivate init(_ goal: rv_goal, _ regions: StopRegions?) throws(LearningError) {
    let rule = try goal.rule.flatMap { rule throws(LearningError) in try StopRule(rule, regions) }
    try self.init(
      recall: RecallGoal(mean: goal.target, tail: goal.target_tail), minSamples: Int(goal.min_samples),
      setting: goal.setting == 0 ? nil : goal.setting, rule: rule,
      inForce: InForce(value: goal.applied, multiplier: Float(goal.applied_lambda)))
  }
}

extension Watch.Applied {
  /// - Returns: nil when nothing is.
  fileprivate init?(_ goal: rv_goal, _ regions: StopRegions?) throws(LearningError) {
    let rule = try goal.rule.flatMap { rule throws(LearningError) in try StopRule(rule, regions) }
    if let rule, goal.applied_lambda > 0 {
      self = .stopRule(rule, multiplier: Float(goal.applied_lambda))
    } else if goal.applied != 0 {
      self = .value(goal.applied)
    } else {
      return nil
    }
  }
}

extension Watch {
  fileprivate init(_ state: rv_watch) throws(LearningError) {
    guard let labels = Int(exactly: state.labels), let recent = Int(exactly: state.recent_labels),
      min(labels, recent) >= 0
    else { throw .labels }
    self.init(
      labels: labels, recall: labels > 0 ? state.recall : nil, recentLabels: recent,
      recentRecall: recent > 0 ? state.recent_recall : nil, mean: DropDetector(state.mean),
      tail: DropDetector(state.tail))
  }
}

extension rv_watch {
  fileprivate mutating func keep(_ watch: Watch) {
    (labels, recall) = (Double(watch.labels), watch.recall ?? 0)
    (recent_labels, recent_recall) = (Double(watch.recentLabels), watch.recentRecall ?? 0)
    (mean, tail) = (watch.mean.numbers, watch.tail.numbers)
  }
}

extension DropDetector {
  fileprivate typealias Numbers = (Double, Double, Double, Double, Double)

  fileprivate init(_ numbers: Numbers) {
    self.init(wealth: SIMD4(numbers.0, numbers.1, numbers.2, numbers.3), best: numbers.4)
  }

  fileprivate var numbers: Numbers { (wealth[0], wealth[1], wealth[2], wealth[3], best) }
}

extension StopRule {
  /// - Returns: nil when none is fitted.
  fileprivate init?(_ rule: UnsafePointer<rv_stop_rule>, _ regions: StopRegions?) throws(LearningError) {
    let stages = rule.pointee.stages
    if stages == 0 { return nil }
    guard (1...RV_STAGES_MAX).contains(stages) else { throw .range(value: Int(stages), argument: 3) }
    try self.init(
      stages: UnsafeBufferPointer(start: rv_rule_stages(rule), count: Int(stages)).map { StopStage($0) },
      labels: Int(rule.pointee.fitted), regions: regions)
    guard regions?.checksum ?? 0 == rule.pointee.regions else { throw .labels }
  }
}

private func write(
  _ result: Verdict, to verdict: UnsafeMutablePointer<rv_verdict>, _ regions: inout rv_regions
) throws(LearningError) {
  UnsafeMutableRawPointer(verdict).initializeMemory(
    as: UInt8.self, repeating: 0, count: MemoryLayout<rv_verdict>.size)
  verdict.pointee.state = result.state.rawValue
  (verdict.pointee.chosen, verdict.pointee.chosen_stop) = (-1, -1)
  switch result.choice {
  case .value(let position): verdict.pointee.chosen = Int32(position)
  case .multiplier(let position, _): verdict.pointee.chosen_stop = Int32(position)
  case nil: break
  }
  verdict.pointee.cost_ratio = result.cost?.ratio ?? .nan
  verdict.pointee.cost_ratio_low = result.cost?.bounds?.lowerBound ?? .nan
  verdict.pointee.cost_ratio_high = result.cost?.bounds?.upperBound ?? .nan
  verdict.pointee.setting_p50 = result.percentilesAtSetting.map { Double($0.x) } ?? .nan
  verdict.pointee.setting_p95 = result.percentilesAtSetting.map { Double($0.y) } ?? .nan
  verdict.pointee.setting_p99 = result.percentilesAtSetting.map { Double($0.z) } ?? .nan
  verdict.pointee.rungs = Int32(result.fixed.rungs.count)
  write(result.fixed.rungs.map { rv_rung($0) }, to: &verdict.pointee.rung)
  regions.bytes = 0
  guard let stop = result.stopRule else { return }
  if let image = stop.rule.regions?.image, let room = regions.image {
    guard image.count <= regions.capacity else { throw .range(value: image.count, argument: 4) }
    image.withUnsafeBytes { UnsafeMutableRawBufferPointer(start: room, count: image.count).copyMemory(from: $0) }
    regions.bytes = Int64(image.count)
    verdict.pointee.stop.regions = stop.rule.regions?.checksum ?? 0
  }
  verdict.pointee.fitted_anew = stop.isFittedAnew
  verdict.pointee.regions_ratio = stop.regionsTrial?.ratio ?? .nan
  verdict.pointee.regions_p = stop.regionsTrial?.p ?? .nan
  verdict.pointee.stop.stages = Int32(stop.rule.stages.count)
  verdict.pointee.stop.rungs = Int32(stop.rungs.count)
  verdict.pointee.stop.fitted = Int32(stop.rule.labels)
  write(stop.rule.stages.map { rv_stop_stage($0) }, to: &verdict.pointee.stop.stage)
  write(stop.rungs.map { rv_rung($0) }, to: &verdict.pointee.stop.rung)
}

extension rv_rung {
  fileprivate init(_ rung: CertifiedRung) {
    self.init(
      value: rung.value, labels: Int32(rung.labels), recall: rung.recall ?? .nan, bound: rung.bound ?? .nan,
      tail: rung.tail ?? .nan, tail_bound: rung.tailBound ?? .nan, blocks: rung.blocks ?? .nan,
      blocks_p50: rung.percentiles?.x ?? .nan, blocks_p95: rung.percentiles?.y ?? .nan,
      blocks_p99: rung.percentiles?.z ?? .nan, us: rung.microseconds ?? .nan)
  }
}

extension rv_stop_stage {
  fileprivate init(_ stage: StopStage) {
    let weights = stage.weights
    self.init(
      weight: (weights.x, weights.y, weights.z, weights.w), next_blocks: stage.nextBlocks,
      least_worth: stage.leastWorth)
  }
}
