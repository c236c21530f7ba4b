import CShim
import RuVectorBridge

/// A policy as shared memory or a table may hold it, and a search that is to be planned by it.
///
/// What is planned is within what the setting accepts, and refers to what the policy has; batches go on.
@Sendable func fuzzSearch(_ input: inout Input) {
  let policy = UnsafeMutablePointer<rv_policy>.allocate(capacity: 1)
  defer { policy.deallocate() }
  policy.initialize(to: rv_policy())
  var facts = rv_search_facts(
    kind: Int32(input.count(0...2)), mode: Int32(input.count(0...3)), k: input.integer(), filtered: input.flag(),
    adaptive: input.flag(), user_set: input.byte() < 16, can_batch: input.flag(), can_follow: input.flag(),
    setting: input.integer(), pin: input.byte() < 16 ? input.integer() : 0, minimum: 1,
    maximum: input.flag() ? 1000 : input.integer(), min_samples: input.integer(), target: input.double(),
    target_tail: input.double())
  fill(policy, &input)
  checkPlan(policy, &facts)
  checkPlan(nil, &facts)
  checkBudget(policy, facts, &input)
  checkChoice(&input, policy, &facts)
  checkBatches(&input)
}

private func fill(_ policy: UnsafeMutablePointer<rv_policy>, _ input: inout Input) {
  let isTame = input.flag()
  func rung(_ value: Float) -> rv_rung {
    let (labels, recall, blocks) = (isTame ? 1000 : input.integer(Int32.self), input.float(), input.float())
    return rv_rung(
      value: isTame ? value : input.float(), labels: labels, recall: recall, bound: isTame ? recall : input.float(),
      tail: isTame ? recall : input.float(), tail_bound: isTame ? recall : input.float(), blocks: blocks,
      blocks_p50: blocks, blocks_p95: isTame ? blocks : input.float(), blocks_p99: blocks,
      us: isTame ? 2 * blocks : input.float())
  }
  policy.pointee.k_class = input.integer()
  policy.pointee.rungs = isTame ? Int32(input.count(0...32)) : input.integer()
  policy.pointee.stop.stages = isTame ? Int32(input.count(0...16)) : input.integer()
  policy.pointee.stop.rungs = isTame ? Int32(input.count(0...8)) : input.integer()
  withUnsafeMutableBytes(of: &policy.pointee.rung) { bytes in
    let rungs = bytes.bindMemory(to: rv_rung.self)
    for place in 0..<min(rungs.count, Int(max(0, policy.pointee.rungs))) {
      rungs[place] = rung(Float(10 * (place + 1)))
    }
  }
  withUnsafeMutableBytes(of: &policy.pointee.stop.rung) { bytes in
    let rungs = bytes.bindMemory(to: rv_rung.self)
    for place in 0..<min(rungs.count, Int(max(0, policy.pointee.stop.rungs))) {
      rungs[place] = rung(Float(place + 1) / 1000)
    }
  }
}

private func checkPlan(_ policy: UnsafePointer<rv_policy>?, _ facts: inout rv_search_facts) {
  var plan = rv_search_plan()
  rv_optimizer_plan(policy, &facts, &plan)
  let source = rv_source(UInt32(bitPattern: plan.source))
  expect(plan.source <= 7, "\(plan)")
  expect((-1..<max(0, min(policy?.pointee.rungs ?? 0, RV_LADDER_MAX))).contains(plan.rung), "\(plan)")
  expect((-1..<max(0, min(policy?.pointee.stop.rungs ?? 0, RV_MULTIPLIERS_MAX))).contains(plan.stop), "\(plan)")
  expect(plan.stop < 0 || (facts.can_batch && facts.can_follow && source == RV_SOURCE_LEARNED), "\(plan) of \(facts)")
  expect(!plan.filtered || (facts.filtered && facts.can_batch && facts.k >= 1), "\(plan) of \(facts)")
  if source == RV_SOURCE_LEARNED || source == RV_SOURCE_PINNED, !plan.filtered, facts.maximum >= facts.minimum {
    expect((facts.minimum...facts.maximum).contains(plan.parameter), "\(plan) of \(facts)")
  }
  if source != RV_SOURCE_LEARNED, source != RV_SOURCE_PINNED, !plan.filtered {
    expect(plan.parameter == facts.setting, "\(plan) of \(facts)")
  }
}

private func checkBudget(_ policy: UnsafePointer<rv_policy>, _ facts: rv_search_facts, _ input: inout Input) {
  var goal = rv_goal()
  (goal.target_tail, goal.min_samples, goal.setting) = (facts.target_tail, facts.min_samples, facts.setting)
  var budget = rv_budget(blocks: input.double(), us: input.flag() ? .infinity : input.double())
  var (target, isKnown) = (0.0, false)
  rv_target_within(policy, &goal, &budget, &target, &isKnown)
  expect(isKnown ? (0.8...0.999).contains(target) : target.isNaN, "\(target)")
  // A greater budget allows as much or more.
  var (all, isAllKnown) = (0.0, false)
  budget = rv_budget(blocks: .infinity, us: .infinity)
  rv_target_within(policy, &goal, &budget, &all, &isAllKnown)
  expect(!isKnown || all >= target, "\(all) without a budget, \(target) within one")
}

private func checkChoice(
  _ input: inout Input, _ policy: UnsafePointer<rv_policy>, _ facts: inout rv_search_facts
) {
  var prospects = (0..<input.count(0...17)).map { _ in
    rv_prospect(
      standing: Int32(input.count(0...4)), value: input.integer(), recall: input.float(), blocks: abs(input.float()),
      us: input.flag() ? .nan : abs(input.float()), price: 0)
  }
  var first = rv_prospect()
  rv_index_prospect(policy, &facts, &first)
  if first.standing == Int32(bitPattern: RV_STANDING_CERTIFIED.rawValue) {
    expect(
      first.blocks > 0 && first.blocks.isFinite && (first.us.isNaN || (first.us > 0 && first.us.isFinite)), "\(first)")
    expect(first.value == 0 || first.value >= facts.minimum, "\(first)")
  }
  prospects.append(first)
  let count = min(prospects.count, Int(RV_RIVALS_MAX))
  var choice = rv_index_choice()
  rv_index_choose(&prospects, Int32(prospects.count), &choice)
  expect(choice.best >= -1 && choice.best < count, "\(choice)")
  for prospect in prospects.prefix(count) where choice.best >= 0 && !prospect.price.isNaN {
    expect(prospect.price >= 1, "\(prospect) where \(choice)")
  }
}

private func checkBatches(_ input: inout Input) {
  let (kind, k, maximum) = (Int32(input.count(0...1)), input.integer(Int32.self), input.integer(Int32.self))
  var totals = [Int32](repeating: 0, count: Int(RV_STAGES_MAX))
  let stages = Int(rv_stage_totals(kind, k, maximum, &totals))
  expect((0...totals.count).contains(stages) && (stages == 0 || k >= 1), "\(stages) stages for \(k)")
  let taken = totals.prefix(stages)
  expect(zip(taken, taken.dropFirst()).allSatisfy(<) && taken.allSatisfy { $0 >= 1 && $0 <= maximum }, "\(taken)")
  // A filtered search ends, whatever it sees.
  let (value, least) = (input.integer(Int32.self), input.integer(Int32.self))
  var (now, steps) = (Int32(0), 0)
  while case let next = rv_filtered_next(kind, k, value, least, now, input.integer()), next >= 0 {
    expect(next > now && next >= least, "\(next) after \(now)")
    (now, steps) = (next, steps + 1)
    expect(steps < 100, "\(steps) steps")
  }
  var stage = rv_stop_stage(
    weight: (input.float(), input.float(), input.float(), input.float()), next_blocks: input.float(),
    least_worth: input.float())
  var stageFacts = rv_stage_facts(nearest: input.double(), kth: input.double(), last: input.double())
  let (lambda, scale) = (input.double(), input.double())
  let ends = rv_stop_here(&stage, lambda, scale, &stageFacts)
  expect(!ends || rv_stop_next([stage, stage], 2, 0, lambda) == 0, "\(stage) ends a search that passes it by")
  let isKnown = [stageFacts.nearest, stageFacts.kth, stageFacts.last].allSatisfy { ($0 / scale).isFinite }
  expect(isKnown || !ends, "\(stageFacts) ends a search")
}
