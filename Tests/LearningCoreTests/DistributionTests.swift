import LearningCore
import Testing

/// Known answers are printed by known_answers.py, which takes them from scipy.
struct DistributionTests {
  private struct Known {
    let freedom: Double
    let tails: [(x: Double, p: Double)]
  }

  private static let t = [
    Known(
      freedom: 1,
      tails: [
        (-1.5, 8.128329581890011e-01), (0.01, 4.968170072350930e-01), (1, 0.25), (2.5, 1.211189415908434e-01),
        (12, 2.646467605958988e-02),
      ]),
    Known(
      freedom: 2.5,
      tails: [
        (-1.5, 8.760817734568519e-01), (0.01, 4.963819971789541e-01), (1, 2.020305136391368e-01),
        (2.5, 5.228498153907770e-02), (12, 1.418107515039162e-03),
      ]),
    Known(
      freedom: 7,
      tails: [
        (-1.5, 9.113507565050150e-01), (0.01, 4.961501588218108e-01), (1, 1.753083314101037e-01),
        (2.5, 2.049610929287644e-02), (12, 3.179155189092549e-06),
      ]),
    Known(
      freedom: 30,
      tails: [
        (-1.5, 9.279670354356770e-01), (0.01, 4.960437462865889e-01), (1, 1.626543077130151e-01),
        (2.5, 9.057824534033344e-03), (12, 2.790092707599630e-13),
      ]),
    Known(
      freedom: 99.5,
      tails: [
        (-1.5, 9.316095708566089e-01), (0.01, 4.960206551101192e-01), (1, 1.598681270076934e-01),
        (2.5, 7.027074932599691e-03), (12, 2.373785374345744e-21),
      ]),
    Known(
      freedom: 1e6,
      tails: [
        (-1.5, 9.331926408816036e-01), (0.01, 4.960106446827738e-01), (1, 1.586553749167892e-01),
        (2.5, 6.209744751081627e-03), (12, 1.785842562382547e-33),
      ]),
  ]

  private static let chiSquare = [
    Known(
      freedom: 1,
      tails: [
        (0.01, 9.203443254459420e-01), (0.5, 4.795001221869534e-01), (1, 3.173105078629112e-01),
        (1.5, 2.206713619198432e-01), (4, 4.550026389635857e-02),
      ]),
    Known(
      freedom: 5,
      tails: [
        (0.05, 9.999707904600010e-01), (2.5, 7.764950711233227e-01), (5, 4.158801869955079e-01),
        (7.5, 1.860298336028670e-01), (20, 1.249730563031377e-03),
      ]),
    Known(
      freedom: 40,
      tails: [
        (20, 9.965456580241432e-01), (40, 4.702572668392401e-01), (60, 2.187346844139091e-02),
        (160, 2.790572150042062e-16),
      ]),
    Known(freedom: 1000, tails: [(10, 1), (1000, 4.940528538292396e-01), (1500, 1.045464038598082e-22)]),
  ]

  @Test(arguments: t.indices)
  func tailsOfTAgreeWithKnownAnswers(position: Int) {
    let known = Self.t[position]
    for (t, p) in known.tails {
      let tail = StudentT(freedom: known.freedom).upperTail(t)
      #expect(abs(tail / p - 1) < (known.freedom > 1000 ? 1e-8 : 1e-11), "\(t): \(tail)")
    }
  }

  @Test(arguments: chiSquare.indices)
  func tailsOfChiSquareAgreeWithKnownAnswers(position: Int) {
    let known = Self.chiSquare[position]
    for (x, p) in known.tails {
      let tail = ChiSquare(freedom: known.freedom).upperTail(x)
      #expect(abs(tail / p - 1) < 1e-11, "\(x): \(tail)")
    }
  }

  @Test func manyDegreesOfFreedomRunIntoTheNormalDistribution() {
    let normal = StudentT(freedom: .infinity)
    #expect(abs(normal.upperTail(1.959963984540054) - 0.025) < 1e-12)
    for freedom in [0x1p28, 0x1p28 * 1.001] {
      for t in [-3, -0.001, 0, 0.7, 5.0] {
        #expect(abs(StudentT(freedom: freedom).upperTail(t) / normal.upperTail(t) - 1) < 1e-6)
      }
    }
  }

  @Test func extremesHaveLimits() {
    for freedom in [0.1, 1, 8, 1e5, .infinity] {
      let t = StudentT(freedom: freedom)
      #expect(t.upperTail(0) == 0.5 && t.upperTail(.infinity) == 0 && t.upperTail(-.infinity) == 1)
      #expect(t.upperTail(1e300) >= 0 && t.upperTail(.nan).isNaN)
    }
    let chiSquare = ChiSquare(freedom: 3)
    #expect(chiSquare.upperTail(0) == 1 && chiSquare.upperTail(-1) == 1 && chiSquare.upperTail(.infinity) == 0)
    #expect(chiSquare.upperTail(.nan).isNaN)
  }

  @Test func tailsFallAndAreSymmetric() {
    var random = SplitMix64(seed: 1)
    for _ in 0..<2000 {
      let freedom = Double.random(in: 0.5...500, using: &random)
      let (low, high) = (Double.random(in: 0...6, using: &random), Double.random(in: 6...20, using: &random))
      let t = StudentT(freedom: freedom)
      #expect(t.upperTail(low) > t.upperTail(high) && abs(t.upperTail(low) + t.upperTail(-low) - 1) < 1e-14)
      let chiSquare = ChiSquare(freedom: freedom)
      let (one, other) = (chiSquare.upperTail(low * freedom), chiSquare.upperTail(high * freedom))
      #expect(one >= other && other >= 0 && one <= 1)
    }
  }
}
