import LearningCore
import Testing

/// Real searches of one index as labels measured them: at fixed values, and in batches.
///
/// Written as text, a search a line, numbers as digits to the base 64 (0-9, A-Z, a-z, +, /): for each value recall
/// in tenths (1 digit) and buffers / 4 (2), then for each batch the same and nearest, k-th, last distance × 4096 (2
/// digits each).
struct RecordedSearches {
  struct Search {
    /// By value: recall, buffers.
    var atValues: [(recall: Float, blocks: Float)] = []
    /// Batch after batch, as `BatchedSearch` reads them.
    var stages: [Float] = []

    /// That has found no more, whatever it did, than with the least effort.
    var shallow: Search {
      var search = self
      for position in atValues.indices { search.atValues[position].recall = atValues[0].recall }
      for start in stride(from: 0, to: stages.count, by: BatchedSearch.width) { search.stages[start] = stages[0] }
      return search
    }
  }

  let values: [Int32]
  let searches: [Search]

  init(values: [Int32], stages: Int, _ text: String) {
    self.values = values
    searches = text.utf8.split(separator: UInt8(ascii: "\n")).map { line in
      var digits = line.map(Self.digit)[...]
      func number(_ width: Int) -> Float {
        defer { digits = digits.dropFirst(width) }
        return Float(digits.prefix(width).reduce(0) { 64 * $0 + $1 })
      }
      var search = Search()
      for _ in values { search.atValues.append((recall: number(1) / 10, blocks: number(2) * 4)) }
      for _ in 0..<stages {
        search.stages += [number(1) / 10, number(2) * 4]
        search.stages += [number(2) / 4096, number(2) / 4096, number(2) / 4096, .nan]
      }
      return search
    }
  }

  private static func digit(_ character: UInt8) -> Int {
    switch character {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): Int(character - UInt8(ascii: "0"))
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): Int(character - UInt8(ascii: "A")) + 10
    case UInt8(ascii: "a")...UInt8(ascii: "z"): Int(character - UInt8(ascii: "a")) + 36
    default: character == UInt8(ascii: "+") ? 62 : 63
    }
  }

  /// One search in eight is for fitting, as in the worker.
  func labels(_ searches: [Search], using random: inout some RandomNumberGenerator) throws -> LabelMatrix {
    try labels(searches, forFitting: searches.map { _ in Int.random(in: 0..<8, using: &random) == 0 })
  }

  func labels(_ searches: [Search], forFitting: [Bool]) throws -> LabelMatrix {
    try LabelMatrix(
      values: values, recall: searches.flatMap { $0.atValues.map(\.recall) },
      blocks: searches.flatMap { $0.atValues.map(\.blocks) },
      blocksAtSetting: searches.map { $0.atValues[2].blocks },
      searches: zip(searches, forFitting).map { try BatchedSearch($0.stages, isForFitting: $1) })
  }
}

struct RecordedSearchesTests {
  @Test func areThoseOfTheIndex() {
    let recorded = RecordedSearches.wordNet
    #expect(recorded.searches.count == 400)
    func mean(_ position: Int) -> Float { recorded.searches.reduce(0) { $0 + $1.atValues[position].recall } / 400 }
    #expect(abs(mean(2) - 0.9195) < 1e-5 && abs(mean(8) - 0.99275) < 1e-5)
    let first = recorded.searches[1]
    #expect(first.stages.count == 8 * BatchedSearch.width && first.atValues[0].recall == 0.7)
    #expect(first.stages[2] < first.stages[3])
  }
}
