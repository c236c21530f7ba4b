import CShim
import RuVectorBridge

/// What an import or a table makes a bank of: any numbers in arrays of the right size.
///
/// A bank that is accepted answers, alike with and without its image, and whatever is done to it leaves one that is
/// accepted.
@Sendable func fuzzBank(_ input: inout Input) {
  let bank = Bank(&input)
  guard bank.describe() != nil else { return }
  bank.checkSuggestions(&input)
  switch input.count(0...3) {
  case 0: bank.checkConsolidation(now: input.integer())
  case 1: bank.checkDistillation(&input)
  case 2: bank.checkVerdicts(&input)
  default: bank.checkRouter(&input)
  }
}

/// The memory that C would give.
private final class Bank {
  var bank: rv_bank
  private let arrays: [UnsafeMutableRawPointer]

  init(_ input: inout Input) {
    let parameters = input.count(1...3)
    let (patterns, dims) = (input.count(0...12), input.count(1...9))
    let capacity = 2 * patterns + 40
    let width = Int(RV_EVIDENCE_COLUMNS) + parameters
    func room<Element>(_ count: Int, _: Element.Type) -> UnsafeMutablePointer<Element> {
      let start = UnsafeMutableRawPointer.allocate(byteCount: count * MemoryLayout<Element>.stride, alignment: 8)
      start.initializeMemory(as: UInt8.self, repeating: 0, count: count * MemoryLayout<Element>.stride)
      return start.bindMemory(to: Element.self, capacity: count)
    }
    let parameter = room(parameters, rv_parameter.self)
    let pattern = room(capacity, rv_pattern.self)
    let centroid = room(capacity * dims, Float.self)
    let value = room(capacity * parameters, Double.self)
    let evidence = room(capacity * Int(RV_EVIDENCE_MAX) * width, Double.self)
    arrays = [
      UnsafeMutableRawPointer(parameter), UnsafeMutableRawPointer(pattern), UnsafeMutableRawPointer(centroid),
      UnsafeMutableRawPointer(value), UnsafeMutableRawPointer(evidence),
    ]
    let isAny = input.flag()
    for position in 0..<parameters {
      let (least, greatest) = isAny ? (input.double(), input.double()) : (1, Double(input.count(1...40)))
      let type = Int32(input.count(0...2))
      parameter[position] = rv_parameter(
        type: type, logarithmic: input.flag() ? 1 : 0, least: isAny || type != 2 ? least : 0, greatest: greatest)
    }
    for position in 0..<patterns {
      func number(_ least: Double, _ greatest: Double) -> Double {
        isAny && input.flag() ? input.double() : least + (greatest - least) * Double(input.byte()) / 255
      }
      pattern[position] = rv_pattern(
        id: isAny ? input.integer() : Int64(position) + 1, parent: isAny ? input.integer() : 0, usage: input.integer(),
        created: input.integer(), updated: input.integer(), confidence: number(0, 1),
        support: input.flag() ? input.integer() : 3, level: isAny ? Int32(input.count(0...3)) : 0,
        configurations: Int32(input.count(0...3)), reserved: 0)
      for place in 0..<dims { centroid[position * dims + place] = Float(number(-1, 1)) }
      for place in 0..<parameters {
        value[position * parameters + place] = number(1, parameter[place].greatest).rounded()
      }
      for configuration in 0..<Int(pattern[position].configurations) {
        let row = evidence + (position * Int(RV_EVIDENCE_MAX) + configuration) * width
        let trials = Double(input.integer(Int64.self))
        for column in 0..<Int(RV_EVIDENCE_COLUMNS) {
          row[column] = column == 0 || column >= 7 ? trials : number(0, 1)
          if isAny, input.byte() < 16 { row[column] = input.double() }
        }
        for place in 0..<parameters {
          row[Int(RV_EVIDENCE_COLUMNS) + place] = number(1, parameter[place].greatest).rounded()
        }
      }
    }
    bank = rv_bank(
      dims: Int32(dims), parameters: Int32(parameters), patterns: Int32(patterns), capacity: Int32(capacity),
      next_id: isAny ? input.integer() : Int64(patterns) + 1, target: input.double(), parameter: parameter,
      pattern: pattern, centroid: centroid, value: value, evidence: evidence)
  }

  deinit { for array in arrays { array.deallocate() } }

  /// nil for a bank that cannot be.
  func describe() -> rv_bank_statistics? {
    var (statistics, error) = (rv_bank_statistics(), rv_error())
    guard rv_bank_describe(&bank, &statistics, &error) == RV_OK else { return nil }
    expect(statistics.confidence.isShare, "\(statistics)")
    expect(statistics.improvement.isNaN || abs(statistics.improvement) <= 1, "\(statistics)")
    return statistics
  }

  private func fits(_ values: [Double]) -> Bool {
    values.indices.allSatisfy { place in
      let parameter = bank.parameter[place]
      let least = parameter.type == 2 ? 0 : parameter.least
      return values[place] >= least && values[place] <= parameter.greatest
        && (parameter.type == 1 || values[place] == values[place].rounded())
    }
  }

  private func head<Tuple, Element>(_ tuple: Tuple, _ count: Int, of: Element.Type) -> [Element] {
    withUnsafeBytes(of: tuple) { Array($0.bindMemory(to: Element.self).prefix(count)) }
  }

  private func bytes(of answer: rv_suggestion) -> [UInt8] { withUnsafeBytes(of: answer) { Array($0) } }

  func checkSuggestions(_ input: inout Input) {
    let query = input.floats(Int(bank.dims))
    var (error, answer, other) = (rv_error(), rv_suggestion(), rv_suggestion())
    let status = rv_bank_suggest(&bank, query, bank.dims, &answer, &error)
    expect((status == RV_OK) == query.allSatisfy(\.isFinite), "\(error) for \(query)")
    let found = Int(answer.matches)
    expect((0...Int(RV_NEAREST_MAX)).contains(found) && answer.confidence.isShare, "\(answer)")
    let near = head(answer.similarity, found, of: Double.self)
    expect(near.allSatisfy { abs($0) <= 1.001 } && zip(near, near.dropFirst()).allSatisfy(>=), "\(answer)")
    expect(found == 0 || fits(head(answer.value, Int(bank.parameters), of: Double.self)), "\(answer)")
    let capacity = rv_bank_image_capacity(&bank)
    let image = UnsafeMutableRawPointer.allocate(byteCount: Int(capacity), alignment: 8)
    defer { image.deallocate() }
    var (host, bytes) = (rv_host(), Int64(0))
    expect(rv_bank_image_write(&host, &bank, image, capacity, &bytes, &error) == RV_OK, "\(error)")
    expect(bytes <= capacity && rv_image_checksum(image, bytes) != 0, "an image of \(bytes) bytes")
    guard status == RV_OK else { return }
    expect(rv_bank_image_suggest(&bank, image, bytes, query, bank.dims, &other, &error) == RV_OK, "\(error)")
    expect(self.bytes(of: answer) == self.bytes(of: other), "\(answer) and by the image \(other)")
  }

  func checkConsolidation(now: Int64) {
    guard let before = describe() else { return }
    let highest = (0..<Int(bank.patterns)).map { bank.pattern[$0].id }.max() ?? 0
    var (host, error, next) = (rv_host(), rv_error(), bank.next_id)
    guard rv_bank_consolidate(&host, &bank, now, &error) == RV_OK else {
      let isTooMuch = before.support > Int32.max
      expect(error.code == Int32(RV_ERROR_RANGE.rawValue) && (isTooMuch || next != highest + 1), "\(error)")
      expect(describe() != nil, "refused, and no bank any more")
      return
    }
    checkLevels(before.support)
    next = bank.next_id
    let level0 = describe()?.patterns.0
    expect(rv_bank_consolidate(&host, &bank, now, &error) == RV_OK, "\(error) the second time")
    expect(describe()?.patterns.0 == level0 && bank.next_id >= next, "merged once more")
  }

  private func checkLevels(_ support: Int64) {
    let after = describe()
    expect(after?.support == support, "support of \(support) became \(after?.support ?? 0)")
    let counts = after.map { head($0.patterns, 4, of: Int32.self) } ?? []
    expect(zip(counts, counts.dropFirst()).allSatisfy { $0 > $1 || $1 == 0 }, "levels of \(counts)")
    expect((0..<Int(bank.patterns)).allSatisfy { bank.pattern[$0].id < bank.next_id }, "identifiers below the next")
  }

  /// What was tried for some queries, most of them near to one of two.
  private func withExperience(_ input: inout Input, _ body: (UnsafeMutablePointer<rv_experience>) -> Void) {
    let (dims, parameters) = (Int(bank.dims), Int(bank.parameters))
    let count = input.count(0...150)
    let isAny = input.flag()
    let centres = [input.floats(dims), input.floats(dims)]
    var (embedding, trials): ([Float], [Double]) = ([], [])
    var counts: [Int32] = []
    for query in 0..<count {
      embedding += isAny && input.byte() < 16 ? input.floats(dims) : centres[query % 2]
      counts.append(Int32(query % 3))
      for trial in 0..<query % 3 {
        trials += (0..<4).map {
          $0 == trial || input.byte() < 32 ? .nan : isAny ? input.double() : Double(input.byte()) / 255
        }
        trials += (0..<parameters).map { place in
          isAny ? input.double() : (1 + Double(trial) * (bank.parameter[place].greatest - 1)).rounded()
        }
      }
    }
    var left = [Bool](repeating: false, count: count + 1)
    let times = (0..<Int64(count) + 1).map { $0 }
    let total = Int32(trials.count / (4 + parameters))
    embedding.append(0)
    counts.append(0)
    trials.append(0)
    left.withUnsafeMutableBufferPointer { left in
      embedding.withUnsafeBufferPointer { embedding in
        trials.withUnsafeBufferPointer { trials in
          counts.withUnsafeBufferPointer { counts in
            times.withUnsafeBufferPointer { times in
              guard let left = left.baseAddress, let embedding = embedding.baseAddress, let trials = trials.baseAddress,
                let counts = counts.baseAddress, let times = times.baseAddress
              else { return }
              var experience = rv_experience(
                count: Int32(count), trials: total, embedding: embedding, time: times, trial_count: counts,
                trial: trials,
                left: left)
              body(&experience)
            }
          }
        }
      }
    }
  }

  func checkDistillation(_ input: inout Input) {
    guard let before = describe() else { return }
    var options = rv_distillation(
      clusters: Int32(input.count(0...5)), reserved: 0, now: input.integer(), seed: UInt64(input.byte()))
    withExperience(&input) { experience in
      var (host, error) = (rv_host(), rv_error())
      guard rv_bank_distil(&host, &bank, experience, &options, &error) == RV_OK else {
        expect(describe() != nil, "a bank that was refused experience")
        return
      }
      let left = (0..<Int(experience.pointee.count)).count { experience.pointee.left[$0] }
      checkLevels(before.support + Int64(experience.pointee.count) - Int64(left))
    }
  }

  func checkVerdicts(_ input: inout Input) {
    let inForce = input.doubles(Int(bank.parameters))
    withExperience(&input) { experience in
      var (host, error, count) = (rv_host(), rv_error(), Int32(0))
      var verdicts = [rv_pattern_verdict](repeating: rv_pattern_verdict(), count: Int(bank.patterns) + 1)
      guard rv_bank_judge(&host, &bank, experience, inForce, &verdicts, &count, &error) == RV_OK else {
        return
      }
      expect((0...bank.patterns).contains(count), "\(count) verdicts")
      for verdict in verdicts.prefix(Int(count)) {
        expect([verdict.p, verdict.confidence].allSatisfy(\.isShare), "\(verdict)")
      }
    }
  }

  func checkRouter(_ input: inout Input) {
    let features = input.floats(Int(bank.dims))
    let capacity = rv_router_capacity(&bank)
    let router = UnsafeMutableRawPointer.allocate(byteCount: Int(capacity), alignment: 8)
    defer { router.deallocate() }
    withExperience(&input) { experience in
      var (host, error, bytes, route) = (rv_host(), rv_error(), Int64(0), rv_route())
      guard rv_router_train(&host, &bank, experience, 1, router, capacity, &bytes, &error) == RV_OK, bytes > 0 else {
        return
      }
      guard rv_router_decide(&bank, router, bytes, features, bank.dims, &route, &error) == RV_OK else {
        expect(!features.allSatisfy(\.isFinite), "\(error) for \(features)")
        return
      }
      expect(fits(head(route.value, Int(bank.parameters), of: Double.self)), "\(route)")
      expect(route.confidence >= 0 && route.confidence < 1.000001 && route.weight.isShare, "\(route)")
    }
  }
}
