// swift-format-ignore-file: AlwaysUseLowerCamelCase

// The names of the functions are those of ruvector_abi.h.
import CShim
import LearningCore

@c @implementation
public func rv_optimizer_plan(
  _ policy: UnsafePointer<rv_policy>?, _ facts: UnsafePointer<rv_search_facts>,
  _ plan: UnsafeMutablePointer<rv_search_plan>
) {
  let answer = SearchOptimizer.plan(
    SearchFacts(facts, policy), rungs: PublishedRungs(policy),
    multipliers: PublishedRungs(policy.map { rv_policy_rule($0) }))
  plan.pointee = rv_search_plan(
    parameter: answer.parameter, source: answer.source.rawValue, stop: Int32(answer.stop ?? -1),
    rung: Int32(answer.rung ?? -1), filtered: answer.isFiltered)
}

@c @implementation
public func rv_index_prospect(
  _ policy: UnsafePointer<rv_policy>?, _ facts: UnsafePointer<rv_search_facts>,
  _ prospect: UnsafeMutablePointer<rv_prospect>
) {
  prospect.pointee = rv_prospect(
    IndexProspect(
      SearchFacts(facts, policy), rungs: PublishedRungs(policy),
      multipliers: PublishedRungs(policy.map { rv_policy_rule($0) })))
}

@c @implementation
public func rv_index_choose(
  _ prospects: UnsafeMutablePointer<rv_prospect>, _ count: Int32, _ answer: UnsafeMutablePointer<rv_index_choice>
) {
  let prospects = UnsafeMutableBufferPointer(start: prospects, count: Int(max(0, min(count, RV_RIVALS_MAX))))
  let choice = IndexChoice(prospects.lazy.map(IndexProspect.init))
  for position in prospects.indices {
    prospects[position].price = choice?.price(of: IndexProspect(prospects[position])) ?? .nan
  }
  answer.pointee = rv_index_choice(
    best: choice.map { Int32($0.best) } ?? -1, value: choice?.value ?? 0, by_time: choice?.isByTime ?? false)
}

@c @implementation
public func rv_target_within(
  _ policy: UnsafePointer<rv_policy>, _ goal: UnsafePointer<rv_goal>, _ budget: UnsafePointer<rv_budget>,
  _ target: UnsafeMutablePointer<Double>, _ known: UnsafeMutablePointer<Bool>
) {
  let budget = SearchBudget(blocks: Float(budget.pointee.blocks), microseconds: Float(budget.pointee.us))
  let highest = budget.highestRecall(
    values: PublishedRungs(policy),
    multipliers: PublishedRungs(rv_policy_rule(policy)),
    tail: goal.pointee.target_tail > 0 ? goal.pointee.target_tail : nil, minSamples: Int(goal.pointee.min_samples),
    setting: goal.pointee.setting == 0 ? nil : goal.pointee.setting, inForce: policy.pointee.inForce)
  target.pointee = highest ?? .nan
  known.pointee = highest != nil
}

@c @implementation
public func rv_stage_totals(
  _ kind: Int32, _ k: Int32, _ maximum: Int32, _ out: UnsafeMutablePointer<Int32>
) -> Int32 {
  let ladder = StageLadder(IndexKind(orHnsw: kind), k: k, maximum: maximum)
  for stage in ladder.indices { out[stage] = ladder[stage] }
  return Int32(ladder.count)
}

@c @implementation
public func rv_filtered_next(
  _ kind: Int32, _ k: Int32, _ value: Int32, _ least: Int32, _ taken: Int32, _ reach: Int32
) -> Int32 {
  FilteredSearch(IndexKind(orHnsw: kind), k: k, value: value, least: least)
    .next(taken: taken, reach: reach < 1 ? nil : reach) ?? -1
}

@c @implementation
public func rv_stop_here(
  _ stage: UnsafePointer<rv_stop_stage>, _ multiplier: Double, _ scale: Double, _ facts: UnsafePointer<rv_stage_facts>
) -> Bool {
  let facts = StageFacts(nearest: facts.pointee.nearest, kth: facts.pointee.kth, last: facts.pointee.last)
  return StopStage(stage.pointee).ends(after: facts.scaled(by: scale), multiplier: multiplier)
}

@c @implementation
public func rv_stop_next(
  _ rule: UnsafePointer<rv_stop_stage>, _ stages: Int32, _ stage: Int32, _ multiplier: Double
) -> Int32 {
  let rule = UnsafeBufferPointer(start: rule, count: Int(max(0, stages)))
  let next = rule.indices.dropFirst(Int(max(0, stage))).first { StopStage(rule[$0]).canEnd(multiplier: multiplier) }
  return Int32(clamping: next ?? rule.count - 1)
}

/// Published rungs, read where they lie.
private struct PublishedRungs: RandomAccessCollection {
  private let start: UnsafePointer<rv_rung>?
  let endIndex: Int

  var startIndex: Int { 0 }

  init(_ start: UnsafePointer<rv_rung>?, _ count: Int32, capacity: Int32) {
    self.start = start
    endIndex = Int(Swift.max(0, Swift.min(count, capacity)))
  }

  init(_ policy: UnsafePointer<rv_policy>?) {
    self.init(policy.map { rv_policy_rungs($0) }, policy?.pointee.rungs ?? 0, capacity: RV_LADDER_MAX)
  }

  init(_ rule: UnsafePointer<rv_stop_rule>?) {
    let isFitted = (rule?.pointee.stages ?? 0) > 0
    self.init(
      rule.map { rv_rule_rungs($0) }, isFitted ? rule?.pointee.rungs ?? 0 : 0, capacity: RV_MULTIPLIERS_MAX)
  }

  subscript(position: Int) -> CertifiedRung {
    guard let start, indices.contains(position) else {
      return CertifiedRung(value: 0, labels: 0, recall: nil, bound: nil, blocks: nil)
    }
    let rung = start[position]
    return CertifiedRung(
      value: rung.value, labels: Int(rung.labels), recall: known(rung.recall), bound: known(rung.bound),
      tail: known(rung.tail), tailBound: known(rung.tail_bound), blocks: known(rung.blocks),
      percentiles: rung.blocks_p95.isNaN ? nil : SIMD3(rung.blocks_p50, rung.blocks_p95, rung.blocks_p99),
      microseconds: known(rung.us))
  }

  private func known(_ measured: Float) -> Float? { measured.isNaN ? nil : measured }
}

extension IndexKind {
  /// For where no error can be told: there are no others.
  fileprivate init(orHnsw kind: Int32) { self = kind == IndexKind.ivfflat.rawValue ? .ivfflat : .hnsw }
}

extension RecallGoal {
  /// A tail of 0 is none.
  init(mean: Double, tail: Double) { self.init(mean: mean, tail: tail > 0 ? tail : nil) }
}

extension InForce {
  /// 0 is none.
  init?(value: Int32, multiplier: Float) {
    if value > 0 {
      self = .value(value)
    } else if multiplier > 0 {
      self = .multiplier(multiplier)
    } else {
      return nil
    }
  }
}

extension rv_policy {
  fileprivate var inForce: InForce? { InForce(value: applied, multiplier: applied_lambda) }
}

extension IndexProspect {
  /// An unknown standing counts as what changes nothing.
  fileprivate init(_ prospect: rv_prospect) {
    switch rv_standing(UInt32(bitPattern: prospect.standing)) {
    case RV_STANDING_CERTIFIED:
      self = .certified(
        blocks: prospect.blocks, microseconds: prospect.us.isNaN ? nil : prospect.us,
        value: prospect.value < 1 ? nil : prospect.value)
    case RV_STANDING_MISSING: self = .missing(recall: prospect.recall)
    case RV_STANDING_OPEN: self = .open
    default: self = .settled
    }
  }
}

extension rv_prospect {
  fileprivate init(_ prospect: IndexProspect) {
    func make(
      _ standing: rv_standing, value: Int32? = nil, recall: Float = .nan, blocks: Float = .nan, us: Float? = nil
    ) -> rv_prospect {
      rv_prospect(
        standing: Int32(bitPattern: standing.rawValue), value: value ?? 0, recall: recall, blocks: blocks,
        us: us ?? .nan, price: .nan)
    }
    switch prospect {
    case .certified(let blocks, let microseconds, let value):
      self = make(RV_STANDING_CERTIFIED, value: value, blocks: blocks, us: microseconds)
    case .missing(let recall): self = make(RV_STANDING_MISSING, recall: recall)
    case .open: self = make(RV_STANDING_OPEN)
    case .settled: self = make(RV_STANDING_SETTLED)
    }
  }
}

extension StopStage {
  init(_ stage: rv_stop_stage) {
    let weight = stage.weight
    self.init(
      weights: SIMD4(weight.0, weight.1, weight.2, weight.3), nextBlocks: stage.next_blocks,
      leastWorth: stage.least_worth)
  }
}

extension SearchFacts {
  /// What is not known for sure counts as what changes nothing: an unknown mode is `off`.
  fileprivate init(_ facts: UnsafePointer<rv_search_facts>, _ policy: UnsafePointer<rv_policy>?) {
    self.init(
      kind: IndexKind(orHnsw: facts.pointee.kind),
      mode: LearningMode(rawValue: facts.pointee.mode) ?? .off,
      k: facts.pointee.k < 1 ? nil : facts.pointee.k, isFiltered: facts.pointee.filtered,
      isAdaptive: facts.pointee.adaptive, isSetByUser: facts.pointee.user_set,
      canBatch: facts.pointee.can_batch, canFollowRule: facts.pointee.can_follow, setting: facts.pointee.setting,
      pin: facts.pointee.pin < 1 ? nil : facts.pointee.pin,
      minimum: facts.pointee.minimum, maximum: facts.pointee.maximum,
      minSamples: Int(facts.pointee.min_samples),
      goal: RecallGoal(mean: facts.pointee.target, tail: facts.pointee.target_tail),
      inForce: policy?.pointee.inForce)
  }
}
