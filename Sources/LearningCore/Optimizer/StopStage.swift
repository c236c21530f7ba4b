import Glibc

/// What a search in batches knows after a batch: distances, NaN where there is no such row.
public struct StageFacts: Sendable {
  /// Of the best row.
  public let nearest: Double
  /// Of the k-th best row.
  public let kth: Double
  /// How far the search has looked.  hnsw: the last row of the batch.  ivfflat: as far beyond the k-th best row as the
  /// nearest rows of the lists lay beyond it on average, each at its time.
  public let last: Double

  public init(nearest: Double, kth: Double, last: Double) {
    self.nearest = nearest
    self.kth = kth
    self.last = last
  }

  /// Distances in units of `scale`.
  public func scaled(by scale: Double) -> StageFacts {
    StageFacts(nearest: nearest / scale, kth: kth / scale, last: last / scale)
  }

  /// The level of the distances and two gaps between them: the distances alone rise and fall together, so that what
  /// each of them says could not be told apart, nor carried over to another table.
  var contrasts: SIMD3<Double> { SIMD3(kth, nearest - kth, last - kth) }
  var isKnown: Bool { nearest.isFinite && kth.isFinite && last.isFinite }
}

/// What a rule knows of one batch of a search.
///
/// A logistic model predicts the share of the k neighbours that is still missing, from the distances seen so
/// far.  The search ends when that is too little for the buffers that the next batch would touch.
public struct StopStage: Equatable, Sendable {
  /// Of (1, nearest, kth, last) in the log odds that a neighbour is missing.
  public let weights: SIMD4<Float>
  /// Buffers that the next batch touches on average: infinite for the last batch, after which every search
  /// ends; 0 where nothing is known of a stage, so that every search goes on.
  public let nextBlocks: Float
  /// What the next batch is worth at least, whatever was found: smaller multipliers end no search here, so that it can
  /// take this batch and the next at once.  Each look between them takes time.
  public let leastWorth: Float

  public init(weights: SIMD4<Float>, nextBlocks: Float, leastWorth: Float = 0) {
    self.weights = weights
    self.nextBlocks = nextBlocks
    self.leastWorth = leastWorth
  }

  /// What a buffer of the next batch is expected to bring: the share of neighbours missing / `nextBlocks`, and
  /// `leastWorth` at least.
  ///
  /// - Returns: 0 or more, in 1 / buffers; NaN when a distance is not known.
  /// - Complexity: O(1), allocates nothing.
  public func worth(after facts: StageFacts) -> Double {
    guard facts.isKnown else { return .nan }
    let logOdds = (SIMD4<Double>(weights) * SIMD4(1, facts.nearest, facts.kth, facts.last)).sum()
    return max(1 / (1 + exp(-logOdds)) / Double(nextBlocks), Double(leastWorth))
  }

  /// Whether a search ends here: a buffer of the next batch is worth less than `multiplier`, the recall that one more
  /// must bring.  What is not known ends no search.
  ///
  /// - Complexity: O(1), allocates nothing.
  public func ends(after facts: StageFacts, multiplier: Double) -> Bool { worth(after: facts) < multiplier }

  /// Whether any search may end here.
  public func canEnd(multiplier: Double) -> Bool { !(Double(leastWorth) >= multiplier) }
}
