import LearningCore
import Testing

struct VerdictJudgeTests {
  private func trajectory(_ trials: [(parameter: Double, recall: Double, cost: Double?)]) -> QueryTrajectory {
    QueryTrajectory(
      embedding: [1], trials: trials.map { Trial(parameters: [$0.parameter], recall: $0.recall, cost: $0.cost) },
      time: 0)
  }

  /// Queries of which each tried 10, 40 and 200, which find more the larger they are, up to 40.
  private func labelled(_ count: Int) -> [QueryTrajectory] {
    var random = SplitMix64(seed: 12)
    return (0..<count).map { _ in
      let hardness = Double.random(in: 0...0.3, using: &random)
      return trajectory(
        [(10, 0.5), (40, 0.9), (200, 0.9)].map {
          ($0.0, $0.1 - hardness + .random(in: 0...0.1, using: &random), $0.0 * 3)
        })
    }
  }

  @Test func takesTheCheapestThatIsNotProvenWorse() throws {
    let verdict = try #require(try VerdictJudge().judge(labelled(40), inForce: [200]))
    #expect(verdict.recommended.parameters == [40] && verdict.support == 40 && verdict.reachesTarget == nil)
    #expect(verdict.configurations.map(\.parameters) == [[10], [40], [200]])
    let comparison = try #require(verdict.comparison)
    #expect(comparison.evidence == .paired && abs(comparison.improvement) < 0.02)
    #expect(abs(try #require(comparison.costRatio) - 0.2) < 1e-12)
    #expect(try #require(comparison.p) > 0.05)
    let poor = try #require(try VerdictJudge().judge(labelled(40), inForce: [10])?.comparison)
    #expect(try abs(poor.improvement - 0.4) < 0.05 && #require(poor.p) < 1e-6)
  }

  @Test func theOrderOfTrajectoriesDoesNotMatter() throws {
    let judge = try VerdictJudge()
    let labelled = labelled(30)
    let (one, other) = (judge.judge(labelled), judge.judge(labelled.reversed()))
    #expect(one?.recommended.parameters == other?.recommended.parameters)
    #expect(one?.configurations.map(\.parameters) == other?.configurations.map(\.parameters))
  }

  @Test func aTargetAsksForTheCheapestThatReachesIt() throws {
    let means = try #require(try VerdictJudge().judge(labelled(40))).configurations.map { $0.recall ?? 0 }
    let low = try #require(try VerdictJudge(target: means[0]).judge(labelled(40)))
    #expect(low.recommended.parameters == [10] && low.reachesTarget == true)
    #expect(try VerdictJudge(target: means[0] + 0.01).judge(labelled(40))?.recommended.parameters == [40])
    let high = try #require(try VerdictJudge(target: 1).judge(labelled(40)))
    #expect(high.reachesTarget == false && high.recommended.recall == means.max())
    let unmeasured = (0..<5).map { _ in
      QueryTrajectory(embedding: [1], trials: [Trial(parameters: [10], precision: 1)], time: 0)
    }
    #expect(try VerdictJudge(target: 0.5).judge(unmeasured) == nil)
    #expect(try VerdictJudge().judge(unmeasured)?.recommended.quality.mean == 1)
  }

  @Test func watchedSearchesAreObservationalEvidence() throws {
    let watched = labelled(60).enumerated().map { number, trajectory in
      QueryTrajectory(embedding: [1], trials: [trajectory.trials[number % 3]], time: 0)
    }
    let tried10 = Moments(stride(from: 0, to: 60, by: 3).compactMap { watched[$0].trials[0].quality })
    let verdict = try #require(try VerdictJudge().judge(watched, inForce: [10]))
    let comparison = try #require(verdict.comparison)
    #expect(comparison.evidence == .observational && verdict.support == 20)
    #expect(comparison.p == TTest(welch: verdict.recommended.quality, tried10)?.twoSided)
  }

  /// One query that tried only one of two configurations makes pairs incomplete.
  @Test func pairsMustBeComplete() throws {
    let incomplete = labelled(20) + [trajectory([(200, 0.9, 600)])]
    #expect(try VerdictJudge().judge(incomplete, inForce: [200])?.comparison?.evidence == .observational)
    #expect(try VerdictJudge().judge(incomplete, inForce: [10])?.comparison?.evidence == .paired)
  }

  @Test func tooFewTrialsAreNotJudged() throws {
    #expect(try VerdictJudge().judge([]) == nil && VerdictJudge().judge(labelled(2)) == nil)
    #expect(try VerdictJudge(minSamples: 10).judge(labelled(9)) == nil)
    let rare = labelled(10) + [trajectory([(5, 1, 1)]), trajectory([(5, 1, 1)])]
    let verdict = try #require(try VerdictJudge().judge(rare, inForce: [5]))
    #expect(!verdict.configurations.map(\.parameters).contains([5]) && verdict.comparison == nil)
    let silent = (0..<5).map { _ in QueryTrajectory(embedding: [1], trials: [Trial(parameters: [1])], time: 0) }
    #expect(try VerdictJudge().judge(silent) == nil)
  }

  /// What never varies cannot be tested: then only the same quality is as good.
  @Test func certainDifferencesCount() throws {
    func certain(_ low: Double) throws -> [Double]? {
      let trajectories = (0..<5).map { _ in trajectory([(10, low, 1), (40, 0.75, 2)]) }
      return try VerdictJudge().judge(trajectories)?.recommended.parameters
    }
    #expect(try certain(0.5) == [40] && certain(0.75) == [10])
  }

  @Test func latencyDecidesWhereCostIsUnknown() throws {
    let trajectories = (0..<5).map { _ in
      QueryTrajectory(
        embedding: [1],
        trials: [(10, 9.0, 1.0), (20, 3, nil), (40, 5, 2)].map {
          Trial(parameters: [$0], recall: 0.5, latency: $1, cost: $2)
        }, time: 0)
    }
    let verdict = try #require(try VerdictJudge().judge(trajectories, inForce: [40]))
    #expect(verdict.recommended.parameters == [20] && verdict.comparison?.costRatio == nil)
    #expect(verdict.comparison?.improvement == 0 && verdict.comparison?.p == nil)
  }

  @Test func consistencyIsTheInverseOfVariation() throws {
    let trajectories = [0.2, 0.4, 0.6].map { trajectory([(10, $0, nil)]) }
    let configuration = try #require(try VerdictJudge().judge(trajectories)).recommended
    #expect(abs(try #require(configuration.consistency) - 1 / 1.5) < 1e-12)
    #expect(abs(try #require(configuration.confidence) - 0.4 / 1.5) < 1e-12)
    let nothing = [0.0, 0, 0].map { trajectory([(10, $0, nil)]) }
    #expect(try #require(try VerdictJudge().judge(nothing)).recommended.consistency == nil)
  }

  @Test func refusesImpossibleSettings() {
    #expect(throws: LearningError.range(value: 2, argument: 1)) { try VerdictJudge(minSamples: 2) }
    #expect(throws: LearningError.range(value: 1, argument: 2)) { try VerdictJudge(alpha: 1) }
    #expect(throws: LearningError.range(value: 2, argument: 3)) { try VerdictJudge(target: 1.5) }
  }
}
