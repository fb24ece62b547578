// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that who uses the library need not see it. The settings are the
// library's; programs take the main actor, which is the loop, as their default isolation.
let language: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .strictMemorySafety(),
]
let settings = language + [.defaultIsolation(MainActor.self)]

let package = Package(
    name: "Benchmarks",
    dependencies: [
        .package(name: "swift-asyncio", path: ".."),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.0"),
    ],
    targets: [
        .executableTarget(
            name: "asyncio-bench",
            dependencies: [
                .product(name: "AsyncIO", package: "swift-asyncio"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: settings),
        // Commands to Redis; see redis.py.
        .executableTarget(
            name: "redis-bench",
            dependencies: [
                .product(name: "AsyncIO", package: "swift-asyncio"),
                .product(name: "AsyncIORedis", package: "swift-asyncio"),
            ],
            swiftSettings: settings),
        // A simulated network of hosts.
        .executableTarget(
            name: "asyncio-simulation",
            dependencies: [
                .product(name: "AsyncIO", package: "swift-asyncio"),
                .product(name: "AsyncIOTesting", package: "swift-asyncio"),
            ],
            swiftSettings: settings),
        // Loops on threads of their own: no default isolation, because the main actor is not theirs.
        .executableTarget(
            name: "asyncio-loops",
            dependencies: [.product(name: "AsyncIO", package: "swift-asyncio")],
            swiftSettings: language),
    ]
)
