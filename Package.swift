// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "ruvector",
  products: [
    .library(name: "RuVector", type: .static, targets: ["RuVectorBridge"])
  ],
  targets: [
    // The border as Swift sees it: headers without PostgreSQL.  The other C files
    // beside it need postgres.h and are compiled by PGXS, not by SwiftPM.
    .target(name: "CShim", path: "CShim", sources: ["abi.c"], publicHeadersPath: "include"),
    .target(name: "LearningCore", dependencies: ["CShim"]),
    .target(name: "RuVectorBridge", dependencies: ["LearningCore", "CShim"]),
    .executableTarget(name: "bank-bench", dependencies: ["LearningCore"], path: "Benchmarks/Bank"),
    .testTarget(
      name: "LearningCoreTests", dependencies: ["LearningCore", "RuVectorBridge", "CShim"],
      exclude: ["known_answers.py"]),
  ],
  swiftLanguageModes: [.v6]
)
