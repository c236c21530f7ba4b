import LearningCore
import Testing

struct ResistantLineTests {
  @Test func findsAnExactLine() throws {
    let points = (0..<30).map { (x: Double($0), y: Double(7 + 3 * $0)) }
    let line = try #require(ResistantLine(points))
    #expect(line.height == 7 && line.slope == 3 && line(100) == 307)
  }

  /// A tenth of the times a thousand times too long moves the line by the noise at most.
  @Test func isNotMovedByOutliers() throws {
    var random = SplitMix64(seed: 3)
    let points = (0..<100).map { point -> (x: Double, y: Double) in
      let x = Double.random(in: 100...5000, using: &random)
      let y = 50 + 1.1 * x + Double.random(in: -20...20, using: &random)
      return (x: x, y: point % 10 == 0 ? 1000 * y : y)
    }
    let line = try #require(ResistantLine(points))
    #expect((1.05...1.15).contains(line.slope) && abs(line(2000) - 2250) < 60)
  }

  @Test func wantsEnoughPointsThatDiffer() {
    let rising = (0..<18).map { (x: Double($0), y: Double($0)) }
    let falling = rising.map { (x: $0.x, y: -$0.y) }
    let alike = rising.map { _ in (x: 1.0, y: 1.0) }
    #expect(ResistantLine(rising) != nil)
    for points in [falling, alike, rising.dropLast(), []] { #expect(ResistantLine(points) == nil) }
  }
}
