// swift-format-ignore-file: AlwaysUseLowerCamelCase
// The names of the functions are those of ruvector_abi.h.
import CShim
import LearningCore

@c @implementation
public func rv_optimizer_plan(
  _ policy: UnsafePointer<rv_policy>?, _ facts: UnsafePointer<rv_search_facts>,
  _ plan: UnsafeMutablePointer<rv_search_plan>
) {
  let answer = SearchOptimizer.plan(SearchFacts(facts), rungs: PublishedRungs(policy))
  plan.pointee = rv_search_plan(
    parameter: answer.parameter, source: answer.source.rawValue, rung: Int32(answer.rung ?? -1))
}

/// The rungs of a published policy, read where they lie.
private struct PublishedRungs: RandomAccessCollection {
  private let start: UnsafePointer<rv_rung>?
  let endIndex: Int

  var startIndex: Int { 0 }

  init(_ policy: UnsafePointer<rv_policy>?) {
    start = policy.map { rungs(of: $0) }
    endIndex = policy.map { Int(Swift.max(0, Swift.min($0.pointee.rungs, RV_LADDER_MAX))) } ?? 0
  }

  subscript(position: Int) -> CertifiedRung {
    guard let start, indices.contains(position) else {
      return CertifiedRung(value: 0, labels: 0, recall: nil, bound: nil, blocks: nil)
    }
    let rung = start[position]
    return CertifiedRung(
      value: rung.value, labels: Int(rung.labels), recall: rung.recall, bound: rung.bound, blocks: rung.blocks)
  }
}

extension SearchFacts {
  /// What is not known for sure counts as what changes nothing: an unknown mode is `off`.
  fileprivate init(_ facts: UnsafePointer<rv_search_facts>) {
    self.init(
      kind: facts.pointee.kind == IndexKind.ivfflat.rawValue ? .ivfflat : .hnsw,
      mode: LearningMode(rawValue: facts.pointee.mode) ?? .off,
      k: facts.pointee.k < 1 ? nil : facts.pointee.k, isFiltered: facts.pointee.filtered,
      isAdaptive: facts.pointee.adaptive, isSetByUser: facts.pointee.user_set,
      setting: facts.pointee.setting, pin: facts.pointee.pin < 1 ? nil : facts.pointee.pin,
      minimum: facts.pointee.minimum, maximum: facts.pointee.maximum,
      minSamples: Int(facts.pointee.min_samples), target: facts.pointee.target)
  }
}
