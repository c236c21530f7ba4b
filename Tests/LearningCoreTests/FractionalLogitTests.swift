import LearningCore
import Testing

/// The known answer is printed by known_answers.py, which computes it another way.
struct FractionalLogitTests {
  private static let known: [(Double, Double, Double, Double)] = [
    (0.13, 0.82, 0.68, 0.8), (0.23, 0.3, 0.62, 0.1), (0.58, 0.88, 0.67, 0.7), (0.27, 0.67, 0.75, 0.4),
    (0.54, 0.88, 0.58, 0.8), (0.53, 0.61, 0.7, 0.6), (0.26, 0.88, 0.53, 0.7), (0.23, 0.43, 1.0, 0.1),
    (0.27, 0.79, 0.85, 0.5), (0.34, 0.74, 0.52, 0.7), (0.36, 0.66, 0.97, 0.4), (0.31, 0.48, 0.99, 0.2),
    (0.57, 0.55, 0.99, 0.2), (0.25, 0.89, 0.83, 0.9), (0.24, 0.59, 0.62, 0.3), (0.29, 0.81, 0.65, 0.8),
    (0.35, 0.32, 0.84, 0.0), (0.45, 0.43, 0.93, 0.3), (0.34, 0.39, 0.68, 0.1), (0.17, 0.32, 1.11, 0.1),
    (0.56, 0.64, 1.13, 0.1), (0.11, 0.88, 0.71, 0.8), (0.3, 0.59, 0.64, 0.5), (0.43, 0.88, 0.51, 1.0),
    (0.45, 0.66, 0.59, 0.2), (0.59, 0.46, 0.52, 0.1), (0.26, 0.39, 0.87, 0.3), (0.37, 0.58, 0.8, 0.2),
    (0.31, 0.53, 0.62, 0.4), (0.39, 0.45, 1.0, 0.3),
  ]

  private static let rows: [FractionalLogit.Row] = known.map { (SIMD3($0, $1, $2), $3) }

  private static let prior = FractionalLogit.Prior(slopes: SIMD3(0.5, -1, 2), strength: 8)

  private func weights(
    _ rows: [FractionalLogit.Row], prior: FractionalLogit.Prior = .none
  ) throws -> SIMD4<Double> {
    try #require(FractionalLogit(rows, prior: prior)).weights
  }

  /// The slopes of features standardised on the known rows.
  private func standard(_ weights: SIMD4<Double>) -> SIMD3<Double> {
    let features = Self.rows.map(\.features)
    let center = features.reduce(.zero, +) / 30
    let variance = features.reduce(.zero) { $0 + ($1 - center) * ($1 - center) } / 30
    return SIMD3(weights.y, weights.z, weights.w) * variance.squareRoot()
  }

  private func largest(_ difference: SIMD4<Double>) -> Double {
    difference.replacing(with: -difference, where: difference .< 0).max()
  }

  @Test func agreesWithTheKnownAnswer() throws {
    let expected = SIMD4(-1.435085, -0.818570, 3.749524, -1.263393)
    #expect(try largest(weights(Self.rows) - expected) < 2e-5)
  }

  @Test func agreesWithTheKnownAnswerUnderAPrior() throws {
    let expected = SIMD4(-4.846037, 1.655367, 0.688364, 4.573682)
    #expect(try largest(weights(Self.rows, prior: Self.prior) - expected) < 2e-5)
  }

  /// A strong prior stands alone, a weak one is forgotten, and so is any once the rows are many.
  @Test func rowsOutweighThePrior() throws {
    func slopes(_ rows: [FractionalLogit.Row], strength: Double) throws -> SIMD3<Double> {
      standard(try weights(rows, prior: FractionalLogit.Prior(slopes: Self.prior.slopes, strength: strength)))
    }
    func distance(_ one: SIMD3<Double>, _ other: SIMD3<Double>) -> Double { ((one - other) * (one - other)).sum() }
    #expect(try distance(slopes(Self.rows, strength: 1e7), Self.prior.slopes) < 1e-8)
    let data = try slopes(Self.rows, strength: 1e-6)
    let few = try slopes(Self.rows, strength: 8)
    #expect(distance(few, Self.prior.slopes) < distance(data, Self.prior.slopes))
    let many = [[FractionalLogit.Row]](repeating: Self.rows, count: 3000).flatMap { $0 }
    #expect(try distance(slopes(many, strength: 8), data) < 1e-3 && distance(few, data) > 1)
  }

  /// Its slopes are those of standardised features, so units matter to it no more than to the rows.
  @Test func unitsDoNotMatterToAPrior() throws {
    let rows = Self.rows.map { (features: $0.features * SIMD3(100, 0.01, 3) + 7, target: $0.target) }
    let (plain, scaled) = (try weights(Self.rows, prior: Self.prior), try weights(rows, prior: Self.prior))
    #expect(
      largest(SIMD4(0, scaled.y * 100, scaled.z * 0.01, scaled.w * 3) - SIMD4(0, plain.y, plain.z, plain.w)) < 1e-6)
  }

  /// The ridge acts on standardised features, so units do not matter.
  @Test func unitsDoNotMatter() throws {
    let unit = SIMD3(100, 0.01, -3)
    let rows = Self.rows.map { (features: $0.features * unit + 7, target: $0.target) }
    let (plain, scaled) = (try weights(Self.rows), try weights(rows))
    #expect(
      largest(SIMD4(0, scaled.y * 100, scaled.z * 0.01, scaled.w * -3) - SIMD4(0, plain.y, plain.z, plain.w)) < 1e-6)
  }

  @Test func constantTargetsAndSeparableDataStayFinite() throws {
    for target in [0.0, 1] {
      let weights = try weights(Self.rows.map { ($0.features, target) })
      let logOdds = weights.x + weights.y * 0.3 + weights.z * 0.6 + weights.w * 0.8
      #expect(target == 0 ? logOdds < -10 : logOdds > 10)
      #expect(largest(weights) < 30)
    }
    let separable = try weights(Self.rows.map { ($0.features, $0.features.y > 0.6 ? 1 : 0) })
    #expect(separable.z > 3 && largest(separable) < 100)
  }

  @Test func aConstantFeatureHasNoWeight() throws {
    let rows = Self.rows.map { (features: SIMD3($0.features.x, 0.7, $0.features.z), target: $0.target) }
    #expect(try weights(rows).z == 0 && weights(rows, prior: Self.prior).z == 0)
    let same = [FractionalLogit.Row](repeating: (SIMD3(1, 2, 3), 0.25), count: 40)
    let alone = try weights(same)
    #expect(alone.y == 0 && alone.z == 0 && alone.w == 0 && abs(alone.x + 1.0986123) < 1e-6)
  }

  @Test func oneRowIsEnoughAndNoneIsNot() throws {
    #expect(try weights([(SIMD3(1, 2, 3), 0.5)]) == .zero)
    #expect(try weights([(SIMD3(1, 2, 3), 0.5)], prior: Self.prior) == .zero)
    #expect(FractionalLogit([]) == nil)
    #expect(FractionalLogit([(SIMD3(.nan, 2, 3), 0.5)]) == nil)
  }

  @Test func anyTargetsGiveOneMinimum() throws {
    var random = SplitMix64(seed: 5)
    for _ in 0..<200 {
      let rows: [FractionalLogit.Row] = (0..<Int.random(in: 2...40, using: &random)).map { _ in
        let features = SIMD3<Double>.random(in: -1...1, using: &random) * SIMD3(1, 1e-3, 1e4)
        return (features, Double(Int.random(in: 0...10, using: &random)) / 10)
      }
      #expect(try largest(weights(rows) - weights(rows.reversed())) < 0.05)
    }
  }
}
