import LearningCore
import Testing

struct FilteredSearchTests {
  /// The rows taken, batch by batch, by a search in which one row in `rarity` passes.
  private func steps(_ search: FilteredSearch, k: Int32, rarity: Int32) -> [Int32] {
    var steps: [Int32] = []
    while let next = search.next(taken: steps.last ?? 0, reach: (steps.last ?? 0) >= k * rarity ? k * rarity : nil) {
      steps.append(next)
    }
    return steps
  }

  @Test func withoutAFilterToSpeakOfItTakesTheValue() {
    #expect(steps(FilteredSearch(k: 10, value: 80, least: 0), k: 10, rarity: 1) == [80])
    #expect(steps(FilteredSearch(k: 10, value: 81, least: 0), k: 10, rarity: 1) == [113])
  }

  @Test func takesAsManyMoreAsRowsAreRarer() {
    #expect(steps(FilteredSearch(k: 10, value: 40, least: 0), k: 10, rarity: 4) == [40, 57, 80, 113, 160])
    #expect(steps(FilteredSearch(k: 10, value: 20, least: 0), k: 10, rarity: 8).last == 160)
  }

  @Test func withoutAValueItIsEnoughThatKPass() {
    #expect(steps(FilteredSearch(k: 10, value: 0, least: 40), k: 10, rarity: 1) == [40])
    #expect(steps(FilteredSearch(k: 10, value: 0, least: 40), k: 10, rarity: 10) == [40, 57, 80, 113])
  }

  /// A search that begins later takes the same steps from there on, so that one trace tells what each value does.
  @Test func stepsDoNotDependOnTheValue() {
    let all = steps(FilteredSearch(k: 7, value: 1, least: 0), k: 7, rarity: 100_000)
    for value: Int32 in [10, 33, 160] {
      let some = steps(FilteredSearch(k: 7, value: value, least: value), k: 7, rarity: 20)
      #expect(!some.isEmpty && some.allSatisfy { all.contains($0) })
    }
  }

  @Test func endsBeforeNumbersDo() {
    let search = FilteredSearch(k: 1, value: .max, least: 0)
    #expect(search.next(taken: .max, reach: nil) == nil)
    #expect(FilteredSearch(k: .max, value: 0, least: 0).next(taken: 0, reach: nil) == nil)
    #expect(FilteredSearch(k: -1, value: -1, least: -1).next(taken: -1, reach: nil) == 10)
  }
}
