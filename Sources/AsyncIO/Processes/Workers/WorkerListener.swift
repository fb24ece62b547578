internal import AsyncIOSystem
internal import SystemPackage

/// Where workers listen; see ``runWorkers(count:listen:grace:forwarding:debug:_:)``.
public struct WorkerListener: Sendable {
    private enum Place {
        case tcp(host: String?, port: Int, dualStack: Bool)
        case unix(path: SystemString)
    }

    private let place: Place

    /// On a TCP port: of a name or an address, or of all interfaces if `host` is nil.
    public static func tcp(host: String?, port: Int, dualStack: Bool = false) -> WorkerListener {
        WorkerListener(place: .tcp(host: host, port: port, dualStack: dualStack))
    }

    /// On a Unix socket, whose file is removed at the end.
    public static func unix(path: some SystemStringConvertible) -> WorkerListener {
        WorkerListener(place: .unix(path: path.systemString))
    }

    /// The sockets, which listen already: who connects before there is a worker waits.
    nonisolated(nonsending) func open(on loop: EventLoop) async throws -> [Listener] {
        let listeners: [Listener]
        switch place {
        case .tcp(let host, let port, let dualStack):
            var options = Socket.Options()
            options.dualStack = dualStack
            listeners = try await bindListeners(hosts: [host], port: port, family: nil, options, on: loop)
        case .unix(let path): listeners = [try bindUnixListener(to: SocketAddress(path: path), cleansUp: true)]
        }
        for listener in listeners {
            do {
                try listener.socket.listen(backlog: 1_024)
            } catch {
                for listener in listeners { listener.close() }
                throw OSError(error, "listening for workers")
            }
        }
        return listeners
    }
}

/// How many workers there are.
public struct WorkerCount: Sendable, ExpressibleByIntegerLiteral {
    /// nil for none but this process.
    let number: Int?

    /// As many as the machine has processors.
    public static var cores: WorkerCount { WorkerCount(Thread.processorCount) }
    /// None: the body runs in this process, without a supervisor. For development, and for
    /// machines with a supervisor of their own.
    public static let inProcess = WorkerCount(number: nil)

    public init(_ count: Int) { number = count }
    public init(integerLiteral value: Int) { number = value }
    private init(number: Int?) { self.number = number }
}
