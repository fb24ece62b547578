// swift-tools-version: 6.2
import PackageDescription

// Coverage-guided fuzzing of the parsers; see run.sh. This is a package of its own, because
// the whole library is built with libFuzzer's instrumentation for it.
let package = Package(
    name: "Fuzz",
    dependencies: [.package(name: "swift-asyncio", path: "../..")],
    targets: [
        .executableTarget(
            name: "stream-fuzz",
            dependencies: [.product(name: "AsyncIO", package: "swift-asyncio")],
            swiftSettings: [
                .swiftLanguageMode(.v6),
                .defaultIsolation(MainActor.self),
                .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
                .unsafeFlags(["-parse-as-library"]),
            ]),
        .executableTarget(
            name: "resp-fuzz",
            dependencies: [.product(name: "AsyncIORedis", package: "swift-asyncio")],
            swiftSettings: [.swiftLanguageMode(.v6), .unsafeFlags(["-parse-as-library"])]),
    ]
)
