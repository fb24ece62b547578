internal import AsyncIOSystem

/// The sessions that a client can resume. The cache keeps the two latest sessions for each server. Each TLS 1.3 session
/// is used only once, so that an observer cannot tell that two connections belong to the same client.
struct TLSSessionCache {
    /// The maximum number of servers whose sessions are stored.
    private static let capacity = 256

    private var sessions: [String: [TLSSession]] = [:]

    /// Saves a session.
    ///
    /// - Parameter server: The name of the server. The session must be used only for this name, because the server's
    ///   certificate was checked against this name.
    mutating func insert(_ session: TLSSession, for server: String) {
        if sessions[server] == nil, sessions.count == Self.capacity { sessions.remove(at: sessions.startIndex) }
        sessions[server, default: []].append(session)
        if sessions[server, default: []].count > 2 { sessions[server]?.removeFirst() }
    }

    mutating func take(for server: String) -> TLSSession? {
        guard let session = sessions[server]?.last else { return nil }
        if session.isForOneUse { sessions[server]?.removeLast() }
        return session
    }

    mutating func removeAll() { sessions = [:] }
}
