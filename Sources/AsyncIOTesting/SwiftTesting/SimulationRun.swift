#if canImport(Testing)
    internal import AsyncIO
    internal import AsyncIOSystem
    internal import SystemPackage

    /// The run of a test with one seed.
    package final class SimulationRun {
        private let name: String
        private let seed: UInt64
        private let options: SimulationOptions

        // The records of the failed run.
        private var timeline = ""
        private var mermaid = ""
        private var perfetto = ""
        private var faults: [Fault] = []

        init(name: String, seed: UInt64, options: SimulationOptions) {
            (self.name, self.seed, self.options) = (name, seed, options)
        }

        package convenience init(name: String, seed: UInt64) {
            self.init(name: name, seed: seed, options: SimulationOptions())
        }

        package typealias Body = @Sendable @concurrent () async throws -> Void

        /// Runs the test, and returns whether it passed.
        ///
        /// - Parameter records: Whether the issues of the test are recorded as usual.
        package func passes(records: Bool = true, hasAbandoned: inout Bool, _ body: @escaping Body) throws -> Bool {
            let result = try run(options, records: records, hasAbandoned: &hasAbandoned, body)
            guard let network = result.network else { return result.hasPassed }
            if !result.hasPassed {
                (timeline, mermaid, perfetto) = (network.timeline(), network.mermaidDiagram, network.perfettoTrace)
                faults = network.faults
            }
            return result.hasPassed
        }

        // MARK: The report

        package func report(hasAbandoned: inout Bool, _ body: @escaping Body) throws -> String {
            var text = "failed under seed \(seed); set ASYNCIO_SEED=\(seed) to repeat it"
            if !faults.isEmpty {
                let needed = try neededFaults(hasAbandoned: &hasAbandoned, body)
                let lines = faults.filter { needed.contains($0.number) }.map { "\n  - \($0)" }.joined()
                let numbers = needed.sorted().map(String.init).joined(separator: ",")
                text +=
                    needed.isEmpty
                    ? "\nIt also fails without any of its \(faults.count) faults."
                    : "\nOf its \(faults.count) faults, these are needed; set ASYNCIO_FAULTS=\(numbers) to inject only these:\(lines)"
            }
            text += "\nThe latest events:\n\(timeline)"
            let paths = [("mmd", mermaid), ("json", perfetto)].compactMap { save($1, extension: $0) }
            if !paths.isEmpty { text += "\nStored events: \(paths.joined(separator: " (Mermaid), ")) (Perfetto)" }
            return text
        }

        /// Writes a file to the directory for temporary files.
        private func save(_ text: String, extension suffix: String) -> String? {
            let safe = String(name.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "-" })
            let path = FilePath(Environment.temporaryDirectory).appending("\(safe)-seed-\(seed).\(suffix)")
            do {
                let file = try FileDescriptor.open(
                    path, .writeOnly, options: [.create, .truncate],
                    permissions: [.ownerReadWrite, .groupRead, .otherRead])
                try file.closeAfter { _ = try file.writeAll(text.utf8) }
                return path.string
            } catch {
                return nil
            }
        }

        // MARK: Shrinking

        /// Returns the numbers of the faults that are necessary for the failure. Without any one of these faults, the
        /// test would pass.
        private func neededFaults(hasAbandoned: inout Bool, _ body: @escaping Body) throws -> Set<Int> {
            var needed = options.activeFaults ?? Environment.faults ?? Set(faults.map(\.number))
            // First, leave out halves, and then smaller parts, down to single faults.
            var size = needed.count
            while size > 0 {
                size = size == 1 ? 1 : size / 2
                let before = needed
                var rest = before.sorted()[...]
                while !rest.isEmpty {
                    let part = rest.prefix(size)
                    rest = rest.dropFirst(size)
                    var fewer = options
                    fewer.activeFaults = needed.subtracting(part)
                    if try !run(fewer, records: false, hasAbandoned: &hasAbandoned, body).hasPassed {
                        needed.subtract(part)
                    }
                }
                if size == 1, needed == before { break }
            }
            return needed
        }

        // MARK: One run

        private func run(
            _ options: SimulationOptions, records: Bool, hasAbandoned: inout Bool, _ body: @escaping Body
        ) throws -> (hasPassed: Bool, network: Network?) {
            let holder = Holder()
            let seed = seed
            let run = TestRun(
                name: name, limit: .seconds(120), grace: .seconds(10), failsOnReports: options.failsOnReports,
                seed: seed,
                makeRunner: { options.makeRunner(seed: seed) { holder.network = $0 } })
            let hasPassed = try run.passes(records: records, hasAbandoned: &hasAbandoned, body)
            return (hasPassed, holder.network)
        }

        // SAFETY: this object is used only on the thread of the test.
        private final class Holder: @unchecked Sendable {
            var network: Network?
        }
    }
#endif
