import AsyncIO
import AsyncIOTesting
import Foundation
import Testing

/// `scripts/check-api.py` on symbol graphs of a module that does not exist.
@Suite(.eventLoop, .requires(.python3))
struct PublicAPITests {
    /// A symbol as the compiler describes it.
    static func symbol(
        _ path: String, _ declaration: String, access: String = "public", _ more: [String: Any] = [:]
    ) -> [String: Any] {
        [
            "kind": ["identifier": "swift.func"], "identifier": ["precise": "s:\(path)"], "accessLevel": access,
            "pathComponents": path.split(separator: "/").map(String.init),
            "declarationFragments": [["kind": "text", "spelling": declaration]],
        ].merging(more) { $1 }
    }

    static let original = [
        symbol("Lock", "class Lock"), symbol("Lock/release()", "func release() throws"),
        symbol("sleep(_:)", "func sleep(_ delay: Duration) async throws"),
    ]

    /// Runs the script on these symbols, after recording `original` as the baseline.
    func check(
        _ symbols: [[String: Any]], relationships: [[String: Any]] = []
    ) async throws -> Program.Outcome {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("asyncio-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        func write(_ symbols: [[String: Any]], _ relationships: [[String: Any]]) throws {
            for module in ["AsyncIO", "AsyncIOMain", "AsyncIORedis", "AsyncIOTesting"] {
                let graphs = folder.appendingPathComponent("graphs/\(module)")
                try FileManager.default.createDirectory(at: graphs, withIntermediateDirectories: true)
                let isEmpty = module != "AsyncIO"
                let graph: [String: Any] = [
                    "symbols": isEmpty ? [] : symbols, "relationships": isEmpty ? [] : relationships,
                ]
                let data = try JSONSerialization.data(withJSONObject: graph)
                try data.write(to: graphs.appendingPathComponent("\(module).symbols.json"))
            }
        }
        let arguments = [
            "\(packageRoot)/scripts/check-api.py", "--graphs", "\(folder.path)/graphs", "--baseline",
            "\(folder.path)/API",
        ]
        try write(Self.original, [])
        let recording = try await Program.run("python3", arguments + ["--record"])
        #expect(recording.status == 0 && recording.output == "recorded 3 declarations and conformances\n")
        try write(symbols, relationships)
        return try await Program.run("python3", arguments)
    }

    /// The lines of the diff.
    func changes(_ outcome: Program.Outcome) -> [String] {
        outcome.lines.filter { $0.hasPrefix("  ") }.map { String($0.dropFirst(2)) }
    }

    @Test func theRecordedAPIPasses() async throws {
        let outcome = try await check(Self.original.reversed())
        #expect(outcome.status == 0)
        #expect(outcome.output == "3 public declarations and conformances, as in the baseline\n")
    }

    @Test func aNewDeclarationIsShown() async throws {
        let outcome = try await check(Self.original + [Self.symbol("Lock/tryAcquire()", "func tryAcquire() -> Bool")])
        #expect(outcome.status == 1)
        #expect(changes(outcome) == ["+ Lock.tryAcquire(): func tryAcquire() -> Bool"])
        #expect(outcome.output.contains("The public API of AsyncIO has changed:"))
        #expect(outcome.output.contains("scripts/check-api.py --record"))
    }

    @Test func aRemovedDeclarationIsShown() async throws {
        let outcome = try await check(Array(Self.original.dropLast()))
        #expect(outcome.status == 1)
        #expect(changes(outcome) == ["- sleep(_:): func sleep(_ delay: Duration) async throws"])
    }

    @Test func bothVersionsOfAChangedDeclarationAreShownTogether() async throws {
        let changed = [
            Self.symbol("Lock", "class Lock", access: "open"), Self.symbol("Lock/release()", "func release()"),
        ]
        let outcome = try await check(changed + Self.original.suffix(1))
        #expect(outcome.status == 1)
        #expect(
            changes(outcome) == [
                "- Lock: class Lock", "+ Lock: open class Lock", "- Lock.release(): func release() throws",
                "+ Lock.release(): func release()",
            ])
    }

    @Test func aDeprecationAndAConstraintAreChanges() async throws {
        let deprecated = Self.symbol(
            "Lock/release()", "func release() throws",
            ["availability": [["domain": "*", "isUnconditionallyDeprecated": true]]])
        let constraint = ["kind": "conformance", "lhs": "Value", "rhs": "Hashable"]
        let constrained = Self.symbol(
            "sleep(_:)", "func sleep(_ delay: Duration) async throws", ["swiftExtension": ["constraints": [constraint]]]
        )
        let outcome = try await check([Self.original[0], deprecated, constrained])
        #expect(outcome.status == 1)
        #expect(changes(outcome).contains("+ Lock.release(): func release() throws [deprecated]"))
        let sleep = "+ sleep(_:): func sleep(_ delay: Duration) async throws [where Value : Hashable]"
        #expect(changes(outcome).contains(sleep))
    }

    @Test func aConformanceIsPublic() async throws {
        let conformances = ["Swift.Sendable", "Swift.Copyable"].map {
            ["kind": "conformsTo", "source": "s:Lock", "target": "s:\($0)", "targetFallback": $0]
        }
        let outcome = try await check(Self.original, relationships: conformances)
        #expect(outcome.status == 1)
        // Every type is copyable unless it says otherwise.
        #expect(changes(outcome) == ["+ Lock: conforms to Swift.Sendable"])
    }

    @Test func theBaselineOfThisPackageHasEveryModule() async throws {
        let baseline = try await readText("\(packageRoot)/API/AsyncIO.txt")
        #expect(baseline.contains("\nEventLoop: "))
        #expect(baseline.contains("\nQueue.put(_:): "))
        #expect(try await readText("\(packageRoot)/API/AsyncIOTesting.txt").contains("\nTrait.virtualTime: "))
        #expect(try await readText("\(packageRoot)/API/AsyncIOMain.txt").split(separator: "\n").count == 1)
    }
}
