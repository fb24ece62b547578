/// The content of the store: the result of applying the entries of the log in order.
struct StateMachine {
    private var lists: [String: [String]] = [:]
    private var applied: Set<String> = []
    private let appliesRepeats: Bool

    init(appliesRepeats: Bool) { self.appliesRepeats = appliesRepeats }

    /// Applies an entry, and returns the list of its key.
    mutating func apply(_ entry: Entry) -> [String] {
        // A client repeats a request if it got no answer, but the request may already have been applied.
        let isNew = applied.insert(entry.id).inserted
        if isNew || appliesRepeats, !entry.token.isEmpty { lists[entry.key, default: []].append(entry.token) }
        return lists[entry.key] ?? []
    }
}
