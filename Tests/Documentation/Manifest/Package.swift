// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "app",
    dependencies: [
        .package(path: "../swift-asyncio") // a clone next to your package
    ],
    targets: [
        .executableTarget(
            name: "app",
            dependencies: [.product(name: "AsyncIO", package: "swift-asyncio")],
            swiftSettings: [
                .defaultIsolation(MainActor.self),
                .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
            ]),
        .testTarget(
            name: "appTests",
            dependencies: ["app", .product(name: "AsyncIOTesting", package: "swift-asyncio")],
            swiftSettings: [
                .defaultIsolation(MainActor.self),
                .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
            ]),
    ]
)
