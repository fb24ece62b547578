import SystemPackage

/// A sub-command and its numbers.
struct Arguments {
    let command: String
    /// `--proto`, anywhere: protocols in place of streams.
    let usesProtocols: Bool
    private let numbers: [String]

    init(_ arguments: some Sequence<String>) {
        usesProtocols = arguments.contains("--proto")
        let all = arguments.filter { $0 != "--proto" }
        command = all.first ?? ""
        numbers = Array(all.dropFirst())
    }

    func int(_ index: Int) throws -> Int {
        guard index < numbers.count, let value = Int(numbers[index]), value > 0 else { throw Usage() }
        return value
    }

    func double(_ index: Int) throws -> Double {
        guard index < numbers.count, let value = Double(numbers[index]), value > 0 else { throw Usage() }
        return value
    }
}

/// The program was not called as it should be: exit status 64.
struct Usage: Error {}

func complain(_ text: String) {
    _ = try? FileDescriptor.standardError.writeAll((text + "\n").utf8)
}
