import Glibc

/// How large distances are where a query lies, as patterns tell: lets one stop rule serve tenants, languages or models
/// whose distances differ by a factor.
///
/// A rule reads distances.  Where those of one half of a table are three times those of the other it takes every
/// query of the one for hard, of the other for easy.  So each pattern knows the scale of the distances about it,
/// calibrated on labels, and a rule sees distances divided by the scale of the pattern nearest to the query.
public struct StopRegions: Equatable, Sendable {
  /// At most this many.
  public static let capacity = 64

  /// A `BankImage`: the offset of a pattern is the logarithm of its scale.
  public let image: [UInt8]

  /// - Throws: `patterns` for bytes that are no image.
  public init(image: [UInt8]) throws(LearningError) {
    guard image.withUnsafeBytes({ BankImage(validating: $0) != nil }) else { throw .patterns }
    self.image = image
  }

  /// Tells this image from others.
  public var checksum: UInt64 { image.withUnsafeBytes { BankImage(trusting: $0)?.checksum ?? 0 } }

  /// Components that an embedding must have.
  public var dimension: Int { image.withUnsafeBytes { BankImage(trusting: $0)?.dimension ?? 0 } }

  /// The scale of distances about an embedding, above 0: that of the nearest pattern; 1 where none is near.
  ///
  /// - Complexity: O(patterns × dimension).
  public func scale(at embedding: [Float]) -> Double {
    image.withUnsafeBytes { image in
      embedding.withUnsafeBufferPointer { BankImage(trusting: image)?.scale(at: $0) ?? 1 }
    }
  }

  /// The searches as a rule sees them.
  func scaled(_ searches: [BatchedSearch]) -> [BatchedSearch] {
    searches.map { $0.scaled(by: scale(at: $0.embedding)) }
  }
}

extension BankImage {
  /// As `StopRegions`; allocates nothing.
  public func scale(at query: UnsafeBufferPointer<Float>) -> Double {
    var nearest = Match()
    return withUnsafeMutablePointer(to: &nearest) { nearest in
      lookup(query, into: UnsafeMutableBufferPointer(start: nearest, count: 1)) > 0
        ? exp(Double(nearest.pointee.offset)) : 1
    }
  }
}
