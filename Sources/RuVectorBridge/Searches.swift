// swift-format-ignore-file: AlwaysUseLowerCamelCase

// The names of the functions are those of ruvector_abi.h.
import CShim
import LearningCore

@c @implementation
public func rv_search_judge(
  _ outcome: UnsafePointer<rv_search_outcome>, _ verdict: UnsafeMutablePointer<rv_search_verdict>
) {
  let result = VerdictEngine.standard.judge(SearchOutcome(outcome.pointee))
  verdict.pointee = rv_search_verdict(
    recall: result.signals.recall ?? .nan, latency: result.signals.latency ?? .nan,
    diversity: result.signals.diversity ?? .nan, feedback: result.signals.feedback ?? .nan, score: result.score ?? .nan,
    confidence: result.confidence, success: result.isSuccess.map { $0 ? 1 : 0 } ?? -1,
    recommendations: result.recommendations.reduce(0) { $0 | (1 << $1.rawValue) })
}

extension SearchOutcome {
  fileprivate init(_ outcome: rv_search_outcome) {
    func count(_ number: Int32) -> Int? { number < 0 ? nil : Int(number) }
    func numbers(_ start: UnsafePointer<Double>?, _ count: Int32) -> [Double] {
      Array(UnsafeBufferPointer(start: start, count: start == nil ? 0 : Int(max(0, count))))
    }
    self.init()
    recall = known(outcome.recall)
    target = known(outcome.target)
    latency = known(outcome.latency)
    recentLatencies = numbers(outcome.recent, outcome.recent_count)
    distances = numbers(outcome.distances, outcome.distance_count)
    distinct = count(outcome.distinct)
    rows = count(outcome.rows)
    limit = count(outcome.limit)
    isFiltered = outcome.filtered
    precision = known(outcome.precision)
    exactPrecision = known(outcome.exact_precision)
    rating = known(outcome.rating)
  }
}

@c @implementation
public func rv_feedback_judge(
  _ relevant: UnsafePointer<rv_identifiers>, _ irrelevant: UnsafePointer<rv_identifiers>,
  _ returned: UnsafePointer<rv_identifiers>, _ exact: UnsafePointer<rv_identifiers>,
  _ verdict: UnsafeMutablePointer<rv_feedback_verdict>, _ error: UnsafeMutablePointer<rv_error>
) -> rv_status {
  guarded(error) { () throws(LearningError) in
    let feedback = try Feedback(
      relevant: strings(relevant.pointee) ?? [], irrelevant: strings(irrelevant.pointee) ?? [])
    if let rows = strings(returned.pointee).map(Set.init) {
      for judged in [relevant.pointee, irrelevant.pointee] {
        for (position, identifier) in (strings(judged) ?? []).enumerated() {
          judged.missing?[position] = !rows.contains(identifier)
        }
      }
    }
    let judgement = strings(returned.pointee).map {
      feedback.judge(returned: $0, exact: strings(exact.pointee), trustsUnreturned: true)
    }
    verdict.pointee = rv_feedback_verdict(
      precision: judgement?.returned.precision ?? .nan, recall: judgement?.returned.recall ?? .nan,
      exact_precision: judgement?.exact?.precision ?? .nan, weighted_recall: judgement?.weightedRecall ?? .nan)
  }
}

/// - Returns: nil when they are not known.
func strings(_ identifiers: rv_identifiers) -> [String]? {
  identifiers.start.map { start in
    UnsafeBufferPointer(start: start, count: Int(max(0, identifiers.count))).map { String(cString: $0) }
  }
}

@c @implementation
public func rv_bank_judge(
  _ host: UnsafePointer<rv_host>, _ bank: UnsafePointer<rv_bank>, _ experience: UnsafePointer<rv_experience>,
  _ inForce: UnsafePointer<Double>?, _ verdicts: UnsafeMutablePointer<rv_pattern_verdict>,
  _ count: UnsafeMutablePointer<Int32>, _ error: UnsafeMutablePointer<rv_error>
) -> rv_status {
  guarded(error) { () throws(LearningError) in
    let patterns = try ReasoningBank(bank.pointee)
    let judge = try VerdictJudge(target: patterns.goal)
    let members = Dictionary(
      grouping: try trajectories(experience.pointee, of: bank.pointee),
      by: { patterns.lookup($0.embedding, most: 1).first?.pattern.id })
    count.pointee = 0
    for pattern in patterns.patterns where pattern.level == 0 {
      try polling(host)()
      let inForce = inForce.map { Array(UnsafeBufferPointer(start: $0, count: Int(bank.pointee.parameters))) }
      guard let verdict = judge.judge(members[pattern.id] ?? [], inForce: inForce) else { continue }
      verdicts[Int(count.pointee)] = rv_pattern_verdict(verdict, of: pattern.id)
      count.pointee += 1
    }
  }
}

extension rv_pattern_verdict {
  fileprivate init(_ verdict: PatternVerdict, of pattern: Int64) {
    let (best, comparison) = (verdict.recommended, verdict.comparison)
    self.init()
    self.pattern = pattern
    support = Int32(clamping: verdict.support)
    configurations = Int32(clamping: verdict.configurations.count)
    reaches = verdict.reachesTarget.map { $0 ? 1 : 0 } ?? -1
    evidence = comparison?.evidence.rawValue ?? -1
    write(best.parameters, to: &value)
    quality = best.quality.mean
    consistency = best.consistency ?? .nan
    confidence = best.confidence ?? .nan
    recall = best.recall ?? .nan
    latency = best.latency ?? .nan
    cost = best.cost ?? .nan
    improvement = comparison?.improvement ?? .nan
    cost_ratio = comparison?.costRatio ?? .nan
    p = comparison?.p ?? .nan
  }
}

@c @implementation
public func rv_bank_analyse(
  _ host: UnsafePointer<rv_host>, _ bank: UnsafePointer<rv_bank>, _ observations: UnsafePointer<rv_observation>,
  _ embedding: UnsafePointer<Float>, _ count: Int32, _ window: Int32, _ analysis: UnsafeMutablePointer<rv_analysis>,
  _ error: UnsafeMutablePointer<rv_error>
) -> rv_status {
  guarded(error) { () throws(LearningError) in
    let patterns = try ReasoningBank(bank.pointee)
    let seen = try elements(observations, count, argument: 4)
    var tracker = try TrajectoryTracker(capacity: max(1, seen.count))
    for (position, one) in seen.enumerated().reversed() {
      try polling(host)()
      let query = UnsafeBufferPointer(start: embedding + position * patterns.dimension, count: patterns.dimension)
      tracker.record(
        Observation(
          time: one.time, kClass: one.k_class, region: patterns.lookup(Array(query), most: 1).first?.pattern.id,
          recall: one.recall.isNaN ? nil : one.recall, latency: one.latency.isNaN ? nil : one.latency,
          parameter: one.parameter))
    }
    write(tracker.patterns(window: Int(window)), to: &analysis.pointee)
  }
}

private func write(_ result: PatternAnalysis, to analysis: inout rv_analysis) {
  let (classes, regions) = (result.kClasses.prefix(Int(RV_MIX_MAX)), result.regions.prefix(Int(RV_MIX_MAX)))
  analysis = rv_analysis()
  analysis.count = Int32(clamping: result.count)
  analysis.classes = Int32(classes.count)
  analysis.regions = Int32(regions.count)
  analysis.filtered = result.filtered ?? .nan
  analysis.latency = result.latency.map { (Double($0.x), Double($0.y), Double($0.z)) } ?? (.nan, .nan, .nan)
  analysis.class_shift = result.drift.kClasses?.distance ?? .nan
  analysis.class_p = result.drift.kClasses?.p ?? .nan
  analysis.region_shift = result.drift.regions?.distance ?? .nan
  analysis.region_p = result.drift.regions?.p ?? .nan
  analysis.recall_shift = result.drift.recall?.difference ?? .nan
  analysis.recall_p = result.drift.recall?.twoSided ?? .nan
  write(
    classes.map {
      rv_mix(id: Int64($0.kClass), share: $0.share, recall: .nan, count: Int32(clamping: $0.count), labels: 0)
    }, to: &analysis.class_mix)
  write(
    regions.map {
      rv_mix(
        id: $0.id, share: $0.share, recall: $0.recall ?? .nan, count: Int32(clamping: $0.count),
        labels: Int32(clamping: $0.labels))
    }, to: &analysis.region_mix)
}
