import Glibc

/// Simulations that are shortened in `make test` and longer by the factor RUVECTOR_HARD in `make check-hard`.
enum Replays {
  /// How many replays there are where usually there are so many.
  static func of(_ usual: Int) -> Int {
    usual * max(1, getenv("RUVECTOR_HARD").flatMap { Int(String(cString: $0)) } ?? 1)
  }

  /// Tells `Tests/run` what was tried, how often, and in how many replays it went wrong.
  static func tell(_ what: String, replays: Int, wrong: Int) {
    guard let path = getenv("RUVECTOR_TRIED"), let file = fopen(path, "a") else { return }
    fputs("swift\t\(what)\t\(replays)\t\(wrong) replays\n", file)
    fclose(file)
  }
}
