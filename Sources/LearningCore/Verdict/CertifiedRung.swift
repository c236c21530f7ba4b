/// What is known of one value of a search parameter.
public struct CertifiedRung: Sendable {
  public let value: Int32
  /// Labels that measured its recall.
  public let labels: Int
  /// Mean recall; nil when not measured.
  public let recall: Float?
  /// Every value tested from this one up has at least this mean recall (95 %, at every look); nil when not
  /// tested.
  public let bound: Float?
  /// Mean buffers touched by a search; nil when not measured.
  public let blocks: Float?

  @inlinable
  public init(value: Int32, labels: Int, recall: Float?, bound: Float?, blocks: Float?) {
    self.value = value
    self.labels = labels
    self.recall = recall
    self.bound = bound
    self.blocks = blocks
  }
}

/// The most that certainty may cost: a certified value is put in force once it touches at most this many
/// times the buffers of the cheapest value that reaches the target on average.
///
/// With few labels only very large values can be certified.  They would be right, and needlessly dear for
/// everybody until more labels are in; those come soon, as nothing else holds them up.
public let greatestPremium: Float = 1.5

extension RandomAccessCollection where Element == CertifiedRung {
  /// Position of the value to use where a mean recall of `target` is asked for: the smallest that is
  /// certified for it, provided that it is not dearer than the setting or than `greatestPremium` allows.
  ///
  /// - Parameters:
  ///   - minSamples: labels below which no evidence counts.
  ///   - setting: the value that would be used otherwise.
  /// - Returns: nil when no value is certified, when it is too dear, or when its cost is not known.
  /// - Complexity: O(count), allocates nothing.
  @inlinable
  public func position(certifiedFor target: Double, minSamples: Int, setting: Int32?) -> Index? {
    let smallest = firstIndex { rung in
      guard let bound = rung.bound else { return false }
      return rung.labels >= minSamples && Double(bound) >= target
    }
    guard let smallest, let cost = self[smallest].blocks else { return nil }
    if let before = first(where: { $0.value == setting })?.blocks, cost <= before { return smallest }
    let onAverage = first { rung in
      guard let recall = rung.recall else { return false }
      return rung.labels >= minSamples && Double(recall) >= target
    }
    guard let least = onAverage?.blocks, cost <= greatestPremium * least else { return nil }
    return smallest
  }
}
