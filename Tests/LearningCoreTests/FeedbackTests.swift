import LearningCore
import Testing

struct FeedbackTests {
  @Test func scoresWhatWasReturnedAndWhatIsExact() throws {
    let feedback = try Feedback(relevant: ["a", "b", "c", "d", "b"], irrelevant: ["x", "y"])
    let judged = feedback.judge(
      returned: ["x", "a", "b", "q", "a"], exact: ["a", "q", "c", "d", "y"], trustsUnreturned: true)
    #expect(judged.returned.precision == 2.0 / 3 && judged.returned.recall == 2.0 / 4)
    #expect(judged.exact?.precision == 3.0 / 4 && judged.exact?.recall == 3.0 / 4)
    // Of a, c, d: 1, y: 0, q: (3 + 1) / (4 + 2); a and q were returned.
    #expect(abs(try #require(judged.weightedRecall) - 5.0 / 11) < 1e-15)
  }

  @Test func whatNoSearchBroughtUpCountsOnlyWhereItIsTrusted() throws {
    let feedback = try Feedback(relevant: ["a", "made up", "missed"], irrelevant: [])
    #expect(feedback.judge(returned: ["a"], trustsUnreturned: true).returned.recall == 1.0 / 3)
    #expect(feedback.judge(returned: ["a"], trustsUnreturned: false).returned.recall == nil)
    let exact = feedback.judge(returned: ["a"], exact: ["a", "missed"], trustsUnreturned: false)
    #expect(exact.returned.recall == 0.5 && exact.exact?.recall == 1)
  }

  @Test func whatNobodyJudgedIsUnknown() throws {
    let silent = try Feedback(relevant: [], irrelevant: [])
    let judged = silent.judge(returned: ["a", "b"], exact: ["b", "c"], trustsUnreturned: true)
    #expect(judged.returned.precision == nil && judged.returned.recall == nil)
    #expect(judged.weightedRecall == 0.5, "plain recall of the exact neighbours")
    #expect(silent.judge(returned: ["a"], trustsUnreturned: true).exact == nil)
    #expect(silent.judge(returned: ["a"], exact: [], trustsUnreturned: true).weightedRecall == nil)
    let elsewhere = try Feedback(relevant: ["z"], irrelevant: [])
    #expect(elsewhere.judge(returned: ["a"], trustsUnreturned: true).returned.precision == nil)
    let against = try Feedback(relevant: [], irrelevant: ["a"])
    #expect(against.judge(returned: ["a"], trustsUnreturned: true).returned.precision == 0)
    #expect(against.judge(returned: ["a"], exact: ["a"], trustsUnreturned: true).weightedRecall == nil)
  }

  @Test func refusesWhatContradictsItself() {
    #expect(throws: LearningError.labels) { try Feedback(relevant: ["a", "b"], irrelevant: ["b"]) }
  }
}
