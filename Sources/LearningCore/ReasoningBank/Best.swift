/// The best few of many candidates, best first, without memory of its own: the most similar, of equals the least key.
struct Best<let capacity: Int> {
  struct Candidate {
    var similarity: Float
    var position: Int
    var key: Int64
  }

  private var candidates = InlineArray<capacity, Candidate>(
    repeating: Candidate(similarity: -.infinity, position: 0, key: .max))
  private(set) var count = 0

  subscript(place: Int) -> Candidate { candidates[place] }

  /// - Complexity: O(capacity), and O(1) for all that are not among the best.
  @inline(__always)
  mutating func offer(_ similarity: Float, _ position: Int, key: @autoclosure () -> Int64) {
    guard capacity > 0, count < capacity || similarity >= candidates[capacity - 1].similarity else { return }
    insert(Candidate(similarity: similarity, position: position, key: key()))
  }

  private mutating func insert(_ candidate: Candidate) {
    func precedes(_ other: Candidate) -> Bool {
      candidate.similarity > other.similarity
        || (candidate.similarity == other.similarity && candidate.key < other.key)
    }
    var place = count
    if count == capacity {
      guard precedes(candidates[capacity - 1]) else { return }
      place -= 1
    } else {
      count += 1
    }
    while place > 0, precedes(candidates[place - 1]) {
      candidates[place] = candidates[place - 1]
      place -= 1
    }
    candidates[place] = candidate
  }
}
