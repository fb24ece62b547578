import AsyncIOSystem
import SystemPackage

/// The limit on the process's file descriptors.
enum Descriptors {
    /// The number of descriptors that are not connections: the standard streams, the loop's own descriptors, the
    /// listening socket, and some spare descriptors.
    private static let others = 32

    /// Raises the limit if it is too low for both ends of `connections` connections.
    ///
    /// - Throws: ``Failure`` if the system does not allow that many descriptors.
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
