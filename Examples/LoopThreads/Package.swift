// swift-tools-version: 6.2
import PackageDescription

// Separate from the other examples, whose tests run on the loop of AsyncIOTesting. Here, nothing is installed in the
// process: the main actor and the test runner are Swift's own.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .strictMemorySafety(),
]

let package = Package(
    name: "LoopThreads",
    products: [.library(name: "KeyValueStore", targets: ["KeyValueStore"])],
    dependencies: [.package(name: "swift-asyncio", path: "../..")],
    targets: [
        .target(
            name: "KeyValueStore",
            dependencies: [.product(name: "AsyncIO", package: "swift-asyncio")],
            swiftSettings: settings),
        .testTarget(
            name: "KeyValueStoreTests",
            dependencies: ["KeyValueStore", .product(name: "AsyncIO", package: "swift-asyncio")],
            swiftSettings: settings),
    ]
)
