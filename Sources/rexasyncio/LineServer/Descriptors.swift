import AsyncIOSystem
import SystemPackage

/// File descriptors, of which a process has so many.
enum Descriptors {
    /// What the process needs beside its connections: standard streams, the loop's own,
    /// the listening socket, and some to spare.
    private static let others = 32

    /// Raises the limit if it is too low for both ends of so many connections.
    ///
    /// - Throws: ``Failure`` if the system does not allow as many.
    static func provide(forConnections connections: Int) throws {
        let needed = UInt64(2 * connections + others)
        let limit = try Resources.descriptorLimit()
        guard needed > limit.soft else { return }
        guard needed <= limit.hard else {
            let possible = limit.hard > UInt64(others) ? (limit.hard - UInt64(others)) / 2 : 0
            throw Failure(
                """
                \(connections) clients need \(needed) file descriptors, the limit is \(limit.hard): \
                raise it (ulimit -Hn) or ask for at most \(possible) clients (--clients \(possible))
                """)
        }
        do {
            try Resources.setDescriptorLimit(limit.hard)
        } catch {
            throw Failure("cannot raise the limit of file descriptors from \(limit.soft) to \(limit.hard): \(error)")
        }
    }
}
