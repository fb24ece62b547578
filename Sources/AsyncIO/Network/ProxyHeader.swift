internal import AsyncIOSystem

/// The header of the PROXY protocol, in which a proxy announces the address of its client.
///
/// https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt
struct ProxyHeader {
    /// The address of the proxy's client, or nil if the connection is from the proxy itself.
    let source: Endpoint?
    /// The length of the header in bytes.
    let length: Int

    /// Parses a header at the beginning of a connection's bytes.
    ///
    /// - Returns: The header, or nil if more bytes are needed.
    /// - Throws: ``ValueError`` if the bytes are not a header.
    static func parse(_ bytes: [UInt8]) throws(ValueError) -> ProxyHeader? {
        if bytes.starts(with: signature) { return try parseBinary(bytes) }
        if signature.starts(with: bytes) { return nil }
        return try parseText(bytes)
    }

    // MARK: Version 1

    /// Parses a line of at most 107 bytes, such as "PROXY TCP4 192.0.2.1 192.0.2.2 49152 443\r\n".
    private static func parseText(_ bytes: [UInt8]) throws(ValueError) -> ProxyHeader? {
        let start = Array("PROXY ".utf8)
        guard bytes.prefix(start.count).elementsEqual(start.prefix(bytes.count)) else { throw invalid }
        guard let end = bytes.prefix(107).firstIndex(of: 0x0A) else {
            if bytes.count >= 107 { throw invalid }
            return nil
        }
        guard bytes[end - 1] == 0x0D else { throw invalid }
        let words = String(decoding: bytes[..<(end - 1)], as: UTF8.self).split(separator: " ")
        if words.count >= 2, words[1] == "UNKNOWN" { return ProxyHeader(source: nil, length: end + 1) }
        guard words.count == 6, ["TCP4", "TCP6"].contains(words[1]), let port = Int(words[4]) else { throw invalid }
        return ProxyHeader(source: try Endpoint(host: String(words[2]), port: port), length: end + 1)
    }

    // MARK: Version 2

    private static let signature: [UInt8] = [
        0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A,
    ]

    private static func parseBinary(_ bytes: [UInt8]) throws(ValueError) -> ProxyHeader? {
        guard bytes.count >= 16 else { return nil }
        let length = 16 + Int(bytes[14]) << 8 + Int(bytes[15])
        guard bytes[12] == 0x20 || bytes[12] == 0x21, length <= maxLength else { throw invalid }
        guard bytes.count >= length else { return nil }
        // The command is LOCAL, or the family has no internet addresses.
        guard bytes[12] == 0x21 else { return ProxyHeader(source: nil, length: length) }
        let addresses = Array(bytes[16..<length])
        switch bytes[13] {
        case 0x11 where addresses.count >= 12:
            let host = addresses[..<4].map(String.init).joined(separator: ".")
            return try header(host, port: addresses[8..<10], length)
        case 0x21 where addresses.count >= 36:
            let groups = stride(from: 0, to: 16, by: 2).map { at in
                String(Int(addresses[at]) << 8 | Int(addresses[at + 1]), radix: 16)
            }
            return try header(groups.joined(separator: ":"), port: addresses[32..<34], length)
        case 0x11, 0x21: throw invalid
        default: return ProxyHeader(source: nil, length: length)
        }
    }

    private static func header(
        _ host: String, port: ArraySlice<UInt8>, _ length: Int
    ) throws(ValueError) -> ProxyHeader {
        let port = port.reduce(0) { $0 << 8 | Int($1) }
        return ProxyHeader(source: try Endpoint(host: host, port: port), length: length)
    }

    /// The maximum length of a header in bytes. The addresses take up to 36 bytes, and the extensions after them take a
    /// few hundred bytes.
    private static let maxLength = 4_096

    private static var invalid: ValueError { ValueError("the connection does not begin with a PROXY header") }
}

extension ByteChannel {
    /// Reads the header that a proxy sends first, and sets the peer's address from it.
    ///
    /// - Returns: The bytes after the header, or nil if there was no valid header or the peer has reached its
    ///   connection limit. If the result is nil, the connection is aborted.
    func readProxyHeader(for server: Server) async throws -> [UInt8]? {
        do {
            let (source, rest) = try await withTimeout(.seconds(10)) { try await self.receiveProxyHeader() }
            guard let source else { return rest }
            setPeer(source)
            if server.admit(self) { return rest }
            abort()
            return nil
        } catch let error where isCancellation(error) {
            abort()
            throw error
        } catch {
            noteHandshakeFailure(error, of: self)
            abort()
            return nil
        }
    }

    private func receiveProxyHeader() async throws -> (source: Endpoint?, rest: [UInt8]) {
        var bytes: [UInt8] = []
        while true {
            if let header = try ProxyHeader.parse(bytes) { return (header.source, Array(bytes[header.length...])) }
            let count = try await unsafe receive(atMost: 512) { unsafe bytes.append(contentsOf: $0) }
            if count == 0 { throw IncompleteReadError(partial: bytes, expected: nil) }
        }
    }
}
