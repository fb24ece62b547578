// swift-tools-version: 6.0
import PackageDescription

let package = Package(
    name: "library",
    dependencies: [
        .package(path: "../swift-asyncio") // a clone next to your package
    ],
    targets: [
        .target(
            name: "library",
            dependencies: [.product(name: "AsyncIO", package: "swift-asyncio")],
            swiftSettings: [.enableUpcomingFeature("NonisolatedNonsendingByDefault")])
    ]
)
