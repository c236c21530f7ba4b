import CShim
import LearningCore
import RuVectorBridge
import Testing

/// The C functions, called as C calls them.
struct BorderTests {
  @Test func bothSidesUseTheSameNumbers() {
    #expect(IndexKind.hnsw.rawValue == Int32(RV_HNSW.rawValue))
    #expect(IndexKind.ivfflat.rawValue == Int32(RV_IVFFLAT.rawValue))
    let modes: [(LearningMode, rv_mode)] = [
      (.off, RV_MODE_OFF), (.observe, RV_MODE_OBSERVE), (.apply, RV_MODE_APPLY),
    ]
    for (ours, theirs) in modes { #expect(ours.rawValue == Int32(theirs.rawValue)) }
    let sources: [(SearchPlan.Source, rv_source)] = [
      (.learned, RV_SOURCE_LEARNED), (.userSet, RV_SOURCE_USER_SET), (.pinned, RV_SOURCE_PINNED),
      (.switchedOff, RV_SOURCE_SWITCHED_OFF), (.observing, RV_SOURCE_OBSERVING),
      (.filtered, RV_SOURCE_FILTERED), (.unknownK, RV_SOURCE_UNKNOWN_K), (.uncertified, RV_SOURCE_UNCERTIFIED),
    ]
    for (ours, theirs) in sources { #expect(ours.rawValue == Int32(theirs.rawValue)) }
    let states: [(Verdict.State, rv_verdict_state)] = [
      (.collecting, RV_VERDICT_COLLECTING), (.undecided, RV_VERDICT_UNDECIDED),
      (.unreachable, RV_VERDICT_UNREACHABLE), (.certified, RV_VERDICT_CERTIFIED),
    ]
    for (ours, theirs) in states { #expect(ours.rawValue == Int32(theirs.rawValue)) }
    #expect(ParameterLadder.capacity == Int(RV_LADDER_MAX))
    #expect(BatchedSearch.width == Int(RV_STAGE_COLUMNS))
    #expect(StageLadder.capacity == Int(RV_STAGES_MAX) && StopRuleVerdict.capacity == Int(RV_MULTIPLIERS_MAX))
  }

  /// Runs `call` and expects it to fill `error` so.
  private func expectError(
    _ code: rv_error_code, _ a: Int64 = 0, _ b: Int64 = 0, _ call: (UnsafeMutablePointer<rv_error>) -> rv_status
  ) {
    var error = rv_error()
    #expect(call(&error) == RV_INVALID)
    #expect(error.code == Int32(code.rawValue) && error.a == a && error.b == b, "\(error)")
  }

  @Test func mixesAreTestedWithWhatIsKnown() {
    func change(_ vectors: [Float]?, dims: Int32, k: [Float]?, passing: [Float]) -> rv_mix_change {
      var (host, error, change) = (rv_host(), rv_error(), rv_mix_change())
      vectors.withPointer { vectors in
        k.withPointer { k in
          passing.withUnsafeBufferPointer { passing in
            var queries = rv_queries(
              count: Int32(passing.count), dims: dims, embedding: vectors, k: k, passing: passing.baseAddress)
            let status = rv_query_mix(&host, &queries, &change, &error)
            #expect((status == RV_OK) == (k != nil))
          }
        }
      }
      return change
    }
    let unknown = [Float](repeating: .nan, count: 300)
    let k = (0..<300).map { Float($0 < 200 ? 10 : 16) }
    let same = [Float](repeating: 10, count: 300)
    let apart = (0..<600).map { Float(($0 * 37) % 101) + ($0 < 400 ? 0 : 1000) }
    var far = apart
    far[5] = 3e38
    #expect((190...200).contains(change(nil, dims: 0, k: k, passing: unknown).since))
    #expect((190...200).contains(change(apart, dims: 2, k: same, passing: unknown).since))
    // too far out to be compared: the rest is tested
    #expect(change(far, dims: 2, k: same, passing: unknown).since == -1)
    #expect((190...200).contains(change(far, dims: 2, k: k, passing: unknown).since))
    #expect(change(nil, dims: 0, k: nil, passing: unknown).since == -1)
  }

  @Test func studiesAreChecked() {
    let sample = rv_sample(
      configuration: 0, kind: Int32(RV_HNSW.rawValue), rows: 1000, value: 10, recall: 0.9, buffers: 100)
    var outlook = rv_outlook()
    outlook.value = 40
    func study(_ sample: rv_sample, configurations: Int32 = 1, queries: Int32 = 100) -> (
      UnsafeMutablePointer<rv_error>
    ) -> rv_status {
      { error in
        withUnsafePointer(to: sample) { samples in
          var study = rv_study()
          (study.samples, study.count, study.configurations) = (samples, 1, configurations)
          (study.queries, study.rows) = (queries, 1e6)
          return rv_study_outlooks(&study, &outlook, 1, error)
        }
      }
    }
    var (unknown, wrong) = (sample, sample)
    unknown.kind = 7
    wrong.recall = .nan
    expectError(RV_ERROR_RANGE, 7, 1, study(unknown))
    expectError(RV_ERROR_RANGE, 0, 1, study(wrong))
    expectError(RV_ERROR_RANGE, 0, 1, study(sample, configurations: 0))
    expectError(RV_ERROR_RANGE, 0, 2, study(sample, queries: 0))
    var error = rv_error()
    #expect(study(sample)(&error) == RV_OK && outlook.recall.isNaN && outlook.buffers_error.isNaN)
    var (seconds, deviation) = (0.0, 0.0)
    var whole = rv_build(configuration: 0, reserved: 0, rows: 1e6, seconds: .nan, buffers: 1000)
    rv_study_build(nil, 0, &whole, &seconds, &deviation)
    #expect(seconds.isNaN && deviation.isNaN)
  }

  @Test func vectorsAreChecked() {
    var error = rv_error()
    let vector: [Float] = [1, 2, .nan]
    #expect(rv_vector_check(vector, 2, 2, &error) == RV_OK)
    #expect(error.code == Int32(RV_ERROR_NONE.rawValue))
    expectError(RV_ERROR_NOT_FINITE, 3) { rv_vector_check(vector, 3, 3, $0) }
    expectError(RV_ERROR_DIMENSION, 3, 2) { rv_vector_check(vector, 2, 3, $0) }
    expectError(RV_ERROR_EMPTY_VECTOR) { rv_vector_check(nil, 0, 3, $0) }
    expectError(RV_ERROR_RANGE, 3, 2) { rv_vector_check(nil, 3, 3, $0) }
    expectError(RV_ERROR_RANGE, -1, 2) { rv_vector_check(vector, -1, 3, $0) }
  }

  @Test func benchmarksAreJudged() {
    var error = rv_error()
    var interval = rv_interval()
    let host = rv_host()
    withUnsafePointer(to: host) { host in
      #expect(rv_bounded_mean(host, [1, 0.5, 1], 3, 0, 1, &interval, &error) == RV_OK)
      #expect(abs(interval.value - 2.5 / 3) < 1e-6 && interval.low < interval.value && interval.high > interval.value)
      #expect(rv_bounded_mean(host, nil, 0, 0, 1, &interval, &error) == RV_OK && interval.value.isNaN)
      expectError(RV_ERROR_RANGE, 2, 1) { rv_bounded_mean(host, [1, 2], 2, 0, 1, &interval, $0) }
      expectError(RV_ERROR_RANGE, 0, 5) { rv_bounded_mean(host, [1], 1, 1, 1, &interval, $0) }
      expectError(RV_ERROR_RANGE, -1, 3) { rv_bounded_mean(host, [1], -1, 0, 1, &interval, $0) }
    }
    #expect(rv_mean_ratio([1, 2, 3], [2, 4, 6], 3, &interval, &error) == RV_OK && interval.value == 0.5)
    #expect(rv_mean_ratio([1, 2, 3], nil, 3, &interval, &error) == RV_OK && interval.value == 2)
    // 2 -+ t(2) / sqrt(3)
    #expect(abs(interval.low + 0.484138) < 1e-5 && abs(interval.high - 4.484138) < 1e-5)
    #expect(rv_mean_ratio(nil, nil, 0, &interval, &error) == RV_OK && interval.value.isNaN)
    expectError(RV_ERROR_RANGE, 1, 3) { rv_mean_ratio(nil, nil, 1, &interval, $0) }
    #expect(rv_quantile([3, 1, 2, 6, 5, 4], 6, 0.5, &interval, &error) == RV_OK)
    #expect(interval.value == 3 && interval.low == 1 && interval.high == 6)
    #expect(rv_quantile([3], 1, 0.5, &interval, &error) == RV_OK && interval.value == 3 && interval.low.isNaN)
    expectError(RV_ERROR_RANGE, -2, 2) { rv_quantile(nil, -2, 0.5, &interval, $0) }
  }

  @Test func recallIsKnownOrNot() {
    var error = rv_error()
    var recall = 0.0
    var known = false
    #expect(rv_recall([1, 2], 2, [1, 3], 2, 2, &recall, &known, &error) == RV_OK)
    #expect(recall == 0.5 && known)
    #expect(rv_recall(nil, 0, [1, 3], 2, 2, &recall, &known, &error) == RV_OK)
    #expect(recall.isNaN && !known)
    expectError(RV_ERROR_RANGE, -1, 2) { rv_recall([1], -1, nil, 0, 2, &recall, &known, $0) }
    expectError(RV_ERROR_RANGE, 4, 4) { rv_recall([1], 1, nil, 4, 2, &recall, &known, $0) }
    expectError(RV_ERROR_RANGE, 0, 5) { rv_recall([1], 1, nil, 0, 0, &recall, &known, $0) }
  }

  @Test func laddersAreWritten() {
    var error = rv_error()
    var values = [Int32](repeating: -1, count: Int(RV_LADDER_MAX))
    var count: Int32 = 0
    #expect(rv_ladder_build(Int32(RV_IVFFLAT.rawValue), 6, 5, nil, 0, &values, &count, &error) == RV_OK)
    #expect(values.prefix(Int(count)) == [1, 2, 3, 4, 5, 6])
    expectError(RV_ERROR_RANGE, 2, 1) { rv_ladder_build(2, 6, 5, nil, 0, &values, &count, $0) }
    expectError(RV_ERROR_RANGE, 0, 2) { rv_ladder_build(0, 0, 5, nil, 0, &values, &count, $0) }
    expectError(RV_ERROR_RANGE, 2, 4) { rv_ladder_build(0, 6, 5, nil, 2, &values, &count, $0) }
  }

  private func judge(
    _ goal: rv_goal, count: Int32, values: [Int32], recall: [Float], blocks: [Float],
    host: rv_host = rv_host(), into verdict: inout rv_verdict,
    _ error: UnsafeMutablePointer<rv_error>
  ) -> rv_status {
    values.withUnsafeBufferPointer { values in
      recall.withUnsafeBufferPointer { recall in
        blocks.withUnsafeBufferPointer { blocks in
          [Float](repeating: 40, count: max(0, min(Int(count), 10_000))).withUnsafeBufferPointer { settingBlocks in
            var labels = rv_labels(
              count: count, rungs: Int32(values.count), values: values.baseAddress, recall: recall.baseAddress,
              blocks: blocks.baseAddress, setting_blocks: settingBlocks.baseAddress, timed_blocks: nil, timed_us: nil,
              stages: 0, reserved: 0, stage: nil, for_fitting: nil, embedding: nil, dims: 0, reserved2: 0)
            var (goal, host, regions) = (goal, host, rv_regions())
            return rv_verdict_judge(&host, &labels, &goal, &regions, &verdict, error)
          }
        }
      }
    }
  }

  @Test func verdictsAreWritten() {
    var error = rv_error()
    var verdict = rv_verdict()
    let goal = rv_goal(
      target: 0.9, target_tail: 0, min_samples: 50, setting: 20, applied: 10, reserved: 0, applied_lambda: 0,
      rule: nil)
    let recall = (0..<200).flatMap { _ in [0.95, 1] as [Float] }
    let blocks = (0..<200).flatMap { _ in [30, 40] as [Float] }
    let status = judge(goal, count: 200, values: [10, 20], recall: recall, blocks: blocks, into: &verdict, &error)
    #expect(status == RV_OK)
    #expect(verdict.state == Int32(RV_VERDICT_CERTIFIED.rawValue) && verdict.chosen == 0)
    #expect(verdict.rungs == 2)
    #expect(verdict.cost_ratio == 0.75 && verdict.cost_ratio_low == 0.75 && verdict.cost_ratio_high == 0.75)
    #expect(verdict.rung.0.value == 10 && verdict.rung.0.labels == 200 && verdict.rung.0.blocks == 30)
    #expect(verdict.rung.0.bound >= 0.9 && verdict.rung.0.bound < 0.95 && verdict.rung.0.recall == 0.95)
    #expect(verdict.rung.1.value == 20 && verdict.rung.1.blocks == 40 && verdict.rung.1.bound > 0.95)
    #expect(verdict.rung.2.value == 0)
  }

  @Test func aWatchKeepsItsStateInTheStructure() {
    var watch = rv_watch()
    var alarm = false
    var error = rv_error()
    func observe(_ recall: Float, target: Double = 0.9, applied: Int32 = 10) -> rv_status {
      [Int32(10)].withUnsafeBufferPointer { values in
        [recall].withUnsafeBufferPointer { recall in
          [Float(40)].withUnsafeBufferPointer { blocks in
            var labels = rv_labels()
            (labels.count, labels.rungs, labels.values) = (1, 1, values.baseAddress)
            (labels.recall, labels.blocks, labels.setting_blocks) = (
              recall.baseAddress, blocks.baseAddress, blocks.baseAddress
            )
            var goal = rv_goal()
            (goal.target, goal.applied, goal.min_samples) = (target, applied, 1)
            var regions = rv_regions()
            return rv_watch_observe(&watch, &labels, &goal, &regions, &alarm, &error)
          }
        }
      }
    }
    var direct = Watch()
    for found in [1, 0.5, 0.75] as [Float] {
      #expect(observe(found) == RV_OK && !alarm)
      direct.observe(found, goal: RecallGoal(mean: 0.9))
    }
    #expect(watch.labels == 3 && watch.recall == direct.recall && watch.recent_recall == direct.recentRecall)
    #expect(watch.mean.0 == direct.mean.wealth[0] && watch.mean.4 == direct.mean.best && watch.tail.0 == 0)
    #expect(observe(0.5, applied: 0) == RV_OK && watch.labels == 3)
    for _ in 0..<10 { #expect(observe(0) == RV_OK) }
    #expect(alarm)
    watch.labels = -1
    #expect(observe(1) != RV_OK)
  }

  @Test func whatIsNotKnownIsNaN() {
    var error = rv_error()
    var verdict = rv_verdict()
    let goal = rv_goal(
      target: 0.9, target_tail: 0, min_samples: 50, setting: 0, applied: 0, reserved: 0, applied_lambda: 0,
      rule: nil)
    #expect(judge(goal, count: 0, values: [10], recall: [], blocks: [], into: &verdict, &error) == RV_OK)
    #expect(verdict.state == Int32(RV_VERDICT_COLLECTING.rawValue) && verdict.chosen == -1)
    #expect(verdict.rungs == 1)
    let unknown = [
      verdict.cost_ratio, verdict.cost_ratio_low, verdict.cost_ratio_high,
      Double(verdict.rung.0.recall), Double(verdict.rung.0.bound), Double(verdict.rung.0.blocks),
    ]
    #expect(unknown.allSatisfy { $0.isNaN })
  }

  @Test func verdictsRefuseWhatCannotBe() {
    var verdict = rv_verdict()
    var goal = rv_goal(
      target: 0.9, target_tail: 0, min_samples: 50, setting: 0, applied: 0, reserved: 0, applied_lambda: 0,
      rule: nil)
    expectError(RV_ERROR_LABELS) { judge(goal, count: -1, values: [10], recall: [1], blocks: [1], into: &verdict, $0) }
    expectError(RV_ERROR_LABELS) { judge(goal, count: 1, values: [], recall: [1], blocks: [1], into: &verdict, $0) }
    expectError(RV_ERROR_LABELS) {
      judge(goal, count: .max, values: [10, 20], recall: [1], blocks: [1], into: &verdict, $0)
    }
    goal.target = 1
    expectError(RV_ERROR_RANGE, 1, 3) {
      judge(goal, count: 1, values: [10], recall: [1], blocks: [1], into: &verdict, $0)
    }
  }

  @Test func theHostMayStopAVerdict() {
    var error = rv_error()
    var verdict = rv_verdict()
    let goal = rv_goal(
      target: 0.9, target_tail: 0, min_samples: 50, setting: 0, applied: 0, reserved: 0, applied_lambda: 0,
      rule: nil)
    let measured = [Float](repeating: 0.5, count: 10_000)
    let pending = UnsafeMutablePointer<Int32>.allocate(capacity: 1)
    defer { pending.deallocate() }
    let host = rv_host(context: nil, interrupt_pending: pending, check_interrupts: { _ in RV_CANCELLED })
    for (isPending, expected) in [(Int32(1), RV_CANCELLED), (0, RV_OK)] {
      pending.pointee = isPending
      let status = judge(
        goal, count: 10_000, values: [10], recall: measured, blocks: measured, host: host, into: &verdict, &error)
      #expect(status == expected)
    }
  }

  @Test func plansAreMadeFromAPublishedPolicy() {
    var policy = rv_policy()
    (policy.k_class, policy.rungs) = (16, 2)
    policy.rung.0 = rung(12, recall: 0.9, bound: 0.89, blocks: 10)
    policy.rung.1 = rung(24, recall: 0.99, bound: 0.97, blocks: 20)
    policy.rung.2 = rung(48, recall: 1, bound: 0.99, blocks: 28)
    var facts = rv_search_facts(
      kind: 0, mode: 2, k: 10, filtered: false, adaptive: true, user_set: false, can_batch: true, can_follow: true,
      setting: 40, pin: 0,
      minimum: 1,
      maximum: 1000, min_samples: 100, target: 0.95, target_tail: 0)
    func plan(_ policy: UnsafePointer<rv_policy>?) -> rv_search_plan {
      var plan = rv_search_plan()
      rv_optimizer_plan(policy, &facts, &plan)
      return plan
    }
    func expect(_ plan: rv_search_plan, _ source: rv_source, _ parameter: Int32, _ rung: Int32) {
      #expect(plan.source == Int32(source.rawValue) && plan.parameter == parameter && plan.rung == rung)
    }
    expect(plan(&policy), RV_SOURCE_LEARNED, 24, 1)
    facts.target = 0.98
    expect(plan(&policy), RV_SOURCE_UNCERTIFIED, 40, -1)
    policy.rungs = .max
    expect(plan(&policy), RV_SOURCE_LEARNED, 48, 2)
    policy.rungs = -1
    expect(plan(&policy), RV_SOURCE_UNCERTIFIED, 40, -1)
    expect(plan(nil), RV_SOURCE_UNCERTIFIED, 40, -1)
    facts.mode = 9
    expect(plan(nil), RV_SOURCE_OBSERVING, 40, -1)
    (facts.pin, facts.k) = (7, -1)
    expect(plan(nil), RV_SOURCE_PINNED, 7, -1)
  }

  @Test func indexesArePriced() {
    var policy = rv_policy()
    (policy.k_class, policy.rungs) = (16, 2)
    policy.rung.0 = rung(12, recall: 0.9, bound: 0.89, blocks: 10)
    policy.rung.1 = rung(24, recall: 0.99, bound: 0.97, blocks: 20)
    var facts = rv_search_facts(
      kind: 0, mode: 2, k: 10, filtered: false, adaptive: true, user_set: false, can_batch: true, can_follow: true,
      setting: 12, pin: 0, minimum: 1, maximum: 1000, min_samples: 100, target: 0.95, target_tail: 0)
    func prospect(_ policy: UnsafePointer<rv_policy>?) -> rv_prospect {
      var prospect = rv_prospect()
      rv_index_prospect(policy, &facts, &prospect)
      return prospect
    }
    func standsAt(_ prospect: rv_prospect, _ standing: rv_standing) -> Bool {
      prospect.standing == Int32(bitPattern: standing.rawValue)
    }
    var prospects = [prospect(nil), prospect(&policy)]
    facts.target = 0.995
    prospects.append(prospect(&policy))
    facts.mode = 1
    let settled = prospect(&policy)
    #expect(standsAt(prospects[0], RV_STANDING_OPEN) && standsAt(settled, RV_STANDING_SETTLED))
    #expect(standsAt(prospects[1], RV_STANDING_CERTIFIED) && prospects[1].value == 24 && prospects[1].blocks == 20)
    #expect(standsAt(prospects[2], RV_STANDING_MISSING) && prospects[2].recall == 0.9)
    var choice = rv_index_choice()
    rv_index_choose(&prospects, 3, &choice)
    #expect(choice.best == 1 && choice.value == 24 && choice.by_time == !prospects[1].us.isNaN)
    #expect(prospects[0].price.isNaN && prospects[1].price == 1 && prospects[2].price == 2)
    prospects[0] = prospects[2]
    rv_index_choose(&prospects, 3, &choice)
    #expect(choice.best == 1 && choice.value == 0 && prospects[0].price == 2)
    prospects[0] = settled
    rv_index_choose(&prospects, 3, &choice)
    #expect(choice.best == -1 && prospects.allSatisfy { $0.price.isNaN })
    rv_index_choose(&prospects, -1, &choice)
    #expect(choice.best == -1)
    // one whose standing is none
    prospects[0].standing = 99
    rv_index_choose(&prospects, 2, &choice)
    #expect(choice.best == -1)
  }

  @Test func stagesAreWritten() {
    var totals = [Int32](repeating: -1, count: Int(RV_STAGES_MAX))
    #expect(rv_stage_totals(0, 10, 40, &totals) == 5)
    #expect(totals.prefix(6) == [10, 14, 20, 28, 40, -1])
    #expect(rv_stage_totals(0, 41, 40, &totals) == 0 && rv_stage_totals(0, -1, 40, &totals) == 0)
    #expect(rv_stage_totals(0, 1, .max, &totals) == RV_STAGES_MAX)
    #expect(rv_stage_totals(1, 10, 3, &totals) == 3 && totals.prefix(4) == [1, 2, 3, 28])
  }

  @Test func searchesEndWhereTheStageSaysSo() {
    var stage = rv_stop_stage(weight: (1, 2, -3, 0.5), next_blocks: 100, least_worth: 0)
    var facts = rv_stage_facts(nearest: 0.5, kth: 1, last: 2)
    #expect(rv_stop_here(&stage, 0.0051, 1, &facts) && !rv_stop_here(&stage, 0.0049, 1, &facts))
    facts.last = .nan
    #expect(!rv_stop_here(&stage, 1e9, 1, &facts))
  }

  @Test func batchesAfterWhichNoSearchEndsAreTakenInOneGo() {
    let rule = [0.5, 0.25, 0, 0.5, 0].map { rv_stop_stage(weight: (0, 0, 0, 0), next_blocks: 1, least_worth: $0) }
    #expect((0..<5).map { rv_stop_next(rule, 5, $0, 0.25) } == [2, 2, 2, 4, 4])
    #expect((0..<5).map { rv_stop_next(rule, 5, $0, 1) } == [0, 1, 2, 3, 4])
    #expect(rv_stop_next(rule, 2, 0, 0.1) == 1 && rv_stop_next(rule, 2, -1, 0.3) == 1)
    #expect(rv_stop_next(rule, 5, 0, .nan) == 0)
  }

  @Test func filteredSearchesGoOnUntilItIsEnough() {
    #expect(rv_filtered_next(0, 10, 0, 40, 0, 0) == 40 && rv_filtered_next(0, 10, 0, 40, 40, 0) == 57)
    #expect(rv_filtered_next(0, 10, 0, 40, 40, 30) == -1 && rv_filtered_next(0, 10, 40, 40, 40, 20) == 57)
    #expect(rv_filtered_next(0, 10, 1000, 10, 0, 0) == 10)
    #expect(rv_filtered_next(1, 10, 0, 4, 0, 0) == 4 && rv_filtered_next(1, 10, 4, 4, 4, 160) == 6)
  }

  @Test func plansMaySearchInBatches() {
    var policy = rv_policy()
    (policy.k_class, policy.rungs, policy.stop.stages, policy.stop.rungs) = (16, 1, 5, 2)
    policy.rung.0 = rung(24, recall: 0.99, bound: 0.97, blocks: 20)
    policy.stop.rung.0 = rung(1e-4, recall: 0.98, bound: 0.96, blocks: 18)
    policy.stop.rung.1 = rung(1e-3, recall: 0.9, bound: .nan, blocks: 9)
    var facts = rv_search_facts(
      kind: 0, mode: 2, k: 12, filtered: false, adaptive: true, user_set: false, can_batch: true, can_follow: true,
      setting: 40, pin: 0,
      minimum: 1, maximum: 1000, min_samples: 100, target: 0.95, target_tail: 0)
    func expect(rung: Int32, stop: Int32, parameter: Int32) {
      var plan = rv_search_plan()
      rv_optimizer_plan(&policy, &facts, &plan)
      #expect(plan.rung == rung && plan.stop == stop && plan.parameter == parameter, "\(plan)")
    }
    expect(rung: 0, stop: 0, parameter: 12)
    policy.stop.rungs = .max
    expect(rung: 0, stop: 0, parameter: 12)
    policy.stop.stages = 0
    expect(rung: 0, stop: -1, parameter: 24)
    policy.stop.stages = 5
    facts.can_follow = false
    expect(rung: 0, stop: -1, parameter: 24)
  }

  /// Labels of `StagePopulation` judged through C, with this rule before.
  private func judgeInBatches(
    count: Int, goal: rv_goal, rule: rv_stop_rule? = nil, change: (inout rv_labels) -> Void = { _ in },
    into verdict: inout rv_verdict, _ error: UnsafeMutablePointer<rv_error>
  ) -> rv_status {
    let queries = StagePopulation(count: count, seed: 21).queries
    let values = StagePopulation.totals
    func column(_ number: Int) -> [Float] {
      queries.flatMap { query in values.indices.map { query[BatchedSearch.width * $0 + number] } }
    }
    let (recall, blocks, stages) = (column(0), column(1), queries.flatMap { $0 })
    let settingBlocks = [Float](repeating: .nan, count: count)
    let forFitting = (0..<count).map { $0.isMultiple(of: 2) }
    let timedBlocks = queries.indices.map { queries[$0][$0 % 6 * BatchedSearch.width + 1] }
    let timed = timedBlocks + timedBlocks.map { 50 + $0 }
    return values.withUnsafeBufferPointer { values in
      recall.withUnsafeBufferPointer { recall in
        blocks.withUnsafeBufferPointer { blocks in
          settingBlocks.withUnsafeBufferPointer { settingBlocks in
            stages.withUnsafeBufferPointer { stages in
              forFitting.withUnsafeBufferPointer { forFitting in
                timed.withUnsafeBufferPointer { timed in
                  var labels = rv_labels(
                    count: Int32(count), rungs: 6, values: values.baseAddress, recall: recall.baseAddress,
                    blocks: blocks.baseAddress, setting_blocks: settingBlocks.baseAddress,
                    timed_blocks: timed.baseAddress, timed_us: timed.baseAddress! + count, stages: 6, reserved: 0,
                    stage: stages.baseAddress, for_fitting: forFitting.baseAddress, embedding: nil, dims: 0,
                    reserved2: 0)
                  change(&labels)
                  var (goal, host, regions) = (goal, rv_host(), rv_regions())
                  guard var rule else { return rv_verdict_judge(&host, &labels, &goal, &regions, &verdict, error) }
                  return withUnsafePointer(to: &rule) { rule in
                    goal.rule = rule
                    return rv_verdict_judge(&host, &labels, &goal, &regions, &verdict, error)
                  }
                }
              }
            }
          }
        }
      }
    }
  }

  @Test func stopRulesAreWrittenAndReadAgain() throws {
    var error = rv_error()
    var first = rv_verdict()
    var goal = rv_goal(
      target: 0.9, target_tail: 0, min_samples: 100, setting: 0, applied: 0, reserved: 0, applied_lambda: 0,
      rule: nil)
    #expect(judgeInBatches(count: 400, goal: goal, into: &first, &error) == RV_OK)
    #expect(first.state == Int32(RV_VERDICT_CERTIFIED.rawValue) && first.fitted_anew)
    #expect(first.chosen == -1 && first.chosen_stop > 0 && first.cost_ratio.isNaN)
    #expect(first.stop.stages == 6 && first.stop.fitted == 192 && first.stop.rungs > 10)
    #expect(first.stop.stage.5.next_blocks == .infinity && first.stop.stage.6.next_blocks == 0)
    #expect(first.stop.rung.0.labels == 200 && first.stop.rung.0.bound > 0.9)

    goal.applied_lambda = Double(first.stop.rung.0.value)
    var second = rv_verdict()
    #expect(judgeInBatches(count: 400, goal: goal, rule: first.stop, into: &second, &error) == RV_OK)
    #expect(!second.fitted_anew)
    #expect(
      withUnsafeBytes(of: &second.stop) { second in withUnsafeBytes(of: &first.stop) { $0.elementsEqual(second) } })
    #expect(second.chosen_stop == first.chosen_stop)

    var third = rv_verdict()
    first.stop.fitted = 100
    #expect(judgeInBatches(count: 400, goal: goal, rule: first.stop, into: &third, &error) == RV_OK)
    #expect(third.fitted_anew && third.stop.fitted == 200)

    first.stop.stages = 0
    #expect(judgeInBatches(count: 20, goal: goal, rule: first.stop, into: &third, &error) == RV_OK)
    #expect(third.stop.stages == 0 && third.stop.rungs == 0 && third.chosen_stop == -1)
  }

  @Test func stopRulesThatCannotBeAreRefused() {
    var verdict = rv_verdict()
    let goal = rv_goal(
      target: 0.9, target_tail: 0, min_samples: 100, setting: 0, applied: 0, reserved: 0, applied_lambda: 0,
      rule: nil)
    var rule = rv_stop_rule()
    rule.stages = 17
    expectError(RV_ERROR_RANGE, 17, 3) { judgeInBatches(count: 10, goal: goal, rule: rule, into: &verdict, $0) }
    (rule.stages, rule.fitted) = (1, -1)
    expectError(RV_ERROR_RANGE, -1, 3) { judgeInBatches(count: 10, goal: goal, rule: rule, into: &verdict, $0) }
    let changes: [(inout rv_labels) -> Void] = [
      { $0.stages = -1 }, { $0.stages = 17 }, { $0.stage = nil }, { $0.for_fitting = nil },
    ]
    for change in changes {
      expectError(RV_ERROR_LABELS) { judgeInBatches(count: 10, goal: goal, change: change, into: &verdict, $0) }
    }
  }

  @Test func theScheduleKeepsItsStateInTheStructure() {
    var schedule = rv_schedule()
    func next(now: Int64, candidates: Int32 = 0, labels: Int32 = 0, waiting: Bool = false) -> rv_action {
      var classes = rv_class_facts(candidates: candidates, labels: labels, judged: -1, min_samples: 10, urgent: 0)
      withUnsafePointer(to: &classes) { classes in
        var facts = rv_tick_facts(
          now_us: now, interval_us: 1_000_000, distil_interval_us: 3_600_000_000, label_budget: 0.5, woken: false,
          waiting: waiting, classes: 1,
          class_facts: classes)
        rv_schedule_next(&schedule, &facts)
      }
      return rv_action(UInt32(schedule.action))
    }
    #expect(next(now: 100, waiting: true) == RV_ACTION_SYNC)
    #expect(schedule.started && schedule.sync_us == 100)
    #expect(next(now: 100, waiting: true) == RV_ACTION_DRAIN)
    #expect(next(now: 100, candidates: 1, labels: 10) == RV_ACTION_JUDGE && schedule.class_index == 0)
    #expect(next(now: 100, candidates: 1) == RV_ACTION_LABEL && schedule.class_index == 0)
    rv_schedule_charge(&schedule, 50_000)
    #expect(schedule.balance_us == -50_000)
    #expect(next(now: 200, candidates: 1) == RV_ACTION_SLEEP)
    #expect(schedule.wake_us == 200 + 99_900 && schedule.class_index == -1)
    #expect(next(now: 1_000_100) == RV_ACTION_SYNC)
  }

  @Test func theRingIsReachedThroughTheBorder() {
    let size = rv_ring_size(512)
    #expect(size > 512 * Int64(RV_RING_CELL))
    #expect(rv_ring_size(0) == 0 && rv_ring_size(.max) == 0)
    let ring = UnsafeMutableRawPointer.allocate(byteCount: Int(size), alignment: 64)
    defer { ring.deallocate() }
    rv_ring_init(ring, 512)
    var cells: Int64 = 0
    #expect(rv_ring_used(ring, &cells) == 0 && cells == 512)
    let record: [UInt8] = [1, 2, 3]
    #expect(rv_ring_push(ring, 5, record, 3) && rv_ring_push(ring, 6, record, 2))
    #expect(!rv_ring_push(ring, 5, record, 0) && !rv_ring_push(ring, 5, record, -1))
    #expect(rv_ring_used(ring, &cells) == 2)
    var out = [UInt8](repeating: 0, count: 8)
    #expect(rv_ring_pop(ring, 5, &out, -1) == 0)
    #expect(rv_ring_pop(ring, 5, &out, 8) == 3 && out.prefix(3) == [1, 2, 3])
    #expect(rv_ring_discard(ring, nil, 1) == 0)
    #expect(rv_ring_discard(ring, [5], 1) == 1)
    #expect(rv_ring_used(ring, &cells) == 0)
  }
}

private func rung(_ value: Float, recall: Float, bound: Float, blocks: Float) -> rv_rung {
  rv_rung(
    value: value, labels: 300, recall: recall, bound: bound, tail: .nan, tail_bound: .nan, blocks: blocks,
    blocks_p50: .nan, blocks_p95: .nan, blocks_p99: .nan, us: blocks)
}

extension [Float]? {
  fileprivate func withPointer<Result>(_ body: (UnsafePointer<Float>?) -> Result) -> Result {
    guard let self else { return body(nil) }
    return self.withUnsafeBufferPointer { body($0.baseAddress) }
  }
}
