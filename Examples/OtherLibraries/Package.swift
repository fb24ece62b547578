// swift-tools-version: 6.2
import PackageDescription

// Separate from the other examples, because its dependencies take minutes to build.
let language: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableUpcomingFeature("ExistentialAny"),
]

let shared: [Target.Dependency] = [
    .product(name: "AsyncIO", package: "swift-asyncio"),
    .product(name: "NIOCore", package: "swift-nio"),
    .product(name: "Logging", package: "swift-log"),
    .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
    .product(name: "Hummingbird", package: "hummingbird"),
    .product(name: "AsyncHTTPClient", package: "async-http-client"),
]

let package = Package(
    name: "OtherLibraries",
    dependencies: [
        .package(name: "swift-asyncio", path: "../.."),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.36.0"),
        .package(url: "https://github.com/apple/swift-async-algorithms", from: "1.1.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.0"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    ],
    targets: [
        .executableTarget(
            name: "other-libraries",
            dependencies: shared + [
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "AsyncAlgorithms", package: "swift-async-algorithms"),
                .product(name: "Subprocess", package: "swift-subprocess"),
            ],
            swiftSettings: language + [.defaultIsolation(MainActor.self)]),
        // A program on Swift's own executors, with a loop on a thread of its own.
        .executableTarget(name: "hummingbird-server", dependencies: shared, swiftSettings: language),
        // Their threads and time limits, in virtual time.
        .testTarget(
            name: "VirtualTimeTests",
            dependencies: shared + [
                .product(name: "AsyncIOTesting", package: "swift-asyncio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "GRDB", package: "GRDB.swift"),
            ],
            swiftSettings: language + [.defaultIsolation(MainActor.self)]),
    ]
)
