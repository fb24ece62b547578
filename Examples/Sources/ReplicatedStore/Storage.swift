import AsyncIO
import SystemPackage

/// The state that a node must not lose: its term, its vote, and its log.
final class Storage {
    private(set) var term = 0
    private(set) var vote: String?
    private(set) var entries: [Entry] = []
    private let folder: String
    private let isSynced: Bool

    init(in folder: String, isSynced: Bool) { (self.folder, self.isSynced) = (folder, isSynced) }

    private var votePath: String { "\(folder)/vote" }
    private var logPath: String { "\(folder)/log" }

    func load() async throws {
        if let words = try await read(votePath)?.split(separator: " "), words.count == 2 {
            (term, vote) = (Int(words[0]) ?? 0, words[1] == "-" ? nil : String(words[1]))
        }
        entries = try await read(logPath)?.split(separator: "\n").compactMap { Entry(word: $0) } ?? []
    }

    private func read(_ path: String) async throws -> String? {
        do {
            return try await readText(path)
        } catch let error as OSError where error.code == .noSuchFileOrDirectory {
            return nil
        }
    }

    func begin(term: Int, vote: String?) async throws {
        try await writeFile(votePath, "\(term) \(vote ?? "-")")
        (self.term, self.vote) = (term, vote)
    }

    /// Replaces the entries that begin at `index`.
    func replace(from index: Int, with new: some Sequence<Entry>) async throws {
        let entries = entries[..<index] + new
        try await writeFile(logPath, entries.map { $0.word + "\n" }.joined(), sync: isSynced)
        self.entries = Array(entries)
    }

    /// The term of the last of the first `count` entries.
    func term(ofFirst count: Int) -> Int { count == 0 ? 0 : entries[count - 1].term }
}
