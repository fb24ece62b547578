internal import AsyncIOSystem

/// The sessions that a client may resume: the latest two of each server. Those of TLS 1.3 are
/// used once, so that whoever listens cannot tell that two connections are one client's.
struct TLSSessionCache {
    /// So many servers at the most.
    private static let capacity = 256

    private var sessions: [String: [TLSSession]] = [:]

    /// - Parameter server: its name. A session is as good as the certificate that was checked
    ///   against this name.
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
