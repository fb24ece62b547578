// swift-tools-version: 6.2
import PackageDescription

// The same settings for every Swift target, so that no module is less strict than another.
let language: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    // An async function runs where its caller runs, so code on one loop needs no hop per await.
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]
let settings = language + [.strictMemorySafety()]

// Programs use the main actor, which runs on the loop, as their default isolation.
let applicationSettings = settings + [.defaultIsolation(MainActor.self)]

// Tests also call the C library directly to act as the operating system, so they omit strict memory safety.
let testSettings = language + [.defaultIsolation(MainActor.self)]

let package = Package(
    name: "swift-asyncio",
    products: [
        // The library.
        .library(name: "AsyncIO", targets: ["AsyncIO"]),
        // When linked, makes the loop the executor of an `async` main and of test runners.
        .library(name: "AsyncIOMain", targets: ["AsyncIOMain"]),
        // Virtual time and seeded schedules, for tests.
        .library(name: "AsyncIOTesting", targets: ["AsyncIOTesting"]),
        // A client of Redis and Valkey.
        .library(name: "AsyncIORedis", targets: ["AsyncIORedis"]),
        // The tool that inspects running programs.
        .executable(name: "asyncio", targets: ["asyncio-tool"]),
    ],
    // Integrations with the server ecosystem. Off by default: their packages are neither fetched nor
    // linked.
    traits: [
        .trait(name: "Metrics", description: "EventLoop.reportMetrics(every:), with swift-metrics"),
        .trait(
            name: "Tracing",
            description: "Callbacks run in the span of the code that scheduled them, with swift-distributed-tracing"),
        .trait(name: "ServiceLifecycle", description: "ServerService, a service that runs a Server"),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.0"),
        // For the traits.
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-distributed-tracing", from: "1.7.3"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        .target(name: "CShims"),
        .target(
            name: "AsyncIOSystem",
            dependencies: ["CShims", .product(name: "SystemPackage", package: "swift-system")],
            swiftSettings: settings),
        .target(
            name: "AsyncIO",
            dependencies: [
                "CShims", "AsyncIOSystem",
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "HeapModule", package: "swift-collections"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "SystemPackage", package: "swift-system"),
                .product(name: "CoreMetrics", package: "swift-metrics", condition: .when(traits: ["Metrics"])),
                .product(
                    name: "Instrumentation", package: "swift-distributed-tracing",
                    condition: .when(traits: ["Tracing"])),
                .product(
                    name: "Tracing", package: "swift-distributed-tracing", condition: .when(traits: ["Tracing"])),
                .product(
                    name: "ServiceLifecycle", package: "swift-service-lifecycle",
                    condition: .when(traits: ["ServiceLifecycle"])),
            ],
            swiftSettings: settings),
        .target(name: "CAsyncIOMain", dependencies: ["CShims"]),
        .target(name: "CAsyncIOTesting", dependencies: ["CShims"]),
        .target(name: "AsyncIOMain", dependencies: ["AsyncIO", "CAsyncIOMain"], swiftSettings: settings),
        .target(
            name: "AsyncIOTesting", dependencies: ["AsyncIO", "AsyncIOSystem", "AsyncIOMain", "CAsyncIOTesting"],
            swiftSettings: settings),
        .target(
            name: "AsyncIORedis",
            dependencies: ["AsyncIO", .product(name: "DequeModule", package: "swift-collections")],
            swiftSettings: settings),
        // The examples. Not a product, so that packages that depend on this one do not build the plugin.
        .executableTarget(
            name: "rexasyncio",
            dependencies: [
                "AsyncIO", "AsyncIOSystem",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: applicationSettings,
            plugins: ["ExampleSources"]),
        // Embeds the source of the examples in rexasyncio, which prints it.
        .plugin(name: "ExampleSources", capability: .buildTool(), dependencies: ["example-sources"]),
        .executableTarget(name: "example-sources", path: "Plugins/example-sources", swiftSettings: language),
        .executableTarget(
            name: "asyncio-tool",
            dependencies: [
                "AsyncIOSystem",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Sources/asyncio",
            swiftSettings: settings),
        // Programs with one fault each, to practice inspection on.
        .executableTarget(
            name: "faults",
            dependencies: [
                "AsyncIO",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Examples/faults",
            swiftSettings: applicationSettings),
        // Runs scenarios to compare the semantics with CPython's.
        .executableTarget(
            name: "asyncio-oracle",
            dependencies: ["AsyncIO"],
            path: "Tests/Oracle",
            exclude: ["corpus"],
            // Not the main actor: the scenarios run on whatever loop there is.
            swiftSettings: settings),
        // Programs that tests run as separate processes.
        .executableTarget(
            name: "async-main-program",
            dependencies: ["AsyncIO", "AsyncIOMain"],
            path: "Tests/Programs/AsyncMain",
            swiftSettings: testSettings),
        .executableTarget(
            name: "first-call-program",
            dependencies: ["AsyncIO", "AsyncIOMain"],
            path: "Tests/Programs/FirstCall",
            swiftSettings: testSettings),
        .executableTarget(
            name: "top-level-await-program",
            dependencies: ["AsyncIO", "AsyncIOMain"],
            path: "Tests/Programs/TopLevelAwait",
            swiftSettings: testSettings),
        // Also links statically; see scripts/check-static.sh.
        .executableTarget(
            name: "virtual-clock-program",
            dependencies: ["AsyncIO", "AsyncIOTesting"],
            path: "Tests/Programs/VirtualClock",
            swiftSettings: testSettings),
        .executableTarget(
            name: "ending-program",
            dependencies: ["AsyncIO"],
            path: "Tests/Programs/Ending",
            swiftSettings: testSettings),
        .executableTarget(
            name: "standard-streams-program",
            dependencies: ["AsyncIO"],
            path: "Tests/Programs/StandardStreams",
            swiftSettings: testSettings),
        .executableTarget(
            name: "top-level-program",
            dependencies: ["AsyncIO"],
            path: "Tests/Programs/TopLevel",
            swiftSettings: testSettings),
        .executableTarget(
            name: "workers-program",
            dependencies: ["AsyncIO"],
            path: "Tests/Programs/Workers",
            swiftSettings: testSettings),
        .executableTarget(
            name: "jobs-program",
            dependencies: ["AsyncIO", "AsyncIORedis"],
            path: "Tests/Programs/Jobs",
            swiftSettings: testSettings),
        .executableTarget(
            name: "session-program",
            dependencies: ["AsyncIO", .product(name: "SystemPackage", package: "swift-system")],
            path: "Tests/Programs/Session",
            swiftSettings: testSettings),
        // Loops in a program with Swift's own executors.
        .executableTarget(
            name: "loop-thread-program",
            dependencies: ["AsyncIO"],
            path: "Tests/Programs/LoopThreads",
            swiftSettings: language),
        // Checks that the places where tasks wait are correct in a release build too.
        .executableTarget(
            name: "places-program",
            dependencies: ["AsyncIO"],
            path: "Tests/Programs/Places",
            swiftSettings: testSettings),
        .target(name: "FaultInjection", dependencies: ["CShims"], path: "Tests/Programs/FaultInjection"),
        .executableTarget(
            name: "faulty-program",
            dependencies: ["AsyncIO", "FaultInjection"],
            path: "Tests/Programs/Faulty",
            swiftSettings: testSettings),
        // Runs for hours and must leave nothing behind.
        .target(name: "SoakMemory", dependencies: ["CShims"], path: "Tests/Soak/Memory"),
        .executableTarget(
            name: "asyncio-soak",
            dependencies: [
                "AsyncIO", "AsyncIOTesting", "SoakMemory", .product(name: "SystemPackage", package: "swift-system"),
            ],
            path: "Tests/Soak/Program",
            swiftSettings: testSettings),
        // The same functions in modules with different settings, all of which the library must support.
        .target(
            name: "MainActorClient", dependencies: ["AsyncIO"], path: "Tests/Clients/MainActor",
            swiftSettings: testSettings),
        .target(
            name: "NonsendingClient", dependencies: ["AsyncIO"], path: "Tests/Clients/Nonsending",
            swiftSettings: language),
        .target(
            name: "PlainClient", dependencies: ["AsyncIO"], path: "Tests/Clients/Plain",
            swiftSettings: [.swiftLanguageMode(.v6)]),
        // What every home of jobs does in the same way.
        .target(
            name: "JobScenarios", dependencies: ["AsyncIO"], path: "Tests/JobScenarios", swiftSettings: language),
        .testTarget(
            name: "AsyncIOTests",
            dependencies: [
                "AsyncIO", "AsyncIOSystem", "AsyncIOTesting", "JobScenarios", "MainActorClient", "NonsendingClient",
                "PlainClient",
                "rexasyncio",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: testSettings),
        .testTarget(
            name: "AsyncIORedisTests",
            dependencies: ["AsyncIORedis", "AsyncIO", "AsyncIOTesting", "JobScenarios", "jobs-program"],
            swiftSettings: testSettings),
        // The libraries in the guide "Isolation for library authors", with the settings that it describes.
        .target(
            name: "MainActorLibrary", dependencies: ["AsyncIO"], path: "Tests/Documentation/Isolation/MainActor",
            swiftSettings: [
                .swiftLanguageMode(.v6), .defaultIsolation(MainActor.self),
                .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
            ]),
        .target(
            name: "PlainLibrary", dependencies: ["AsyncIO"], path: "Tests/Documentation/Isolation/Plain",
            swiftSettings: [.swiftLanguageMode(.v6)]),
        .target(
            name: "Swift5Library", dependencies: ["AsyncIO"], path: "Tests/Documentation/Isolation/Swift5",
            swiftSettings: [.swiftLanguageMode(.v5)]),
        // The code in the documentation; see scripts/check-snippets.py.
        .testTarget(
            name: "DocumentationTests",
            dependencies: [
                "AsyncIO", "AsyncIORedis", "AsyncIOTesting", "MainActorLibrary", "PlainLibrary", "Swift5Library",
            ],
            path: "Tests/Documentation",
            exclude: ["Isolation", "Manifest", "ManifestOfTools6", "ManifestWithURL"],
            swiftSettings: testSettings),
    ]
)

// scripts/check-sanitized.sh builds only what it runs, because each sanitizer needs a build of its own.
if Context.environment["ASYNCIO_SANITIZED"] != nil {
    let needed = [
        "CShims", "AsyncIOSystem", "AsyncIO", "CAsyncIOMain", "AsyncIOMain", "CAsyncIOTesting", "AsyncIOTesting",
        "loop-thread-program",
    ]
    package.targets.removeAll { !needed.contains($0.name) }
    package.products.removeAll { ["AsyncIORedis", "asyncio"].contains($0.name) }
    package.targets.append(
        .testTarget(
            name: "AsyncIOTests",
            dependencies: ["AsyncIO", "AsyncIOSystem", "AsyncIOTesting"],
            path: "Tests/AsyncIOTests",
            sources: [
                "VirtualClockTests.swift", "VirtualTimeTests.swift", "ThreadVirtualTimeTests.swift",
                "FollowingThreadsTests.swift", "KernelTimer.swift", "SeededScheduleTests.swift", "Simulation",
                "Support.swift", "Recording.swift", "RecordingProtocol.swift", "Requirement.swift", "Peer.swift",
                "TLS/Certificates.swift", "TLS/CertificateMaker.swift",
            ],
            swiftSettings: testSettings))
}
