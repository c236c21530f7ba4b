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
    #expect(steps(FilteredSearch(.hnsw, k: 10, value: 80, least: 80), k: 10, rarity: 1) == [80])
    #expect(steps(FilteredSearch(.hnsw, k: 10, value: 81, least: 81), k: 10, rarity: 1) == [113])
  }

  @Test func takesAsManyMoreAsRowsAreRarer() {
    #expect(steps(FilteredSearch(.hnsw, k: 10, value: 40, least: 40), k: 10, rarity: 4) == [40, 57, 80, 113, 160])
    #expect(steps(FilteredSearch(.hnsw, k: 10, value: 20, least: 20), k: 10, rarity: 8).last == 160)
  }

  @Test func ofIvfflatTakesMoreByTheFourthRoot() {
    func last(_ value: Int32, reach: Int32) -> Int32? {
      var taken: Int32 = 0
      while let next = FilteredSearch(.ivfflat, k: 10, value: value, least: 0).next(taken: taken, reach: reach) {
        taken = next
      }
      return taken
    }
    #expect(last(8, reach: 10) == 8 && last(8, reach: 160) == 16 && last(8, reach: 161) == 23)
    #expect(last(0, reach: 10) == 1 && last(1, reach: .max) == 128)
    // fewer than k passed: one list, and then on by the same steps
    let search = FilteredSearch(.ivfflat, k: 100, value: 0, least: 0)
    var steps: [Int32] = []
    while let next = search.next(taken: steps.last ?? 0, reach: nil), next <= 16 { steps.append(next) }
    #expect(steps == [1, 2, 3, 4, 6, 8, 11, 16])
    #expect(FilteredSearch(.ivfflat, k: 100, value: 4, least: 10).next(taken: 8, reach: 100) == 11)
  }

  @Test func withoutAValueItIsEnoughThatKPass() {
    #expect(steps(FilteredSearch(.hnsw, k: 10, value: 0, least: 40), k: 10, rarity: 1) == [40])
    #expect(steps(FilteredSearch(.hnsw, k: 10, value: 0, least: 40), k: 10, rarity: 10) == [40, 57, 80, 113])
  }

  /// A search for the largest value takes all the steps at which one for a smaller value may end, so that it tells
  /// what each value does.
  @Test func oneSearchTellsOfAllSmallerValues() {
    for rarity: Int32 in [1, 3, 20] {
      let all = steps(FilteredSearch(.hnsw, k: 7, value: 1000, least: 7), k: 7, rarity: rarity)
      #expect(all[0] == 10)
      for value: Int32 in [7, 10, 33, 160, 905] {
        let search = FilteredSearch(.hnsw, k: 7, value: value, least: value)
        let told = all.first { search.next(taken: $0, reach: $0 >= 7 * rarity ? 7 * rarity : nil) == nil }
        #expect(told == steps(search, k: 7, rarity: rarity).last)
      }
    }
  }

  @Test func endsBeforeNumbersDo() {
    let search = FilteredSearch(.hnsw, k: 1, value: .max, least: 0)
    #expect(search.next(taken: .max, reach: nil) == nil)
    #expect(FilteredSearch(.hnsw, k: .max, value: 0, least: 0).next(taken: 0, reach: nil) == nil)
    #expect(FilteredSearch(.hnsw, k: -1, value: -1, least: -1).next(taken: -1, reach: nil) == 10)
  }
}
