// swift-tools-version: 6.2
import PackageDescription

// A separate package, so that users of the library do not build it. The settings are the
// library's; programs use the main actor, which is the loop, as their default isolation.
let language: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .strictMemorySafety(),
]
let settings = language + [.defaultIsolation(MainActor.self)]

let program: [Target.Dependency] = [
    .product(name: "AsyncIO", package: "swift-asyncio"),
    .product(name: "ArgumentParser", package: "swift-argument-parser"),
]

let package = Package(
    name: "Examples",
    dependencies: [
        .package(name: "swift-asyncio", path: "..", traits: ["Metrics", "Tracing", "ServiceLifecycle"]),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-system", from: "1.6.0"),
        // For the guide "Using other libraries".
        .package(url: "https://github.com/apple/swift-async-algorithms", from: "1.1.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.0"),
        // For the programs that demonstrate the package traits.
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-distributed-tracing", from: "1.7.3"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        // Small programs, in the order in which you meet their topics when you learn asyncio.
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

        // The parts of HTTP/1.1 that the programs need.
        .target(
            name: "HTTP",
            dependencies: program,
            swiftSettings: settings),
        // Complete programs with a practical use.
        .executableTarget(name: "workers", dependencies: program + ["HTTP"], swiftSettings: settings),
        // Its handlers run on loops that are not the main actor's.
        .executableTarget(name: "multicore-server", dependencies: program, swiftSettings: language),
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
        // The program of the tutorial in the guides.
        .executableTarget(name: "chat-rooms", dependencies: program, swiftSettings: settings),
        .testTarget(
            name: "ChatRoomsTests",
            dependencies: [
                "chat-rooms",
                .product(name: "AsyncIO", package: "swift-asyncio"),
                .product(name: "AsyncIOTesting", package: "swift-asyncio"),
            ],
            swiftSettings: settings),
        .executableTarget(name: "port-forwarder", dependencies: program, swiftSettings: settings),
        .executableTarget(name: "downloader", dependencies: program + ["HTTP"], swiftSettings: settings),
        .executableTarget(
            name: "redis-client",
            dependencies: program + [.product(name: "AsyncIORedis", package: "swift-asyncio")],
            swiftSettings: settings),
        .executableTarget(
            name: "job-queue",
            dependencies: program + [.product(name: "AsyncIORedis", package: "swift-asyncio")],
            swiftSettings: settings),
        .testTarget(
            name: "NetworkTests",
            dependencies: [
                .product(name: "AsyncIO", package: "swift-asyncio"),
                .product(name: "AsyncIOTesting", package: "swift-asyncio"),
            ],
            swiftSettings: settings),

        // Ten programs, each written twice: by hand, and with the conveniences of the library.
        .target(
            name: "TenPrograms",
            dependencies: [.product(name: "AsyncIO", package: "swift-asyncio")],
            swiftSettings: settings),
        .testTarget(
            name: "TenProgramsTests",
            dependencies: [
                "TenPrograms",
                .product(name: "AsyncIO", package: "swift-asyncio"),
                .product(name: "AsyncIOTesting", package: "swift-asyncio"),
            ],
            swiftSettings: settings),

        // A distributed program, and tests that run all of it in a simulation.
        .target(
            name: "ReplicatedStore",
            dependencies: [
                .product(name: "AsyncIO", package: "swift-asyncio"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: settings),
        .executableTarget(
            name: "replicated-store", dependencies: program + ["ReplicatedStore"], swiftSettings: settings),
        .testTarget(
            name: "ReplicatedStoreTests",
            dependencies: [
                "ReplicatedStore",
                .product(name: "AsyncIO", package: "swift-asyncio"),
                .product(name: "AsyncIOTesting", package: "swift-asyncio"),
            ],
            swiftSettings: settings),

        // The code and the claims of the guide "Using other libraries". The libraries that are built
        // on SwiftNIO take minutes to build, so they are in a separate package, OtherLibraries.
        .target(
            name: "OtherLibraries",
            dependencies: [
                .product(name: "AsyncIO", package: "swift-asyncio"),
                .product(name: "Subprocess", package: "swift-subprocess"),
            ],
            swiftSettings: settings),
        .testTarget(
            name: "OtherLibraryTests",
            dependencies: [
                "OtherLibraries",
                .product(name: "AsyncIO", package: "swift-asyncio"),
                .product(name: "AsyncIOTesting", package: "swift-asyncio"),
                .product(name: "AsyncAlgorithms", package: "swift-async-algorithms"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings),

        // Programs that use packages of the server ecosystem, for which AsyncIO has traits.
        .executableTarget(
            name: "metrics-server",
            dependencies: program + [.product(name: "CoreMetrics", package: "swift-metrics")],
            swiftSettings: settings),
        .executableTarget(
            name: "traced-requests",
            dependencies: program + [
                .product(name: "Tracing", package: "swift-distributed-tracing"),
                .product(name: "InMemoryTracing", package: "swift-distributed-tracing"),
            ],
            swiftSettings: settings),
        .executableTarget(
            name: "service-group",
            dependencies: program + [
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings),
        .testTarget(
            name: "EcosystemTests",
            dependencies: [
                .product(name: "AsyncIO", package: "swift-asyncio"),
                .product(name: "AsyncIOTesting", package: "swift-asyncio"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "MetricsTestKit", package: "swift-metrics"),
                .product(name: "CoreMetrics", package: "swift-metrics"),
                .product(name: "Tracing", package: "swift-distributed-tracing"),
                .product(name: "InMemoryTracing", package: "swift-distributed-tracing"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings),
    ]
)
