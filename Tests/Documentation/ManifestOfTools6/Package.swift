// swift-tools-version: 6.0
import PackageDescription

let package = Package(
    name: "library",
    dependencies: [
        .package(path: "../swift-asyncio") // or its URL and a version
    ],
    targets: [
        .target(
            name: "library",
            dependencies: [.product(name: "AsyncIO", package: "swift-asyncio")],
            swiftSettings: [.enableUpcomingFeature("NonisolatedNonsendingByDefault")])
    ]
)
