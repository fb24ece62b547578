public import AsyncIO

extension RedisConfiguration {
    /// Creates a configuration from a URL.
    ///
    /// | URL                                                 | Server                                       |
    /// | --------------------------------------------------- | -------------------------------------------- |
    /// | `redis://user:password@host:6379/0`                 | a server; all parts but the scheme are optional |
    /// | `rediss://…`                                        | the same with TLS                            |
    /// | `unix:///run/redis.sock`, `redis+unix:///…`         | a server on a Unix socket                    |
    /// | `redis+sentinel://host:26379,host:26379/mymaster/0` | the master that these Sentinels monitor      |
    /// | `redis+cluster://host:6379,host:6379`               | a cluster with these nodes                   |
    ///
    /// `rediss+sentinel` and `rediss+cluster` use TLS. The following parameters can appear after a question mark: `db`
    /// (the database), `protocol` (2 or 3), `client_name`, `timeout` (for commands, in seconds), `connect_timeout`,
    /// `username`, and `password`. Special characters in a user name, a password, or a path must be percent-encoded.
    ///
    /// - Throws: `ValueError` if the URL is not valid.
    ///
    /// redis-py: `Redis.from_url`.
    public init(url: String) throws(ValueError) {
        guard let colon = url.firstRange(of: "://") else {
            throw ValueError("expected a URL such as redis://localhost:6379/0, got \(url.debugDescription)")
        }
        let scheme = url[..<colon.lowerBound].lowercased()
        var rest = url[colon.upperBound...]
        var parameters: [(name: String, value: String)] = []
        if let mark = rest.firstIndex(of: "?") {
            for pair in rest[rest.index(after: mark)...].split(separator: "&") {
                let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                parameters.append((String(parts[0]), try Self.decoded(parts.count > 1 ? parts[1] : "")))
            }
            rest = rest[..<mark]
        }
        let slash = rest.firstIndex(of: "/")
        var authority = rest[..<(slash ?? rest.endIndex)]
        let path = slash.map { rest[rest.index(after: $0)...] } ?? ""

        var credentials: Credentials?
        if let at = authority.lastIndex(of: "@") {
            let parts = authority[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            // A user name alone is not enough to log in.
            guard parts.count == 2 else {
                throw ValueError("the URL has a user without a password; write user:password@, or :password@")
            }
            let user = try Self.decoded(parts[0])
            credentials = Credentials(user: user.isEmpty ? nil : user, password: try Self.decoded(parts[1]))
            authority = authority[authority.index(after: at)...]
        }
        var database = path
        switch scheme {
        case "redis", "rediss":
            self.init(.standalone(try Self.address(authority, defaultPort: 6379)))
        case "unix", "redis+unix", "redis+socket":
            let socket = try Self.decoded(path)
            guard authority.isEmpty, !socket.isEmpty else {
                throw ValueError("expected the absolute path of a Unix socket after \(scheme)://, got \(rest)")
            }
            self.init(.unix(path: "/" + socket))
            database = ""
        case "redis+sentinel", "rediss+sentinel":
            let parts = path.split(separator: "/", maxSplits: 1)
            guard let master = parts.first else {
                throw ValueError("the URL does not name a master; write \(scheme)://host:26379/name")
            }
            self.init(.sentinel(try Self.addresses(authority, defaultPort: 26379), master: try Self.decoded(master)))
            database = parts.count > 1 ? parts[1] : ""
        case "redis+cluster", "rediss+cluster":
            self.init(.cluster(try Self.addresses(authority, defaultPort: 6379)))
        default:
            throw ValueError(
                "unknown scheme \(scheme) in the URL; use redis, rediss, unix, redis+sentinel, or redis+cluster")
        }
        if scheme.hasPrefix("rediss") { tls = .client() }
        self.credentials = credentials
        if !database.isEmpty { self.database = try Self.number(database, "the database") }
        for (name, value) in parameters { try set(name, value) }
        try validate()
    }

    private mutating func set(_ name: String, _ value: String) throws(ValueError) {
        switch name {
        case "db": database = try Self.number(value, "db")
        case "protocol":
            guard let version = Int(value).flatMap(ProtocolVersion.init(rawValue:)) else {
                throw ValueError("protocol must be 2 or 3, got \(value)")
            }
            protocolVersion = version
        case "client_name": clientName = value
        case "timeout", "connect_timeout":
            guard let seconds = Double(value), seconds > 0, seconds < 1e9 else {
                throw ValueError("\(name) must be a positive number of seconds, got \(value)")
            }
            if name == "timeout" { commandTimeout = .seconds(seconds) } else { connectTimeout = .seconds(seconds) }
        case "username": credentials = Credentials(user: value, password: credentials?.password ?? "")
        case "password": credentials = Credentials(user: credentials?.user, password: value)
        default:
            throw ValueError("unknown parameter \(name) in the URL; RedisConfiguration.init(url:) lists the parameters")
        }
    }

    private static func addresses(_ text: Substring, defaultPort: Int) throws(ValueError) -> [Address] {
        var addresses: [Address] = []
        for part in text.split(separator: ",") { addresses.append(try address(part, defaultPort: defaultPort)) }
        return addresses
    }

    /// Parses `host`, `host:port`, `[::1]:port`, or an empty string, which stands for this machine.
    private static func address(_ text: Substring, defaultPort: Int) throws(ValueError) -> Address {
        var host = text
        var port = defaultPort
        var suffix: Substring = ""
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { throw ValueError("expected ] in the address \(text)") }
            host = text[text.index(after: text.startIndex)..<end]
            suffix = text[text.index(after: end)...]
        } else if let colon = text.lastIndex(of: ":") {
            host = text[..<colon]
            suffix = text[colon...]
        }
        if !suffix.isEmpty {
            port = try number(suffix.dropFirst(), "the port")
            guard suffix.hasPrefix(":"), 1...65_535 ~= port else {
                throw ValueError("expected a port from 1 to 65535 in the address \(text)")
            }
        }
        return Address(host: host.isEmpty ? "127.0.0.1" : try decoded(host), port: port)
    }

    private static func number(_ text: some StringProtocol, _ name: String) throws(ValueError) -> Int {
        guard let number = Int(text), number >= 0 else { throw ValueError("\(name) must be a number, got \(text)") }
        return number
    }

    /// Replaces the percent-encoded characters.
    private static func decoded(_ text: Substring) throws(ValueError) -> String {
        var bytes: [UInt8] = []
        var rest = text.utf8
        while let byte = rest.popFirst() {
            guard byte == 0x25 else {
                bytes.append(byte)
                continue
            }
            guard rest.count >= 2, let code = UInt8(Substring(rest.prefix(2)), radix: 16) else {
                throw ValueError("expected two hexadecimal digits after each % in \(text.debugDescription)")
            }
            bytes.append(code)
            rest = rest.dropFirst(2)
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw ValueError("\(text.debugDescription) is not UTF-8")
        }
        return text
    }
}
