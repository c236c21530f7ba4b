import CShim
import RuVectorBridge

/// Measurements as a function of SQL may hand them over: any numbers.
///
/// What is answered is a number that can be, or not known.
@Sendable func fuzzNumbers(_ input: inout Input) {
  switch input.count(0...5) {
  case 0: checkIntervals(&input)
  case 1: checkStudy(&input)
  case 2: checkSearches(&input)
  case 3: checkFeedback(&input)
  case 4: checkLadder(&input)
  default: checkMix(&input)
  }
}

private func isOrdered(_ interval: rv_interval) -> Bool {
  interval.low.isNaN || interval.high.isNaN || interval.low <= interval.high
}

private func checkIntervals(_ input: inout Input) {
  let isAny = input.flag()
  let numbers =
    isAny ? input.doubles(input.count(0...40)) : (0..<input.count(0...200)).map { _ in Double(input.byte()) }
  let count = Int32(numbers.count)
  var (host, error, interval) = (rv_host(), rv_error(), rv_interval())
  let (least, greatest) = isAny ? (input.double(), input.double()) : (0, 255)
  if rv_bounded_mean(&host, numbers, count, least, greatest, &interval, &error) == RV_OK, count > 0 {
    expect(interval.low >= least && interval.high <= greatest && isOrdered(interval), "\(interval) of \(numbers)")
    expect(interval.value.isFinite, "\(interval) of \(numbers)")
  }
  // The core asks its callers for finite numbers from here on.
  let finite = numbers.map { $0.isFinite ? $0 : 1 }
  if rv_mean_ratio(finite, input.flag() ? nil : finite.reversed(), count, &interval, &error) == RV_OK {
    expect(isOrdered(interval), "\(interval) of \(finite)")
  }
  let share = isAny ? input.double() : Double(input.byte()) / 255
  if rv_quantile(finite, count, share, &interval, &error) == RV_OK, !interval.value.isNaN {
    expect(finite.contains(interval.value), "\(interval) of \(finite)")
    expect(!(interval.low > interval.value) && !(interval.high < interval.value), "\(interval) of \(finite)")
  }
}

private func checkStudy(_ input: inout Input) {
  let configurations = Int32(input.count(0...4))
  let isAny = input.flag()
  func sample(_ configuration: Int32, _ kind: Int32, _ rows: Double, _ value: Double) -> rv_sample {
    rv_sample(
      configuration: configuration, kind: kind, rows: isAny ? input.double() : rows,
      value: isAny ? input.double() : value, recall: isAny ? input.double() : Double(input.byte()) / 255,
      buffers: isAny ? input.double() : 1 + Double(input.bits(UInt16.self)))
  }
  var samples: [rv_sample] = []
  for configuration in 0..<configurations {
    let kind = Int32(input.count(0...2))
    for step in 0..<input.count(0...12) {
      samples.append(sample(configuration, kind, 1000 * Double(1 + step % 3), 10 * Double(1 + step / 3)))
    }
  }
  let anchors = (0..<input.count(0...4)).map { sample(Int32(input.count(0...4)), 0, 1e5, 10 * Double(1 + $0)) }
  var outlooks = (0..<Int32(5)).map { _ in
    var outlook = rv_outlook()
    (outlook.configuration, outlook.value) = (input.integer(), isAny ? input.double() : Double(input.byte()))
    return outlook
  }
  let rows = isAny ? input.double() : 1e5
  var error = rv_error()
  let status = samples.withUnsafeBufferPointer { samples in
    anchors.withUnsafeBufferPointer { anchors in
      var study = rv_study(
        samples: samples.baseAddress, anchors: anchors.baseAddress, count: Int32(samples.count),
        anchor_count: Int32(anchors.count), configurations: configurations, queries: isAny ? input.integer() : 100,
        rows: rows, anchor_error: input.double())
      return rv_study_outlooks(&study, &outlooks, Int32(outlooks.count), &error)
    }
  }
  for outlook in outlooks where status == RV_OK {
    expect(outlook.recall.isShare && outlook.buffers.isNaN == outlook.recall.isNaN, "\(outlook)")
    expect(outlook.recall.isNaN || (outlook.recall_error >= 0 && outlook.buffers_error >= 0), "\(outlook)")
    expect(outlook.buffers.isNaN || (outlook.buffers >= 0 && outlook.buffers.isFinite), "\(outlook)")
  }
  let builds = (0..<input.count(0...12)).map { step in
    rv_build(
      configuration: Int32(step % 3), reserved: 0, rows: isAny ? input.double() : Double(1000 << (step % 4)),
      seconds: isAny ? input.double() : 1 + Double(input.byte()),
      buffers: isAny ? input.double() : 1 + Double(input.byte()))
  }
  var whole = rv_build(
    configuration: Int32(input.count(0...3)), reserved: 0, rows: rows, seconds: .nan,
    buffers: isAny ? input.double() : 1 + Double(input.byte()))
  var (seconds, deviation) = (0.0, 0.0)
  rv_study_build(builds, Int32(builds.count), &whole, &seconds, &deviation)
  expect(seconds.isNaN == deviation.isNaN && !(seconds < 0) && !(deviation < 0), "\(seconds) ± \(deviation)")
  expect(seconds.isNaN || seconds.isFinite, "\(seconds)")
}

private func checkSearches(_ input: inout Input) {
  let (recent, distances) = (input.doubles(input.count(0...30)), input.doubles(input.count(0...12)))
  recent.withUnsafeBufferPointer { recent in
    distances.withUnsafeBufferPointer { distances in
      var outcome = rv_search_outcome()
      (outcome.recall, outcome.target, outcome.latency) = (input.double(), input.double(), input.double())
      (outcome.precision, outcome.exact_precision) = (input.double(), input.double())
      outcome.rating = input.double()
      (outcome.recent, outcome.recent_count) = (recent.baseAddress, Int32(recent.count))
      (outcome.distances, outcome.distance_count) = (distances.baseAddress, Int32(distances.count))
      (outcome.distinct, outcome.rows, outcome.limit) = (input.integer(), input.integer(), input.integer())
      outcome.filtered = input.flag()
      var verdict = rv_search_verdict()
      rv_search_judge(&outcome, &verdict)
      let signals = [verdict.recall, verdict.latency, verdict.diversity, verdict.feedback, verdict.score]
      expect((signals + [verdict.confidence]).allSatisfy(\.isShare), "\(verdict) of \(outcome)")
      expect((-1...1).contains(verdict.success) && (0..<128).contains(verdict.recommendations), "\(verdict)")
      expect(verdict.score.isNaN == (verdict.success == -1), "\(verdict)")
    }
  }
}

private func checkFeedback(_ input: inout Input) {
  // Identifiers of any bytes, most of them known from before.
  var known: [[CChar]] = []
  func identifiers() -> [[CChar]] {
    (0..<input.count(0...8)).map { _ in
      if !known.isEmpty, input.byte() < 160 { return known[input.count(0...known.count - 1)] }
      let new = (0..<input.count(0...3)).map { _ in CChar(bitPattern: max(input.byte(), 1)) } + [0]
      known.append(new)
      return new
    }
  }
  func with(_ rows: [[CChar]], isKnown: Bool, _ body: (UnsafePointer<rv_identifiers>) -> Void) {
    let copies = rows.map { row in
      let copy = UnsafeMutablePointer<CChar>.allocate(capacity: row.count)
      copy.initialize(from: row, count: row.count)
      return copy
    }
    defer { for copy in copies { copy.deallocate() } }
    let starts = copies.map { UnsafePointer($0) }
    var missing = [Bool](repeating: false, count: rows.count + 1)
    missing.withUnsafeMutableBufferPointer { missing in
      starts.withUnsafeBufferPointer { starts in
        var none = rv_identifiers()
        none.count = Int32(rows.count)
        guard isKnown, let start = starts.baseAddress else { return body(&none) }
        var identifiers = rv_identifiers(start: start, count: Int32(rows.count), missing: missing.baseAddress)
        body(&identifiers)
      }
    }
  }
  let (relevant, irrelevant, returned, exact) = (identifiers(), identifiers(), identifiers(), identifiers())
  let (isReturned, isExact) = (input.flag(), input.flag())
  with(relevant, isKnown: true) { relevant in
    with(irrelevant, isKnown: true) { irrelevant in
      with(returned, isKnown: isReturned) { returned in
        with(exact, isKnown: isExact) { exact in
          var (verdict, error) = (rv_feedback_verdict(), rv_error())
          if rv_feedback_judge(relevant, irrelevant, returned, exact, &verdict, &error) == RV_OK {
            let shares = [verdict.precision, verdict.recall, verdict.exact_precision, verdict.weighted_recall]
            expect(shares.allSatisfy(\.isShare), "\(verdict)")
          }
          expect(rv_recall_by_identity(exact, returned).isShare, "recall by identity")
        }
      }
    }
  }
}

private func checkLadder(_ input: inout Input) {
  let (kind, maximum, setting) = (Int32(input.count(0...2)), input.integer(Int32.self), input.integer(Int32.self))
  var values = [Int32](repeating: 0, count: Int(RV_LADDER_MAX))
  let certified = (0..<input.count(0...20)).map { _ in input.integer(Int32.self) }
  var (count, error) = (Int32(0), rv_error())
  if rv_ladder_build(kind, maximum, setting, certified, Int32(certified.count), &values, &count, &error) == RV_OK {
    let rungs = values.prefix(Int(count))
    expect(zip(rungs, rungs.dropFirst()).allSatisfy(<), "\(rungs)")
    expect(rungs.allSatisfy { $0 >= 1 && $0 <= maximum }, "\(rungs) up to \(maximum)")
    expect(!(1...maximum).contains(setting) || rungs.contains(setting), "\(rungs) without \(setting)")
  }
  let (exact, found) = (input.doubles(input.count(0...12)), input.doubles(input.count(0...12)))
  var (recall, isKnown) = (0.0, false)
  if rv_recall(
    exact, Int32(exact.count), found, Int32(found.count), input.integer(), &recall, &isKnown, &error) == RV_OK
  {
    expect(isKnown ? (0...1).contains(recall) : recall.isNaN, "\(recall)")
  }
  let vector = input.floats(input.count(0...8))
  let status = rv_vector_check(vector, Int32(vector.count), Int32(vector.count), &error)
  expect((status == RV_OK) == (!vector.isEmpty && vector.allSatisfy(\.isFinite)), "\(vector)")
  let (k, isFiltered) = (input.integer(Int32.self), input.flag())
  let kClass = abs(Int64(rv_k_class(k, isFiltered)))
  expect(k < 1 ? kClass == 0 : kClass.nonzeroBitCount == 1 && kClass >= min(Int64(k), 1 << 30), "\(kClass) of \(k)")
}

private func checkMix(_ input: inout Input) {
  let (count, dims) = (input.count(0...120), input.count(0...3))
  let isAny = input.flag()
  func columns(_ count: Int) -> [Float] {
    isAny ? input.floats(count) : (0..<count).map { _ in Float(input.byte()) }
  }
  let (vectors, k, passing) = (columns(count * dims), columns(count), columns(count))
  var (host, error, change) = (rv_host(), rv_error(), rv_mix_change())
  vectors.withUnsafeBufferPointer { vectors in
    k.withUnsafeBufferPointer { k in
      passing.withUnsafeBufferPointer { passing in
        var queries = rv_queries(
          count: Int32(count), dims: Int32(dims), embedding: vectors.baseAddress, k: k.baseAddress,
          passing: passing.baseAddress)
        expect(rv_query_mix(&host, &queries, &change, &error) == RV_OK, "\(error)")
      }
    }
  }
  let isChange = change.since >= 0
  expect(isChange == (change.noticed >= 0) && change.since <= change.noticed && change.noticed < count, "\(change)")
  expect(isChange ? change.distance.isShare : change.distance.isNaN, "\(change)")
}
