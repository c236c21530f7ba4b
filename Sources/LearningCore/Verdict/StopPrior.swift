/// What labels of other tables say about when a search can end: used where own labels are few, outweighed by them
/// where they are many.
///
/// After each batch three slopes in the log odds that a neighbour is missing, of the contrasts of a search's distances
/// (the k-th; the nearest less the k-th; the last less the k-th), each standardised on the table at hand.  So they
/// carry over whatever the metric and the dimension.  How much is missing on average, and where a search may end, is
/// learned and certified on own labels alone: a bad prior costs buffers, never recall.
///
/// - Source: Gelman, Jakulin, Pittau, Su 2008, *A weakly informative default prior distribution for logistic and
///   other regression models* (standardised inputs); Chelba, Acero 2006, *Adaptation of maximum entropy
///   capitalizer* (a normal prior about the weights of another corpus).
public struct StopPrior: Sendable {
  /// One for each batch; the last also stands for later ones.
  public let slopes: [SIMD3<Double>]
  /// 1 / variance of a slope about its prior.
  public let strength: Double

  /// - Parameters:
  ///   - slopes: finite.
  ///   - strength: finite, above 0.
  public init(slopes: [SIMD3<Double>], strength: Double) {
    self.slopes = slopes
    self.strength = strength
  }

  /// Believes nothing but that slopes are small.
  public static let none = StopPrior(slopes: [], strength: FractionalLogit.Prior.none.strength)

  /// After a batch, counted from 0.
  func after(_ stage: Int) -> FractionalLogit.Prior {
    slopes.isEmpty ? .none : FractionalLogit.Prior(slopes: slopes[min(stage, slopes.count - 1)], strength: strength)
  }
}
