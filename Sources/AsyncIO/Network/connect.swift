internal import AsyncIOSystem
internal import SystemPackage

// # Connecting to a host
//
// A host can have many addresses. They are tried in the resolver's order, each after the previous address has failed.
// With a delay, RFC 8305 ("Happy Eyeballs") applies: the next attempt starts when the delay is over and the previous
// one has not finished, the families alternate, and the first address that answers wins. The other attempts are
// cancelled, and their sockets are closed.

/// Connects to a host, using the first address that answers.
func connect(
    host: String, port: Int, _ options: ConnectionOptions, on loop: EventLoop
) async throws -> ByteChannel {
    let addresses = try await loop.resolve(host: host, port: port, family: options.family)
    return try await connect(to: addresses, "\(host) port \(port)", options, on: loop)
}

/// Connects to one of several addresses, using the first address that answers.
///
/// - Parameter target: The name of the target for the error message.
func connect(
    to addresses: [SystemAddress], _ target: String, _ options: ConnectionOptions, on loop: EventLoop
) async throws -> ByteChannel {
    var addresses = addresses
    let interleave = options.interleave ?? (options.happyEyeballsDelay == nil ? 0 : 1)
    if interleave > 0 { addresses = interleaved(addresses, firstFamilyCount: interleave, family: \.family) }

    let local = options.localAddress?.system
    var failures: [any Error] = []
    if let delay = options.happyEyeballsDelay {
        let race = try await staggeredRace(addresses, delay: delay) { address in
            try await connect(to: address, from: local, on: loop)
        }
        if let winner = race.value { return winner }
        failures = race.errors.compactMap { $0 }
    } else {
        for address in addresses {
            do {
                return try await connect(to: address, from: local, on: loop)
            } catch let error as OSError {
                failures.append(error)
            }
        }
    }
    throw failure(of: failures, target, options)
}

/// Returns the error to throw when no address has answered.
private func failure(of failures: [any Error], _ target: String, _ options: ConnectionOptions) -> any Error {
    guard let first = failures.first else { return TimeoutError() }
    if options.allErrors { return ExceptionGroup("connecting to \(target) failed", failures) }
    let words = failures.map { "\($0)" }
    guard Set(words).count > 1, let code = (first as? OSError)?.code else { return first }
    return OSError(code, "connecting to \(target): multiple errors (\(words.joined(separator: "; ")))")
}

/// Reorders the addresses so that their families alternate. The first `firstFamilyCount - 1` addresses of the first
/// family come before the alternating addresses.
package func interleaved<Address>(
    _ addresses: [Address], firstFamilyCount: Int, family: (Address) -> Int32
) -> [Address] {
    var families: [[Address]] = []
    for address in addresses {
        if let index = families.firstIndex(where: { family($0[0]) == family(address) }) {
            families[index].append(address)
        } else {
            families.append([address])
        }
    }
    guard !families.isEmpty else { return [] }
    let ahead = max(0, min(firstFamilyCount - 1, families[0].count))
    var result = Array(families[0].prefix(ahead))
    families[0].removeFirst(ahead)
    for round in 0..<(families.map(\.count).max() ?? 0) {
        result += families.filter { $0.count > round }.map { $0[round] }
    }
    return result
}

/// Connects to one address.
///
/// - Throws: ``OSError`` if the connection fails; `CancellationError` if the task is cancelled. In both cases, no
///   connection is left open.
func connect(
    to address: SystemAddress, from local: SystemAddress? = nil, on loop: EventLoop
) async throws -> ByteChannel {
    if let stack = loop.networkStack { return try await stack.connect(to: address, from: local) }
    do {
        let socket = try Socket(for: address)
        if let local {
            guard local.family == address.family else {
                throw OSError(
                    .addressNotAvailable,
                    "connecting to \(address.description): no matching local address with family \(address.familyName)")
            }
            do { try socket.bind(to: local) } catch {
                throw OSError(error, "binding to the local address \(local.description)")
            }
        }
        try await connect(socket, to: address, on: loop)
        return try Connection(socket, on: loop, peer: address)
    } catch let error as Errno {
        throw OSError(error, "connecting to \(address.description)")
    }
}

/// Connects a socket. If this function throws an error, the socket is closed.
private func connect(_ socket: Socket, to address: SystemAddress, on loop: EventLoop)
    async throws
{
    do {
        if try await connectWhenThereIsRoom(socket, to: address) { return }
        let watch = try loop.watch(socket.descriptor)
        defer { loop.unwatch(watch) }
        watch.canWrite = false
        try await watch.waitWritable()
        if let error = socket.connectionError { throw error }
    } catch {
        socket.close()
        throw error
    }
}

/// Starts to connect a socket. Returns true if the socket is connected, or false if the outcome is not known yet.
///
/// If the server's accept queue is full, a TCP connection attempt waits. An attempt to connect a Unix socket fails at
/// once instead, and the poller does not report when the queue has room, so this function tries again. The first new
/// attempt is made in the next turn, so that a server on this loop can run first. Further attempts follow after pauses
/// that grow up to 50 ms.
///
/// - Throws: `Errno` if the connection fails; `CancellationError` if the task is cancelled.
func connectWhenThereIsRoom(
    _ socket: Socket, to address: SystemAddress
) async throws -> Bool {
    var pause = Duration.zero
    while true {
        do {
            return try socket.connect(to: address)
        } catch {
            guard error == .wouldBlock, address.isUnix else { throw error }
        }
        try await sleep(pause)
        pause = min(max(pause * 2, .milliseconds(1)), .milliseconds(50))
    }
}
