// swift-format-ignore-file: AlwaysUseLowerCamelCase

// The names of the functions are those of ruvector_abi.h.
import CShim
import LearningCore

@c @implementation
public func rv_study_outlooks(
  _ study: UnsafePointer<rv_study>, _ outlooks: UnsafeMutablePointer<rv_outlook>, _ count: Int32,
  _ error: UnsafeMutablePointer<rv_error>
) -> rv_status {
  guarded(error) { () throws(LearningError) in
    let given = study.pointee
    guard given.configurations >= 0, given.configurations <= 1000 else {
      throw .range(value: Int(given.configurations), argument: 1)
    }
    var kinds = [Int32](repeating: Int32(RV_HNSW.rawValue), count: Int(given.configurations))
    var measurements = [[SampleMeasurement]](repeating: [], count: Int(given.configurations))
    for sample in try elements(given.samples, given.count, argument: 1) {
      let number = Int(sample.configuration)
      guard measurements.indices.contains(number), let measurement = SampleMeasurement(sample) else {
        throw .range(value: number, argument: 1)
      }
      kinds[number] = sample.kind
      measurements[number].append(measurement)
    }
    let anchors = try elements(given.anchors, given.anchor_count, argument: 1)
    let anchor = anchors.first.flatMap {
      SampleStudy.Anchor(
        configuration: Int($0.configuration), anchors.compactMap(SampleMeasurement.init), error: given.anchor_error)
    }
    var configurations: [SampleStudy.Configuration] = []
    for (given, measurements) in zip(kinds, measurements) {
      let isReranked = given == RV_SAMPLE_RERANKED
      guard let kind = isReranked ? .hnsw : IndexKind(rawValue: given) else {
        throw .range(value: Int(given), argument: 1)
      }
      configurations.append(SampleStudy.Configuration(kind, isReranked: isReranked, measurements))
    }
    let known = try SampleStudy(configurations, queries: Int(given.queries), rows: given.rows, anchor: anchor)
    guard count >= 0 else { throw .range(value: Int(count), argument: 3) }
    for position in 0..<Int(count) {
      let outlook = known.outlook(Int(outlooks[position].configuration), value: outlooks[position].value)
      outlooks[position].recall = outlook?.recall.value ?? .nan
      outlooks[position].recall_error = outlook?.recall.error ?? .nan
      outlooks[position].buffers = outlook?.buffers.value ?? .nan
      outlooks[position].buffers_error = outlook?.buffers.error ?? .nan
    }
  }
}

@c @implementation
public func rv_study_build(
  _ builds: UnsafePointer<rv_build>?, _ count: Int32, _ whole: UnsafePointer<rv_build>,
  _ seconds: UnsafeMutablePointer<Double>, _ error: UnsafeMutablePointer<Double>
) {
  let known = UnsafeBufferPointer(start: builds, count: builds == nil ? 0 : Int(max(0, count))).compactMap {
    BuildExtrapolation.Build(
      configuration: Int($0.configuration), rows: $0.rows, seconds: $0.seconds, buffers: $0.buffers)
  }
  let estimate = BuildExtrapolation.seconds(
    known, configuration: Int(whole.pointee.configuration), rows: whole.pointee.rows, buffers: whole.pointee.buffers)
  seconds.pointee = estimate?.value ?? .nan
  error.pointee = estimate?.error ?? .nan
}

extension SampleMeasurement {
  fileprivate init?(_ sample: rv_sample) {
    self.init(rows: sample.rows, value: sample.value, recall: sample.recall, buffers: sample.buffers)
  }
}
