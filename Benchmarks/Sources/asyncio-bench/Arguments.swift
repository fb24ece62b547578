import SystemPackage

/// A sub-command and its arguments, which are mostly numbers.
struct Arguments {
    let command: String
    /// `--proto`, in any position: protocols instead of streams.
    let usesProtocols: Bool
    private let values: [String]

    init(_ arguments: some Sequence<String>) {
        usesProtocols = arguments.contains("--proto")
        let all = arguments.filter { $0 != "--proto" }
        command = all.first ?? ""
        values = Array(all.dropFirst())
    }

    func text(_ index: Int) throws -> String {
        guard index < values.count else { throw Usage() }
        return values[index]
    }

    func int(_ index: Int) throws -> Int {
        guard index < values.count, let value = Int(values[index]), value > 0 else { throw Usage() }
        return value
    }

    func double(_ index: Int) throws -> Double {
        guard index < values.count, let value = Double(values[index]), value > 0 else { throw Usage() }
        return value
    }
}

/// The arguments are not valid. The exit status is 64.
struct Usage: Error {}

func complain(_ text: String) {
    _ = try? FileDescriptor.standardError.writeAll((text + "\n").utf8)
}
