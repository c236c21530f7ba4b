import Glibc
import LearningCore
import Testing

struct RouterTests {
  private static func space() throws -> ParameterSpace {
    try ParameterSpace([.integer(10...1000, .logarithmic), .choice(3), .float(0...1, .linear)])
  }

  /// What is right by two features of three: ef_search grows with the first, the choice is the range of the second.
  private static func right(_ features: [Double]) -> [Double] {
    let ef = 10 * [1, 3, 10, 30, 100][min(max(Int(features[0] / 20), 0), 4)]
    return [Double(ef), features[1] < -0.5 ? 0 : features[1] < 0.5 ? 1 : 2, 0.5]
  }

  /// Most outcomes are of what is right; the others are random and poor.
  private static func outcomes(_ count: Int, seed: UInt64) -> [RouterTrainer.Outcome] {
    var random = SplitMix64(seed: seed)
    return (0..<count).map { number in
      let features = [
        Double.random(in: 0...100, using: &random), .random(in: -2...2, using: &random),
        .random(in: -1...1, using: &random),
      ]
      if number % 4 > 0 { return RouterTrainer.Outcome(features: features, values: right(features), quality: 0.9) }
      let values = [
        Double(Int.random(in: 10...1000, using: &random)), Double(Int.random(in: 0...2, using: &random)), 0.5,
      ]
      return RouterTrainer.Outcome(features: features, values: values, quality: 0.1)
    }
  }

  private static func router(seed: UInt64 = 1, hidden: Int, count: Int) throws -> Router {
    var random = SplitMix64(seed: seed)
    var trainer = RouterTrainer()
    trainer.hidden = hidden
    return try #require(try trainer.router(space: space(), outcomes: outcomes(count, seed: 5), using: &random))
  }

  private static let shared = Result { try router(hidden: 8, count: 500) }
  /// For what its bytes may be.
  private static let small = Result { try router(hidden: 3, count: 100) }

  /// On searches never seen, against the best constant answer: the ratio missed by, and the choice.
  @Test func learnsARuleBetterThanTheConstantAnswer() throws {
    let router = try Self.shared.get()
    var random = SplitMix64(seed: 77)
    var (error, constant, correct) = (0.0, 0.0, 0)
    for _ in 0..<500 {
      let features = [Double.random(in: 0...100, using: &random), .random(in: -2...2, using: &random), 0]
      let (decision, right) = (try router.decide(features), Self.right(features))
      #expect(router.space.contains(decision.values) && decision.reason == .router)
      error += abs(log10(decision.values[0] / right[0]))
      constant += abs(log10(100 / right[0]))
      if decision.values[1] == right[1] { correct += 1 }
      #expect(abs(decision.values[2] - 0.5) < 0.05)
    }
    #expect(error < constant / 3, "\(error / constant)")
    // The most frequent choices are right for 3/8.
    #expect(correct > 450, "\(correct)")
  }

  @Test func knowsHowSureItIs() throws {
    let decision = try Self.shared.get().decide([50, 2, 0])
    #expect(decision.sureness.count == 3 && decision.sureness.allSatisfy { (0...1).contains($0) })
    #expect(decision.confidence == decision.sureness.min())
    #expect(decision.sureness[2] > 0.9, "it never varied")
    let border = try Self.shared.get().decide([50, 0.5, 0])
    #expect(border.sureness[1] < decision.sureness[1])
  }

  /// Where features say nothing the constant answer stays, and number and choice are unsure.
  @Test func noiseTeachesTheConstantAnswer() throws {
    var random = SplitMix64(seed: 4)
    let outcomes = (0..<400).map { _ in
      RouterTrainer.Outcome(
        features: [.random(in: 0...1, using: &random)],
        values: [Double(Int.random(in: 10...1000, using: &random)), Double(Int.random(in: 0...2, using: &random)), 1],
        quality: .random(in: 0...1, using: &random))
    }
    let router = try #require(try RouterTrainer().router(space: Self.space(), outcomes: outcomes, using: &random))
    let decision = try router.decide([0.5])
    #expect((250...600).contains(decision.values[0]) && decision.sureness[1] < 0.6 && decision.values[2] == 1)
  }

  @Test func qualityWeighsWhatIsImitated() throws {
    var random = SplitMix64(seed: 9)
    let outcomes = (0..<200).map { number in
      RouterTrainer.Outcome(
        features: [.random(in: 0...1, using: &random)], values: number % 4 == 0 ? [10, 2, 0] : [1000, 0, 0],
        quality: number % 4 == 0 ? 1 : 0.05)
    }
    let router = try #require(try RouterTrainer().router(space: Self.space(), outcomes: outcomes, using: &random))
    let values = try router.decide([0.5]).values
    #expect(values[0] < 50 && values[1] == 2)
  }

  @Test func aSuggestionMovesNumbersAndVotes() throws {
    let router = try Self.shared.get()
    let features = [70.0, 2, 0]
    let alone = try router.decide(features)
    func decide(_ confidence: Double, choice: Double = 0) throws -> Router.Decision {
      try router.decide(
        features, suggestion: Router.Suggestion(pattern: 7, values: [10, choice, 1], confidence: confidence))
    }
    #expect(try decide(0.5) == alone)
    let blended = try decide(1)
    #expect(blended.reason == .blended(pattern: 7, weight: 0.3))
    // Weighted on the logarithmic scale: 10^0.3 · own^0.7.
    let expected = pow(10, 0.3) * pow(alone.values[0], 0.7)
    #expect(
      abs(blended.values[0] / expected - 1) < 0.01 && abs(blended.values[2] - (0.3 + 0.7 * alone.values[2])) < 1e-12)
    #expect(blended.values[1] == 2, "a sure router is not outvoted")
    #expect(try decide(0.8).reason == .blended(pattern: 7, weight: 0.8 * 0.3))
    // At the border between two choices the suggestion decides.
    for choice in [1.0, 2] {
      let border = try router.decide(
        [70, 0.5, 0], suggestion: Router.Suggestion(pattern: 7, values: [10, choice, 1], confidence: 1))
      #expect(border.values[1] == choice)
    }
  }

  @Test func refusesWhatDoesNotFit() throws {
    let router = try Self.shared.get()
    #expect(throws: LearningError.dimension(expected: 3, given: 2)) { try router.decide([1, 2]) }
    #expect(throws: LearningError.notFinite(position: 2)) { try router.decide([1, .nan, 3]) }
    for (values, confidence) in [([5.0, 0, 0], 0.9), ([10, 3, 0], 0.9), ([10, 0], 0.9), ([10, 0, 0], 1.1)] {
      #expect(throws: LearningError.range(value: values.count, argument: 2)) {
        try router.decide(
          [1, 2, 3], suggestion: Router.Suggestion(pattern: 1, values: values, confidence: confidence))
      }
    }
    // Far beyond what it was trained on it still answers.
    for extreme in [-1e308, 1e308] {
      #expect(router.space.contains(try router.decide([extreme, -extreme, extreme]).values))
    }
  }

  @Test func sameSeedSameRouter() throws {
    #expect(try Self.router(hidden: 3, count: 100) == Self.small.get())
    #expect(try Self.router(seed: 2, hidden: 3, count: 100) != Self.small.get())
  }

  @Test func fewOrBadOutcomesTeachNothing() throws {
    var random = SplitMix64(seed: 1)
    let space = try Self.space()
    let outcomes = Self.outcomes(120, seed: 1)
    let trainer = RouterTrainer()
    #expect(try trainer.router(space: space, outcomes: Array(outcomes.prefix(99)), using: &random) == nil)
    let poor = outcomes.map { RouterTrainer.Outcome(features: $0.features, values: $0.values, quality: 0) }
    #expect(try trainer.router(space: space, outcomes: poor, using: &random) == nil)
    func refused(_ outcome: RouterTrainer.Outcome) -> LearningError? {
      do {
        _ = try trainer.router(space: space, outcomes: outcomes + [outcome], using: &random)
        return nil
      } catch { return error }
    }
    #expect(refused(.init(features: [1, 2], values: [10, 0, 0], quality: 1)) == .dimension(expected: 3, given: 2))
    #expect(refused(.init(features: [1, 2, .nan], values: [10, 0, 0], quality: 1)) == .notFinite(position: 3))
    #expect(refused(.init(features: [1, 2, 3], values: [9, 0, 0], quality: 1)) == .labels)
    #expect(refused(.init(features: [1, 2, 3], values: [10, 0, 0], quality: 1.1)) == .labels)
    var impossible = RouterTrainer()
    impossible.batch = 0
    #expect(throws: LearningError.range(value: 0, argument: 2)) {
      try impossible.router(space: space, outcomes: outcomes, using: &random)
    }
    let huge = try ParameterSpace([.choice(.max), .choice(.max)])
    #expect(throws: LearningError.range(value: .max, argument: 8)) {
      try trainer.router(space: huge, outcomes: outcomes, using: &random)
    }
    #expect(throws: LearningError.cancelled) {
      try trainer.router(space: space, outcomes: outcomes, using: &random) { () throws(LearningError) in
        throw LearningError.cancelled
      }
    }
  }

  @Test func bytesMakeTheSameRouter() throws {
    let router = try Self.shared.get()
    let again = try Router(bytes: router.bytes)
    #expect(again == router && again.bytes == router.bytes)
    #expect(try again.decide([12, 0.3, 1]) == router.decide([12, 0.3, 1]))
  }

  @Test func bytesOfNoRouterAreRefused() throws {
    let bytes = try Self.small.get().bytes
    for length in Array(0..<200) + [bytes.count - 1] {
      #expect(throws: LearningError.labels) { try Router(bytes: Array(bytes.prefix(length))) }
    }
    for position in bytes.indices {
      var changed = bytes
      changed[position] ^= 1 << UInt8(position % 8)
      #expect(throws: LearningError.labels) { try Router(bytes: changed) }
    }
    #expect(throws: LearningError.labels) { try Router(bytes: bytes + [0]) }
  }

  /// Even with a checksum that fits.
  @Test func contentsThatCannotBeAreRefused() throws {
    let bytes = try Self.small.get().bytes
    func signed(_ bytes: some Sequence<UInt8>) -> [UInt8] {
      let body = Array(bytes)
      let sum = body.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
      return body + withUnsafeBytes(of: sum.littleEndian) { Array($0) }
    }
    let body = bytes.dropLast(8)
    #expect(throws: Never.self) { try Router(bytes: signed(body)) }
    #expect(throws: LearningError.labels) { try Router(bytes: signed(body + [UInt8](repeating: 0, count: 8))) }
    #expect(throws: LearningError.labels) { try Router(bytes: signed(body.dropLast(8))) }
    // 0xFF over anything makes counts too large, kinds unknown and numbers NaN.
    for word in 0..<body.count / 8 {
      var changed = Array(body)
      for position in 8 * word..<8 * word + 8 { changed[position] = 0xFF }
      #expect(throws: LearningError.labels) { try Router(bytes: signed(changed)) }
    }
    var random = SplitMix64(seed: 3)
    for _ in 0..<2000 {
      var changed = Array(body)
      changed[Int.random(in: 0..<80, using: &random)] = UInt8.random(in: 0...255, using: &random)
      guard let router = try? Router(bytes: signed(changed)) else { continue }
      #expect(router.space.contains(try router.decide([1, 2, 3]).values))
    }
  }
}
