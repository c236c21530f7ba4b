import Glibc

/// A bank's patterns of level 0 as bytes at any address: what processes share, and what answers a query.
///
/// From `grouped` patterns on they lie in √n groups around heads: a query is compared with the heads, then with the
/// patterns of the nearest groups until it has seen `seen` · √n of them.  Numbers are those of this machine.
///
///     header       48 bytes    magic, version, dimension, bytes, checksum, patterns, parameters, groups
///     ids          Int64       for each pattern, group after group, in a group ascending
///     confidence   Double      for each pattern
///     parameters   Double      all of a pattern, then the next
///     starts       UInt32      first pattern of each group, and the number of patterns at the end
///     offsets      Float       for each pattern
///     heads        Float       directions of the groups
///     centroids    Float       directions of the patterns
///
/// Holds no memory: whoever has the bytes keeps them as long as the image is in use.
public struct BankImage {
  /// A pattern near a query.
  public struct Match: Equatable, Sendable {
    public var id: Int64
    /// In the image, from 0.
    public var position: Int
    public var similarity: Float
    /// 0...1.
    public var confidence: Double
    /// What a stop rule adds for queries like these.
    public var offset: Float

    public init(id: Int64 = 0, position: Int = 0, similarity: Float = 0, confidence: Double = 0, offset: Float = 0) {
      self.id = id
      self.position = position
      self.similarity = similarity
      self.confidence = confidence
      self.offset = offset
    }
  }

  /// Fewer patterns are compared one by one: about as many as fit the time of a grouped look-up.
  public static let grouped = 200
  /// Patterns to be seen in groups, in √n: with 4 recall hardly rose, with 2 it fell by a hundredth or two where clusters
  /// overlap.
  static let seen = 3

  let layout: BankLayout
  private let base: UnsafeRawPointer

  /// The image in these bytes, whoever wrote them; nil unless all of it is as `bytes(for:)` makes it.
  ///
  /// - Parameter bytes: may go on after the image.
  /// - Complexity: O(bytes).
  public init?(validating bytes: UnsafeRawBufferPointer) {
    self.init(trusting: bytes)
    let image = UnsafeRawBufferPointer(start: base, count: layout.bytes)
    guard BankLayout.checksum(of: image) == image.loadUnaligned(fromByteOffset: BankLayout.checksum, as: UInt64.self),
      contentIsPossible
    else { return nil }
  }

  /// The image in bytes that were validated before and have not changed since; nil where not even the sizes fit.
  ///
  /// - Complexity: O(1).
  public init?(trusting bytes: UnsafeRawBufferPointer) {
    guard let base = bytes.baseAddress, let layout = BankLayout(header: bytes) else { return nil }
    self.base = base
    self.layout = layout
  }

  public var dimension: Int { layout.dimension }
  public var checksum: UInt64 { base.loadUnaligned(fromByteOffset: BankLayout.checksum, as: UInt64.self) }
  public var parameters: Int { layout.parameters }
  /// Patterns in it.
  public var count: Int { layout.patterns }

  /// The nearest patterns, by cosine descending, then by identifier.
  ///
  /// - Parameters:
  ///   - query: components; of another number, or without direction, it matches nothing.
  ///   - matches: room for up to three.
  /// - Returns: how many were written.
  /// - Complexity: O(√patterns × dimension), allocates nothing.
  public func lookup(
    _ query: UnsafeBufferPointer<Float>, into matches: UnsafeMutableBufferPointer<Match>
  ) -> Int {
    let bytes = UnsafeRawBufferPointer(query)
    guard query.count == dimension, let factor = Kernel.inverseLength(ofSquare: Kernel.dot(bytes, bytes)) else {
      return 0
    }
    var best = Best<3>()
    if layout.groups == 0 {
      scan(0..<count, bytes, factor, &best)
    } else {
      // So many hold what is to be seen unless most groups are tiny.
      var heads = Best<16>()
      for group in 0..<layout.groups {
        heads.offer(Kernel.dot(bytes, vector(at: layout.heads, group)), group, key: Int64(group))
      }
      var seen = 0
      for place in 0..<heads.count where seen < Self.seen * layout.groups {
        let members = members(of: heads[place].position)
        scan(members, bytes, factor, &best)
        seen += members.count
      }
    }
    let found = min(best.count, matches.count)
    for place in 0..<found { matches[place] = match(best[place]) }
    return found
  }

  /// What the nearest patterns advise, as `ReasoningBank.suggestion`; nil also where the space has other parameters.
  public func suggestion(for query: [Float], in space: ParameterSpace) -> Suggestion? {
    guard space.parameters.count == parameters else { return nil }
    var matches = [Match](repeating: Match(), count: ReasoningBank.matches)
    let found = query.withUnsafeBufferPointer { query in
      matches.withUnsafeMutableBufferPointer { lookup(query, into: $0) }
    }
    let advice = matches.prefix(found).map { match in
      Suggestion.Advice(
        id: match.id, similarity: match.similarity, confidence: match.confidence,
        parameters: (0..<parameters).map { parameter($0, of: match) })
    }
    guard advice.allSatisfy({ space.contains($0.parameters) }) else { return nil }
    return Suggestion(of: advice, in: space)
  }

  /// What a match of this image advises for a parameter, counted from 0; NaN for one that is not there.
  public func parameter(_ parameter: Int, of match: Match) -> Double {
    guard (0..<parameters).contains(parameter), (0..<count).contains(match.position) else { return .nan }
    return load(layout.values, match.position * parameters + parameter)
  }

  // MARK: Search

  @inline(__always)
  private func scan(_ patterns: Range<Int>, _ query: Kernel.Vector, _ factor: Float, _ best: inout Best<3>) {
    for pattern in patterns {
      let similarity = factor * Kernel.dot(query, vector(at: layout.centroids, pattern))
      best.offer(similarity, pattern, key: load(layout.ids, pattern))
    }
  }

  private func match(_ candidate: Best<3>.Candidate) -> Match {
    Match(
      id: candidate.key, position: candidate.position, similarity: candidate.similarity,
      confidence: load(layout.confidences, candidate.position), offset: load(layout.offsets, candidate.position))
  }

  private func members(of group: Int) -> Range<Int> {
    Int(load(layout.starts, group) as UInt32)..<Int(load(layout.starts, group + 1) as UInt32)
  }

  // MARK: Bytes

  @inline(__always)
  private func load<Value: BitwiseCopyable>(_ start: Int, _ place: Int) -> Value {
    base.loadUnaligned(fromByteOffset: start &+ place &* MemoryLayout<Value>.size, as: Value.self)
  }

  @inline(__always)
  private func vector(at start: Int, _ place: Int) -> Kernel.Vector {
    UnsafeRawBufferPointer(start: base + start + 4 * dimension * place, count: 4 * dimension)
  }

  private var contentIsPossible: Bool {
    (layout.groups == 0 || startsArePossible)
      && (0..<count).allSatisfy { pattern in
        let (id, confidence, offset): (Int64, Double, Float) =
          (load(layout.ids, pattern), load(layout.confidences, pattern), load(layout.offsets, pattern))
        return id > 0 && (0...1).contains(confidence) && Self.isPossible(offset: offset)
          && isDirection(vector(at: layout.centroids, pattern))
      }
      && (0..<count * parameters).allSatisfy { (load(layout.values, $0) as Double).isFinite }
      && (0..<layout.groups).allSatisfy { isDirection(vector(at: layout.heads, $0)) }
  }

  /// An offset may be a logarithm: what it is of must be a number.
  static func isPossible(offset: Float) -> Bool { exp(Double(offset)).isNormal }

  private var startsArePossible: Bool {
    let starts = (0...layout.groups).map { load(layout.starts, $0) as UInt32 }
    return starts.first == 0 && starts.last == UInt32(count) && zip(starts, starts.dropFirst()).allSatisfy(<=)
  }

  /// Length 1 but for rounding, or 0.
  private func isDirection(_ vector: Kernel.Vector) -> Bool {
    let square = Kernel.dot(vector, vector)
    return square == 0 || abs(square - 1) < 1e-3
  }
}
