internal import AsyncIOSystem
internal import SystemPackage

extension Worker {
    /// An address on which workers listen; see ``runWorkers(count:listen:grace:forwarding:debug:_:)``.
    public struct Listener: Sendable {
        private enum Place {
            case tcp(host: String?, port: Int, dualStack: Bool)
            case unix(path: SystemString)
        }

        private let place: Place

        /// Listens on a TCP port.
        ///
        /// - Parameters:
        ///   - host: a host name or an address, or `.anyInterface`.
        ///   - port: the port number.
        ///   - dualStack: whether an IPv6 socket also accepts IPv4 connections.
        public static func tcp(host: String?, port: Int, dualStack: Bool = false) -> Listener {
            Listener(place: .tcp(host: host, port: port, dualStack: dualStack))
        }

        /// Listens on a Unix socket, whose file is removed at the end.
        public static func unix(path: some SystemStringConvertible) -> Listener {
            Listener(place: .unix(path: path.systemString))
        }

        /// The sockets, which are already listening. Clients that connect before there is a worker
        /// wait.
        func open(on loop: EventLoop) async throws -> [AsyncIO.Listener] {
            let listeners: [AsyncIO.Listener]
            switch place {
            case .tcp(let host, let port, let dualStack):
                var options = Socket.Options()
                options.dualStack = dualStack
                listeners = try await bindListeners(hosts: [host], port: port, family: nil, options, on: loop)
            case .unix(let path): listeners = [try bindUnixListener(to: Endpoint(path: path), cleansUp: true)]
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
}

extension Worker {
    /// The number of workers.
    public struct Count: Sendable, ExpressibleByIntegerLiteral {
        /// nil for no workers besides this process.
        let number: Int?

        /// One worker for each processor of the machine.
        public static var cores: Count { Count(Thread.processorCount) }
        /// No workers: the body runs in this process, without a supervisor. For development, and for
        /// machines that have a supervisor of their own.
        public static let inProcess = Count(number: nil)

        /// A fixed number of workers.
        public init(_ count: Int) { number = count }
        /// A fixed number of workers.
        public init(integerLiteral value: Int) { number = value }
        private init(number: Int?) { self.number = number }
    }
}
