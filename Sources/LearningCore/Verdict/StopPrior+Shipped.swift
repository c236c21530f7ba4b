extension StopPrior {
  /// Trained on 2500 searches of each of these, hnsw with pgvector's defaults:
  /// - wn384: WordNet 3.0's definitions, asked with its example sentences; MiniLM-L6-v2 embeddings (WordNet 3.0 licence)
  /// - deb384: Debian 12's package descriptions, asked with synopses; MiniLM-L6-v2 embeddings (licences of the packages)
  /// - sift128: SIFT descriptors of photographs in Debian 12's wallpaper packages and scikit-image (their free licences)
  ///
  /// Made by `Benchmarks/prior --data wn384:cosine --data deb384:cosine --data sift128:l2`, which also tells what it is worth.
  public static let shipped = StopPrior(
    slopes: [
      SIMD3(1.24, 0.38, 0.00),
      SIMD3(1.19, 0.37, -0.23),
      SIMD3(1.15, 0.40, -0.23),
      SIMD3(1.12, 0.37, -0.26),
      SIMD3(1.01, 0.27, -0.60),
      SIMD3(0.96, 0.21, -0.75),
      SIMD3(0.90, 0.14, -0.90),
      SIMD3(0.85, 0.13, -0.88),
      SIMD3(0.78, 0.06, -0.94),
      SIMD3(0.70, 0.02, -0.91),
      SIMD3(0.67, -0.07, -0.94),
      SIMD3(0.60, -0.11, -0.93),
      SIMD3(0.55, -0.21, -0.75),
    ],
    strength: 3)
}
