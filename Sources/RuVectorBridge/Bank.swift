// swift-format-ignore-file: AlwaysUseLowerCamelCase

// The names of the functions are those of ruvector_abi.h.
import CShim
import LearningCore

@c @implementation
public func rv_bank_capacity(_ patterns: Int32, _ count: Int32) -> Int32 {
  // A new pattern has three members or more; the levels above hold fewer patterns than the lowest.
  let level0 = Int64(max(patterns, 0)) + Int64(max(count, 0)) / 3
  return Int32(clamping: 2 * level0 + Int64(ReasoningBank.levels))
}

@c @implementation
public func rv_bank_distil(
  _ host: UnsafePointer<rv_host>, _ bank: UnsafeMutablePointer<rv_bank>, _ experience: UnsafePointer<rv_experience>,
  _ options: UnsafePointer<rv_distillation>, _ error: UnsafeMutablePointer<rv_error>
) -> rv_status {
  guarded(error) { () throws(LearningError) in
    let clusters = Int(options.pointee.clusters)
    let before = try ReasoningBank(bank.pointee)
    var random = SplitMix64(seed: options.pointee.seed)
    let engine = DistillationEngine(
      extractor: PatternExtractor(space: before.space, goal: before.goal, clusters: clusters > 0 ? clusters : nil))
    let outcome = try engine.distill(
      try trajectories(experience.pointee, of: bank.pointee), into: before.patterns, identifier: bank.pointee.next_id,
      now: options.pointee.now, random: &random, check: polling(host))
    for position in outcome.left { experience.pointee.left[position] = true }
    var after = try ReasoningBank(
      space: before.space, dimension: before.dimension, goal: before.goal, patterns: outcome.patterns)
    bank.pointee.next_id = try after.buildHierarchy(
      identifier: outcome.identifier, now: options.pointee.now, check: polling(host))
    try write(after.patterns, to: &bank.pointee)
  }
}

@c @implementation
public func rv_bank_consolidate(
  _ host: UnsafePointer<rv_host>, _ bank: UnsafeMutablePointer<rv_bank>, _ now: Int64,
  _ error: UnsafeMutablePointer<rv_error>
) -> rv_status {
  guarded(error) { () throws(LearningError) in
    var after = try ReasoningBank(bank.pointee)
    try after.consolidate(check: polling(host))
    bank.pointee.next_id = try after.buildHierarchy(
      identifier: bank.pointee.next_id, now: now, check: polling(host))
    try write(after.patterns, to: &bank.pointee)
  }
}

@c @implementation
public func rv_bank_suggest(
  _ bank: UnsafePointer<rv_bank>, _ embedding: UnsafePointer<Float>, _ count: Int32,
  _ answer: UnsafeMutablePointer<rv_suggestion>, _ error: UnsafeMutablePointer<rv_error>
) -> rv_status {
  guarded(error) { () throws(LearningError) in
    answer.pointee = rv_suggestion()
    let query = Array(try elements(embedding, count, argument: 2))
    let bank = try ReasoningBank(bank.pointee)
    try QueryVector.check(query.span, expected: bank.dimension)
    guard let suggestion = bank.suggestion(for: query) else { return }
    let matches = bank.lookup(query)
    answer.pointee.matches = Int32(matches.count)
    answer.pointee.confidence = suggestion.confidence
    write(matches.map(\.pattern.id), to: &answer.pointee.pattern)
    write(matches.map { Double($0.similarity) }, to: &answer.pointee.similarity)
    write(suggestion.parameters, to: &answer.pointee.value)
  }
}

@c @implementation
public func rv_bank_describe(
  _ bank: UnsafePointer<rv_bank>, _ answer: UnsafeMutablePointer<rv_bank_statistics>,
  _ error: UnsafeMutablePointer<rv_error>
) -> rv_status {
  guarded(error) { () throws(LearningError) in
    let statistics = try ReasoningBank(bank.pointee).statistics
    answer.pointee = rv_bank_statistics()
    write(statistics.patterns.map { Int32(clamping: $0) }, to: &answer.pointee.patterns)
    answer.pointee.support = Int64(statistics.support)
    answer.pointee.confidence = statistics.confidence ?? .nan
    answer.pointee.improvement = statistics.improvement ?? .nan
  }
}

// MARK: Image

@c @implementation
public func rv_bank_image_capacity(_ bank: UnsafePointer<rv_bank>) -> Int64 {
  Int64(
    BankImage.size(
      patterns: Int(max(0, bank.pointee.patterns)), dimension: Int(max(1, bank.pointee.dims)),
      parameters: Int(max(0, bank.pointee.parameters))) ?? 0)
}

@c @implementation
public func rv_bank_image_write(
  _ host: UnsafePointer<rv_host>, _ bank: UnsafePointer<rv_bank>, _ image: UnsafeMutableRawPointer, _ capacity: Int64,
  _ bytes: UnsafeMutablePointer<Int64>, _ error: UnsafeMutablePointer<rv_error>
) -> rv_status {
  guarded(error) { () throws(LearningError) in
    // Where a pattern is grouped changes how quickly it is found, not what is found of it.
    var random = SplitMix64(seed: 0)
    let written = try BankImage.bytes(for: ReasoningBank(bank.pointee), random: &random, check: polling(host))
    guard written.count <= capacity else { throw .range(value: written.count, argument: 4) }
    written.withUnsafeBytes { UnsafeMutableRawBufferPointer(start: image, count: $0.count).copyMemory(from: $0) }
    bytes.pointee = Int64(written.count)
  }
}

@c @implementation
public func rv_bank_image_suggest(
  _ bank: UnsafePointer<rv_bank>, _ image: UnsafeRawPointer, _ bytes: Int64, _ embedding: UnsafePointer<Float>,
  _ count: Int32, _ answer: UnsafeMutablePointer<rv_suggestion>, _ error: UnsafeMutablePointer<rv_error>
) -> rv_status {
  guarded(error) { () throws(LearningError) in
    answer.pointee = rv_suggestion()
    let query = try elements(embedding, count, argument: 4)
    try QueryVector.check(query.span, expected: Int(bank.pointee.dims))
    guard let image = BankImage(trusting: UnsafeRawBufferPointer(start: image, count: Int(max(0, bytes)))) else {
      throw .patterns
    }
    var matches = [BankImage.Match](repeating: BankImage.Match(), count: ReasoningBank.matches)
    let found = matches.withUnsafeMutableBufferPointer { image.lookup(query, into: $0) }
    guard let suggestion = image.suggestion(for: Array(query), in: try ParameterSpace(bank.pointee)) else { return }
    answer.pointee.matches = Int32(found)
    answer.pointee.confidence = suggestion.confidence
    write(matches.prefix(found).map(\.id), to: &answer.pointee.pattern)
    write(matches.prefix(found).map { Double($0.similarity) }, to: &answer.pointee.similarity)
    write(suggestion.parameters, to: &answer.pointee.value)
  }
}

@c @implementation
public func rv_image_checksum(_ image: UnsafeRawPointer, _ bytes: Int64) -> UInt64 {
  BankImage(validating: UnsafeRawBufferPointer(start: image, count: Int(max(0, bytes))))?.checksum ?? 0
}

// MARK: Reading

func polling(_ host: UnsafePointer<rv_host>) -> () throws(LearningError) -> Void {
  { () throws(LearningError) in
    if rv_host_poll(host) != RV_OK { throw .cancelled }
  }
}

extension ParameterSpace {
  init(_ bank: rv_bank) throws(LearningError) {
    guard (1...RV_PARAMETERS_MAX).contains(bank.parameters) else {
      throw .range(value: Int(bank.parameters), argument: 1)
    }
    var parameters: [Parameter] = []
    for parameter in UnsafeBufferPointer(start: bank.parameter, count: Int(bank.parameters)) {
      guard parameter.least <= parameter.greatest else { throw .patterns }
      let scale: Scale = parameter.logarithmic == 0 ? .linear : .logarithmic
      switch parameter.type {
      case Int32(RV_INTEGER.rawValue): parameters.append(.integer(parameter.least...parameter.greatest, scale))
      case Int32(RV_FLOAT.rawValue): parameters.append(.float(parameter.least...parameter.greatest, scale))
      default:
        guard let last = Int32(exactly: parameter.greatest), last >= 0 else { throw .patterns }
        parameters.append(.choice(Int(last) + 1))
      }
    }
    try self.init(parameters)
  }
}

extension ReasoningBank {
  init(_ bank: rv_bank) throws(LearningError) {
    let space = try ParameterSpace(bank)
    guard bank.dims >= 1, (0...bank.capacity).contains(bank.patterns) else {
      throw .range(value: Int(bank.patterns), argument: 1)
    }
    var children: [Int64: [Int64]] = [:]
    for position in 0..<Int(bank.patterns) where bank.pattern[position].parent != 0 {
      children[bank.pattern[position].parent, default: []].append(bank.pattern[position].id)
    }
    let patterns = (0..<Int(bank.patterns)).map { LearnedPattern(bank, $0, children: children) }
    do throws(LearningError) {
      try self.init(
        space: space, dimension: Int(bank.dims), goal: bank.target.isNaN ? nil : bank.target, patterns: patterns)
    } catch {
      throw .patterns
    }
  }
}

extension LearnedPattern {
  fileprivate init(_ bank: rv_bank, _ position: Int, children: [Int64: [Int64]]) {
    let pattern = bank.pattern[position]
    let (dims, parameters) = (Int(bank.dims), Int(bank.parameters))
    let width = Int(RV_EVIDENCE_COLUMNS) + parameters
    let evidence = bank.evidence + position * Int(RV_EVIDENCE_MAX) * width
    self.init(
      id: pattern.id, centroid: Array(UnsafeBufferPointer(start: bank.centroid + position * dims, count: dims)),
      parameters: Array(UnsafeBufferPointer(start: bank.value + position * parameters, count: parameters)),
      support: Int(pattern.support), confidence: pattern.confidence,
      evidence: (0..<Int(max(0, min(pattern.configurations, RV_EVIDENCE_MAX)))).map {
        Evidence(UnsafeBufferPointer(start: evidence + $0 * width, count: width))
      },
      usage: pattern.usage, created: pattern.created, updated: pattern.updated, level: Int(pattern.level),
      children: (children[pattern.id] ?? []).sorted())
  }
}

extension LearnedPattern.Evidence {
  fileprivate init(_ row: UnsafeBufferPointer<Double>) {
    func count(_ column: Int) -> Int { Int(exactly: row[column]) ?? -1 }
    self.init(
      parameters: Array(row[Int(RV_EVIDENCE_COLUMNS)...]), count: count(0), quality: row[1], squaredDeviations: row[2],
      precision: known(row[3]), recall: known(row[4]), latency: known(row[5]), cost: known(row[6]),
      counts: Counts(trials: count(7), precision: count(8), recall: count(9), latency: count(10), cost: count(11)))
  }

  fileprivate var row: [Double] {
    [
      Double(count), quality, squaredDeviations, precision ?? .nan, recall ?? .nan, latency ?? .nan, cost ?? .nan,
      Double(counts.trials), Double(counts.precision), Double(counts.recall), Double(counts.latency),
      Double(counts.cost),
    ] + parameters
  }
}

func known(_ number: Double) -> Double? { number.isNaN ? nil : number }

/// What was tried, as the shim collected it.
func trajectories(_ experience: rv_experience, of bank: rv_bank) throws(LearningError) -> [QueryTrajectory] {
  guard experience.count >= 0, experience.trials >= 0 else { throw .patterns }
  let (dims, width) = (Int(bank.dims), Int(RV_TRIAL_COLUMNS + bank.parameters))
  var trajectories: [QueryTrajectory] = []
  trajectories.reserveCapacity(Int(experience.count))
  var first = 0
  for query in 0..<Int(experience.count) {
    let end = first + Int(max(0, experience.trial_count[query]))
    guard end <= experience.trials else { throw .patterns }
    let trials = (first..<end).map { position in
      let row = UnsafeBufferPointer(start: experience.trial + position * width, count: width)
      return Trial(
        parameters: Array(row[Int(RV_TRIAL_COLUMNS)...]), precision: known(row[0]), recall: known(row[1]),
        latency: known(row[2]), cost: known(row[3]))
    }
    trajectories.append(
      QueryTrajectory(
        embedding: Array(UnsafeBufferPointer(start: experience.embedding + query * dims, count: dims)), trials: trials,
        time: experience.time[query]))
    first = end
  }
  return trajectories
}

// MARK: Writing

private func write(_ patterns: [LearnedPattern], to bank: inout rv_bank) throws(LearningError) {
  guard patterns.count <= Int(bank.capacity) else { throw .range(value: patterns.count, argument: 1) }
  // Less than the sum of its children's would make a pattern that cannot be.
  if let most = patterns.map(\.support).max(), most > Int32.max { throw .range(value: most, argument: 1) }
  var parents: [Int64: Int64] = [:]
  for pattern in patterns { for child in pattern.children { parents[child] = pattern.id } }
  let width = Int(RV_EVIDENCE_COLUMNS + bank.parameters)
  for (position, pattern) in patterns.enumerated() {
    let evidence = pattern.evidence.prefix(Int(RV_EVIDENCE_MAX))
    bank.pattern[position] = rv_pattern(
      id: pattern.id, parent: parents[pattern.id] ?? 0, usage: pattern.usage, created: pattern.created,
      updated: pattern.updated, confidence: pattern.confidence, support: Int32(pattern.support),
      level: Int32(pattern.level), configurations: Int32(evidence.count), reserved: 0)
    copy(pattern.centroid, to: bank.centroid + position * Int(bank.dims))
    copy(pattern.parameters, to: bank.value + position * Int(bank.parameters))
    copy(evidence.flatMap(\.row), to: bank.evidence + position * Int(RV_EVIDENCE_MAX) * width)
  }
  bank.patterns = Int32(patterns.count)
}

private func copy<Element>(_ elements: [Element], to start: UnsafeMutablePointer<Element>) {
  for (position, element) in elements.enumerated() { start[position] = element }
}

// MARK: Router

@c @implementation
public func rv_router_capacity(_ bank: UnsafePointer<rv_bank>) -> Int64 {
  guard let space = try? ParameterSpace(bank.pointee) else { return 0 }
  return Int64(Router.mostBytes(space: space, features: Int(max(0, bank.pointee.dims))))
}

@c @implementation
public func rv_router_train(
  _ host: UnsafePointer<rv_host>, _ bank: UnsafePointer<rv_bank>, _ experience: UnsafePointer<rv_experience>,
  _ seed: UInt64, _ router: UnsafeMutableRawPointer, _ capacity: Int64, _ bytes: UnsafeMutablePointer<Int64>,
  _ error: UnsafeMutablePointer<rv_error>
) -> rv_status {
  guarded(error) { () throws(LearningError) in
    bytes.pointee = 0
    var random = SplitMix64(seed: seed)
    let outcomes = try trajectories(experience.pointee, of: bank.pointee).flatMap { trajectory in
      trajectory.trials.compactMap { trial in
        trial.quality.map {
          RouterTrainer.Outcome(
            features: trajectory.embedding.map { Double($0) }, values: trial.parameters, quality: $0)
        }
      }
    }
    let trained = try RouterTrainer().router(
      space: ParameterSpace(bank.pointee), outcomes: outcomes, using: &random, check: polling(host))
    guard let image = trained?.bytes else { return }
    guard image.count <= capacity else { throw .range(value: image.count, argument: 6) }
    image.withUnsafeBytes { router.copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(router), byteCount: $0.count) }
    bytes.pointee = Int64(image.count)
  }
}

@c @implementation
public func rv_router_decide(
  _ bank: UnsafePointer<rv_bank>, _ router: UnsafeRawPointer, _ bytes: Int64, _ features: UnsafePointer<Float>,
  _ count: Int32, _ route: UnsafeMutablePointer<rv_route>, _ error: UnsafeMutablePointer<rv_error>
) -> rv_status {
  guarded(error) { () throws(LearningError) in
    let features = Array(try elements(features, count, argument: 4))
    let patterns = try ReasoningBank(bank.pointee)
    let router = try Router(bytes: Array(UnsafeRawBufferPointer(start: router, count: Int(max(0, bytes)))))
    guard router.space == patterns.space else { throw .patterns }
    let suggestion = patterns.suggestion(for: features).flatMap { suggestion in
      suggestion.patterns.first.map {
        Router.Suggestion(pattern: $0, values: suggestion.parameters, confidence: suggestion.confidence)
      }
    }
    let decision = try router.decide(features.map { Double($0) }, suggestion: suggestion)
    route.pointee = rv_route()
    write(decision.values, to: &route.pointee.value)
    route.pointee.confidence = decision.confidence
    if case .blended(let pattern, let weight) = decision.reason {
      (route.pointee.pattern, route.pointee.weight) = (pattern, weight)
    }
  }
}
