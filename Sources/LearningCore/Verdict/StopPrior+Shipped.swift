extension StopPrior {
  /// Trained on 2500 searches of each of these, hnsw with pgvector's defaults:
  /// - wn384: WordNet 3.0's definitions, MiniLM-L6-v2 embeddings (WordNet 3.0 licence)
  /// - deb384: Debian 12's package descriptions, MiniLM-L6-v2 embeddings (licences of the packages)
  /// - sift128: SIFT descriptors of images of Debian 12's wallpaper packages and scikit-image (theirs)
  ///
  /// Made by `Benchmarks/prior`, which also tells what it is worth, of wn384:cosine, deb384:cosine, sift128:l2.
  public static let shipped = StopPrior(
    slopes: [
      SIMD3(1.27, 0.43, 0.00),
      SIMD3(1.20, 0.42, -0.25),
      SIMD3(1.15, 0.45, -0.27),
      SIMD3(1.13, 0.41, -0.34),
      SIMD3(1.01, 0.31, -0.71),
      SIMD3(0.97, 0.27, -0.84),
      SIMD3(0.90, 0.21, -1.02),
      SIMD3(0.85, 0.17, -1.01),
      SIMD3(0.80, 0.05, -1.07),
      SIMD3(0.74, 0.05, -1.04),
      SIMD3(0.68, -0.06, -1.00),
      SIMD3(0.60, -0.11, -0.99),
      SIMD3(0.60, -0.13, -0.83),
    ],
    strength: 3)
}
