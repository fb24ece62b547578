/// A change to the store: a token that is added to the list of a key.
struct Entry: Equatable {
    /// The term of the leader that has accepted it.
    let term: Int
    /// The ID of the client's request, which can arrive more than once. Empty for an entry that changes nothing.
    let id: String
    let key: String
    let token: String

    /// The entry as a word: its parts, separated by bars.
    var word: String { "\(term)|\(id)|\(key)|\(token)" }

    init(term: Int, id: String, key: String, token: String) {
        (self.term, self.id, self.key, self.token) = (term, id, key, token)
    }

    /// The entry with which a new leader begins.
    static func nothing(term: Int) -> Entry { Entry(term: term, id: "", key: "", token: "") }

    init?(word: some StringProtocol) {
        let parts = String(word).split(separator: "|", omittingEmptySubsequences: false).map { String($0) }
        guard parts.count == 4, let term = Int(parts[0]) else { return nil }
        self.init(term: term, id: parts[1], key: parts[2], token: parts[3])
    }
}
