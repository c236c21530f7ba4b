import CShim
import LearningCore
import RuVectorBridge

/// Labels as a table gives them back, from a search's first labels to the plan of the next search: judged, judged once
/// more with the rule that came of it, watched, and searched by.
@Sendable func fuzzVerdict(_ input: inout Input) {
  var goal = rv_goal()
  let isAny = input.byte() < 24
  goal.target = isAny ? input.double() : 0.5 + Double(input.byte()) / 512
  goal.target_tail = isAny ? input.double() : input.flag() ? 0 : Double(input.byte()) / 256
  goal.min_samples = isAny ? input.integer() : Int32(input.count(1...30))
  goal.setting = input.flag() ? 40 : input.integer()
  let labels = Labels(&input)
  let room = UnsafeMutableRawPointer.allocate(byteCount: Int(labels.capacity), alignment: 8)
  defer { room.deallocate() }
  var regions = rv_regions(image: room, capacity: labels.capacity, bytes: 0)
  let verdict = UnsafeMutablePointer<rv_verdict>.allocate(capacity: 1)
  defer { verdict.deallocate() }
  verdict.initialize(to: rv_verdict())
  guard labels.judge(&goal, &regions, verdict) else { return }
  check(verdict.pointee, goal, labels)
  var rule = verdict.pointee.stop
  withUnsafePointer(to: &rule) { rule in
    goal.rule = rule
    let bytes = regions.bytes
    expect(labels.judge(&goal, &regions, verdict), "judged once, refused with its own rule")
    expect(regions.bytes == bytes || verdict.pointee.fitted_anew, "another image without another rule")
    check(verdict.pointee, goal, labels)
  }
  rule = verdict.pointee.stop
  withUnsafePointer(to: &rule) { rule in
    goal.rule = rule
    watch(verdict.pointee, goal, regions, labels)
  }
  plan(verdict.pointee, goal)
}

private func array<Tuple, Element>(_ tuple: Tuple, _ count: Int32, of: Element.Type) -> [Element] {
  withUnsafeBytes(of: tuple) { Array($0.bindMemory(to: Element.self).prefix(Int(count))) }
}

private func check(_ verdict: rv_verdict, _ goal: rv_goal, _ labels: Labels) {
  let state = rv_verdict_state(UInt32(bitPattern: verdict.state))
  expect(verdict.state <= 3 && verdict.rungs <= labels.rungs, "state \(verdict.state), \(verdict.rungs) rungs")
  expect(verdict.chosen < verdict.rungs && verdict.chosen_stop < verdict.stop.rungs, "chosen \(verdict.chosen)")
  let isChosen = (verdict.chosen >= 0) != (verdict.chosen_stop >= 0)
  expect(isChosen == (state == RV_VERDICT_CERTIFIED), "chosen \(verdict.chosen), \(verdict.chosen_stop) in \(state)")
  let (rungs, stops) = (
    array(verdict.rung, verdict.rungs, of: rv_rung.self), array(verdict.stop.rung, verdict.stop.rungs, of: rv_rung.self)
  )
  for rung in rungs + stops {
    expect([rung.recall, rung.bound, rung.tail, rung.tail_bound].allSatisfy(\.isShare), "\(rung)")
    expect(rung.labels >= 0 && rung.labels <= labels.count && rung.value > 0, "\(rung)")
    expect(rung.blocks.isNaN || (rung.blocks >= 0 && rung.blocks.isFinite), "\(rung)")
    expect(!(rung.blocks_p50 > rung.blocks_p95) && !(rung.blocks_p95 > rung.blocks_p99), "\(rung)")
  }
  // The surest come first: greater values, smaller multipliers.
  let tested = rungs.filter { !$0.bound.isNaN }
  expect(
    zip(tested, tested.dropFirst()).allSatisfy { $0.bound <= $1.bound && $0.tail_bound <= $1.tail_bound }, "\(tested)")
  expect(zip(stops, stops.dropFirst()).allSatisfy { $0.value < $1.value }, "\(stops)")
  expect(zip(stops, stops.dropFirst()).allSatisfy { !($0.bound < $1.bound) && !($0.recall < $1.recall) }, "\(stops)")
  let chosen =
    verdict.chosen >= 0 ? rungs[Int(verdict.chosen)] : verdict.chosen_stop >= 0 ? stops[Int(verdict.chosen_stop)] : nil
  if let chosen {
    expect(Double(chosen.bound) >= goal.target && chosen.labels >= goal.min_samples, "\(chosen) for \(goal)")
    expect(!(goal.target_tail > 0) || Double(chosen.tail_bound) >= goal.target_tail, "\(chosen) for \(goal)")
  }
  expect(!(verdict.cost_ratio < 0) && !(verdict.cost_ratio_low > verdict.cost_ratio_high), "cost \(verdict.cost_ratio)")
  for stage in array(verdict.stop.stage, verdict.stop.stages, of: rv_stop_stage.self) {
    let weights = [stage.weight.0, stage.weight.1, stage.weight.2, stage.weight.3]
    expect(weights.allSatisfy(\.isFinite) && stage.next_blocks >= 0 && stage.least_worth >= 0, "\(stage)")
  }
}

/// What the verdict puts in force; 0 is none.
private func applied(_ verdict: rv_verdict) -> (value: Int32, multiplier: Float) {
  if verdict.chosen >= 0 {
    return (Int32(array(verdict.rung, verdict.rungs, of: rv_rung.self)[Int(verdict.chosen)].value), 0)
  }
  if verdict.chosen_stop >= 0 {
    return (0, array(verdict.stop.rung, verdict.stop.rungs, of: rv_rung.self)[Int(verdict.chosen_stop)].value)
  }
  return (0, 0)
}

private func watch(_ verdict: rv_verdict, _ goal: rv_goal, _ regions: rv_regions, _ labels: Labels) {
  var (goal, regions, state, error, isAlarmed) = (goal, regions, rv_watch(), rv_error(), false)
  let applied = applied(verdict)
  (goal.applied, goal.applied_lambda) = (applied.value, Double(applied.multiplier))
  for _ in 0..<2 {
    expect(labels.watch(&state, &goal, &regions, &isAlarmed, &error) == RV_OK, "\(error)")
    expect(state.labels >= state.recent_labels && state.recall.isShare && state.recent_recall.isShare, "\(state)")
    let wealth = [
      state.mean.0, state.mean.1, state.mean.2, state.mean.3, state.mean.4, state.tail.0, state.tail.1, state.tail.2,
      state.tail.3, state.tail.4,
    ]
    expect(wealth.allSatisfy { $0 >= 0 && $0.isFinite }, "\(state)")
  }
}

private func plan(_ verdict: rv_verdict, _ goal: rv_goal) {
  let applied = applied(verdict)
  var policy = rv_policy(
    k_class: 16, rungs: verdict.rungs, applied: applied.value, applied_lambda: applied.multiplier, rung: verdict.rung,
    stop: verdict.stop)
  var facts = rv_search_facts(
    kind: 0, mode: 2, k: 10, filtered: false, adaptive: true, user_set: false, can_batch: true, can_follow: true,
    setting: goal.setting == 0 ? 40 : goal.setting, pin: 0, minimum: 1, maximum: 1000, min_samples: goal.min_samples,
    target: goal.target, target_tail: goal.target_tail)
  var plan = rv_search_plan()
  rv_optimizer_plan(&policy, &facts, &plan)
  guard goal.setting != 0 else { return }
  // What was put in force is what is searched with.
  expect(plan.stop == verdict.chosen_stop, "\(plan), but \(verdict.chosen_stop) was chosen")
  expect(verdict.chosen < 0 || plan.rung == verdict.chosen, "\(plan), but \(verdict.chosen) was chosen")
}

/// Labels drawn from what the input says searches are like; some numbers are the input's own.
private final class Labels {
  let count: Int32
  let rungs: Int32
  var capacity: Int64 { rv_regions_capacity(dims) }
  private let dims: Int32
  private let stages: Int32
  private let values: [Int32]
  private var (recall, blocks, settingBlocks, stage): ([Float], [Float], [Float], [Float]) = ([], [], [], [])
  private var (timedBlocks, timedTimes, embedding): ([Float], [Float], [Float]) = ([], [], [])
  private var isForFitting: [Bool] = []

  init(_ input: inout Input) {
    count = Int32(input.count(0...255))
    rungs = Int32(input.count(1...6))
    stages = Int32(input.count(0...5))
    dims = Int32(input.count(0...3))
    values = (1...rungs).map { 20 * $0 }
    var random = SplitMix64(seed: UInt64(input.byte()))
    let (hardness, gain, growth) = (input.double(), input.double(), input.double())
    let (kinds, scale) = (Int32(input.count(1...3)), input.double())
    func uniform() -> Double { Double.random(in: 0..<1, using: &random) }
    func share(_ step: Int32) -> Float {
      let mean = 1 - hardness / (1 + gain * Double(step))
      return mean.isFinite ? Float((min(max(mean + (uniform() - 0.5) / 5, 0), 1) * 10).rounded() / 10) : 1
    }
    for label in 0..<count {
      let kind = label % kinds
      var least: Float = 0
      for rung in 0..<rungs {
        least = max(least, share(rung))
        recall.append(least)
        blocks.append(Float(100 + 50 * growth * Double(rung) + 10 * uniform()))
      }
      settingBlocks.append(Float(150 + 20 * uniform()))
      timedBlocks.append(Float(100 + 100 * uniform()))
      timedTimes.append(2 * (timedBlocks.last ?? 0))
      (least, embedding) = (0, embedding + (0..<dims).map { $0 == kind ? 1 : Float(uniform() / 10) })
      let size = kind == 0 ? 1 : scale
      let near = 1 + uniform()
      for batch in 0..<stages {
        least = max(least, share(batch))
        let distances = [near, near + 0.2, near + 0.2 + 0.1 * Double(batch + 1) * uniform()].map { Float(size * $0) }
        stage += [least, Float(30 * (batch + 1))] + distances + [Float(70 * (batch + 1))]
      }
      isForFitting.append(label % 2 == 0)
    }
    for _ in 0..<input.count(0...24) {
      let place = input.bits(UInt16.self)
      func set(_ numbers: inout [Float]) {
        if !numbers.isEmpty { numbers[Int(place) % numbers.count] = input.float() }
      }
      switch input.count(0...7) {
      case 0: set(&recall)
      case 1: set(&blocks)
      case 2: set(&settingBlocks)
      case 3: set(&timedBlocks)
      case 4: set(&timedTimes)
      case 5: set(&embedding)
      default: set(&stage)
      }
    }
  }

  private func withLabels<Answer>(_ body: (UnsafePointer<rv_labels>) -> Answer) -> Answer {
    values.withUnsafeBufferPointer { values in
      recall.withUnsafeBufferPointer { recall in
        blocks.withUnsafeBufferPointer { blocks in
          settingBlocks.withUnsafeBufferPointer { settingBlocks in
            timedBlocks.withUnsafeBufferPointer { timedBlocks in
              timedTimes.withUnsafeBufferPointer { timedTimes in
                stage.withUnsafeBufferPointer { stage in
                  isForFitting.withUnsafeBufferPointer { isForFitting in
                    embedding.withUnsafeBufferPointer { embedding in
                      var labels = rv_labels(
                        count: count, rungs: rungs, values: values.baseAddress, recall: recall.baseAddress,
                        blocks: blocks.baseAddress, setting_blocks: settingBlocks.baseAddress,
                        timed_blocks: timedBlocks.baseAddress, timed_us: timedTimes.baseAddress, stages: stages,
                        reserved: 0, stage: stage.baseAddress, for_fitting: isForFitting.baseAddress,
                        embedding: dims > 0 ? embedding.baseAddress : nil, dims: dims, reserved2: 0)
                      return body(&labels)
                    }
                  }
                }
              }
            }
          }
        }
      }
    }
  }

  func judge(
    _ goal: inout rv_goal, _ regions: inout rv_regions, _ verdict: UnsafeMutablePointer<rv_verdict>
  ) -> Bool {
    var (host, error) = (rv_host(), rv_error())
    return withLabels { rv_verdict_judge(&host, $0, &goal, &regions, verdict, &error) == RV_OK }
  }

  func watch(
    _ state: inout rv_watch, _ goal: inout rv_goal, _ regions: inout rv_regions, _ isAlarmed: inout Bool,
    _ error: inout rv_error
  ) -> rv_status {
    withLabels { rv_watch_observe(&state, $0, &goal, &regions, &isAlarmed, &error) }
  }
}
