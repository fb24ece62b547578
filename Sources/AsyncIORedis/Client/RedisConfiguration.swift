public import AsyncIO

/// The address of a server, and the settings of connections to it.
///
/// ```swift
/// var configuration = try RedisConfiguration(url: "rediss://worker:secret@cache.example/2")
/// configuration.commandTimeout = .seconds(2)
/// let redis = RedisClient(configuration)
/// ```
///
/// redis-py: the parameters of `Redis`.
public struct RedisConfiguration: Sendable {
    /// A host and a port.
    public struct Address: Sendable, Hashable, CustomStringConvertible {
        /// A host name or an IP address.
        public var host: String
        /// The port.
        public var port: Int

        /// Creates an address.
        public init(host: String, port: Int = 6379) {
            self.host = host
            self.port = port
        }

        /// The host and the port, separated by a colon.
        public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
    }

    /// The kinds of server setups.
    public enum Topology: Sendable, Hashable {
        /// One server.
        case standalone(Address)
        /// One server on a Unix socket.
        case unix(path: String)
        /// A master that Sentinels monitor. The client asks the Sentinels for the address of the master.
        case sentinel([Address], master: String)
        /// The nodes of a cluster. The list can be incomplete, because the client asks these nodes for the others.
        case cluster([Address])
    }

    /// A user's name and password.
    public struct Credentials: Sendable, Hashable {
        /// The name, or `nil` for the user `default`.
        public var user: String?
        /// The password.
        public var password: String

        /// Creates credentials.
        public init(user: String? = nil, password: String) {
            self.user = user
            self.password = password
        }
    }

    /// The versions of the protocol.
    public enum ProtocolVersion: Int, Sendable, Hashable {
        /// RESP2, which all servers support.
        case resp2 = 2
        /// RESP3. The client falls back to RESP2 if the server does not support RESP3.
        case resp3 = 3
    }

    /// The servers.
    public var topology: Topology
    /// The settings of TLS, or `nil` for connections without TLS.
    public var tls: TLSContext.Configuration?
    /// The name that the server's certificate must be valid for, or `nil` for the host in the address.
    public var serverHostname: String?
    /// The credentials, or `nil` if the server does not require any.
    public var credentials: Credentials?
    /// The credentials for the Sentinels, or `nil` if they do not require any.
    public var sentinelCredentials: Credentials?
    /// The number of the database. A cluster has only database 0.
    public var database = 0
    /// The name that `CLIENT LIST` shows for the client's connections. It must not contain spaces.
    public var clientName: String?
    /// The newest version of the protocol that the client uses.
    public var protocolVersion = ProtocolVersion.resp3
    /// The number of connections to each server that all tasks share. One connection is enough for most programs,
    /// because all tasks can use it at the same time.
    public var connections = 1
    /// The maximum number of connections that ``RedisClient/withConnection(for:_:)`` opens to each server. If all of
    /// these connections are in use, tasks wait for one.
    public var dedicatedConnections = 50
    /// The time limit for connecting and logging in.
    public var connectTimeout = Duration.seconds(5)
    /// The time limit for the reply to a command, or `nil` for no limit. If the server does not answer in time, the
    /// connection is closed.
    public var commandTimeout: Duration? = .seconds(10)
    /// The interval at which the client checks subscription connections. Such a connection may receive no data for a
    /// long time.
    public var healthCheckInterval = Duration.seconds(30)
    /// The delays between attempts to connect.
    public var backoff = Backoff(initial: .milliseconds(50), factor: 2, maximum: .seconds(2), jitter: 0.5)
    /// The number of consecutive failed connection attempts after which waiting commands fail.
    public var connectAttempts = 5
    /// The limits on the data that a server can send.
    public var limits = RedisLimits()

    /// Creates the configuration for one server.
    public init(host: String = "127.0.0.1", port: Int = 6379) {
        topology = .standalone(Address(host: host, port: port))
    }

    /// Creates the configuration for the given servers.
    public init(_ topology: Topology) { self.topology = topology }

    /// Throws an error if a setting is not valid.
    func validate() throws(ValueError) {
        if database < 0 { throw ValueError("database must not be negative, got \(database)") }
        if connections < 1 { throw ValueError("connections must be positive, got \(connections)") }
        if dedicatedConnections < 1 {
            throw ValueError("dedicatedConnections must be positive, got \(dedicatedConnections)")
        }
        if connectAttempts < 1 { throw ValueError("connectAttempts must be positive, got \(connectAttempts)") }
        if connectTimeout <= .zero { throw ValueError("connectTimeout must be positive, got \(connectTimeout)") }
        if healthCheckInterval <= .zero {
            throw ValueError("healthCheckInterval must be positive, got \(healthCheckInterval)")
        }
        if let commandTimeout, commandTimeout <= .zero {
            throw ValueError("commandTimeout must be positive, got \(commandTimeout)")
        }
        if let clientName, clientName.utf8.contains(where: { $0 <= 0x20 }) {
            throw ValueError("clientName must not contain spaces, got \(clientName.debugDescription)")
        }
        switch topology {
        case .standalone, .unix: break
        case .sentinel(let addresses, let master):
            if addresses.isEmpty { throw ValueError("the list of Sentinels is empty; add at least one address") }
            if master.isEmpty { throw ValueError("the name of the master must not be empty") }
        case .cluster(let addresses):
            if addresses.isEmpty { throw ValueError("the list of cluster nodes is empty; add at least one address") }
            if database != 0 { throw ValueError("database must be 0 in a cluster, got \(database)") }
        }
    }
}
