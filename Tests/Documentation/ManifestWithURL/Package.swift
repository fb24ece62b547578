// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "app",
    dependencies: [
        .package(url: "https://github.com/OWNER/swift-asyncio.git", from: "0.1.0")
    ],
    targets: [
        .executableTarget(
            name: "app",
            dependencies: [.product(name: "AsyncIO", package: "swift-asyncio")])
    ]
)
