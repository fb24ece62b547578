// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that who uses the library need not see it. The settings are the
// library's; programs take the main actor, which is the loop, as their default isolation.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .strictMemorySafety(),
    .defaultIsolation(MainActor.self),
]

let program: [Target.Dependency] = [
    .product(name: "AsyncIO", package: "swift-asyncio"),
    .product(name: "ArgumentParser", package: "swift-argument-parser"),
]

let package = Package(
    name: "Examples",
    dependencies: [
        .package(name: "swift-asyncio", path: ".."),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    ],
    targets: [
        // Small programs in the order in which one meets them when learning asyncio.
        .target(
            name: "Tour",
            dependencies: [.product(name: "AsyncIO", package: "swift-asyncio")],
            swiftSettings: settings),
        .executableTarget(name: "asyncio-tour", dependencies: ["Tour"], swiftSettings: settings),
        .testTarget(
            name: "TourTests",
            dependencies: [
                "Tour",
                .product(name: "AsyncIO", package: "swift-asyncio"),
                .product(name: "AsyncIOTesting", package: "swift-asyncio"),
            ],
            swiftSettings: settings),

        // As much of HTTP/1.1 as the programs need.
        .target(
            name: "HTTP",
            dependencies: program,
            swiftSettings: settings),
        // Programs, each a real use.
        .executableTarget(name: "workers", dependencies: program + ["HTTP"], swiftSettings: settings),
        .executableTarget(name: "supervisor", dependencies: program, swiftSettings: settings),
        .testTarget(
            name: "ProcessTests",
            dependencies: [
                .product(name: "AsyncIO", package: "swift-asyncio"),
                .product(name: "AsyncIOTesting", package: "swift-asyncio"),
            ],
            swiftSettings: settings),
        .executableTarget(name: "echo-server", dependencies: program, swiftSettings: settings),
        .executableTarget(name: "chat-server", dependencies: program, swiftSettings: settings),
        .executableTarget(name: "port-forwarder", dependencies: program, swiftSettings: settings),
        .executableTarget(name: "downloader", dependencies: program + ["HTTP"], swiftSettings: settings),
        .executableTarget(name: "redis-client", dependencies: program, swiftSettings: settings),
        .testTarget(
            name: "NetworkTests",
            dependencies: [
                .product(name: "AsyncIO", package: "swift-asyncio"),
                .product(name: "AsyncIOTesting", package: "swift-asyncio"),
            ],
            swiftSettings: settings),
    ]
)
