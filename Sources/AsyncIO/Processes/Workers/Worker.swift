internal import AsyncIOSystem
internal import SystemPackage

/// One of several processes that do the same; see
/// ``runWorkers(count:listen:grace:forwarding:debug:_:)``.
public final class Worker {
    // Loop thread only: the class is not Sendable.

    /// Which worker this is, from 0.
    public let number: Int
    /// How long open connections may go on when the worker is to stop.
    public let grace: Duration
    /// The listening sockets of each of the places, in their order.
    private let places: [[Int32]]
    /// To the supervisor; nil without one.
    private let control: ByteDescriptor?
    private let stopping = Event()
    private var hasSaidReady = false

    init(number: Int, grace: Duration, places: [[Int32]], control: ByteDescriptor?) {
        self.number = number
        self.grace = grace
        self.places = places
        self.control = control
    }

    // MARK: Sockets

    /// The listening sockets, for `startServer(descriptors:)`, which owns them from then on.
    /// All workers share them: each connection goes to one of those that have time.
    public var sockets: [Int32] { places.flatMap { $0 } }

    /// Those of one of the places to listen on.
    ///
    /// - Throws: ``ValueError`` if there is no such place.
    public func sockets(of place: Int) throws(ValueError) -> [Int32] {
        guard places.indices.contains(place) else {
            throw ValueError("the workers listen on \(places.count) places; there is no number \(place)")
        }
        return places[place]
    }

    // MARK: Life

    /// Tells the supervisor that this worker does its work from now on: a reload lets the
    /// earlier workers go only when the new ones have said so.
    public func ready() {
        guard !hasSaidReady, let control else { return }
        hasSaidReady = true
        // The supervisor may be gone, which comes as the end of the control socket.
        _ = try? unsafe [UInt8(ascii: "R")].withUnsafeBytes { bytes throws(Errno) in unsafe try control.send(bytes) }
    }

    /// Whether the worker is to stop. A handler of a connection that could go on for long
    /// looks at it between two requests.
    public var isStopping: Bool { stopping.isSet }

    /// Waits until the worker is to stop: at a reload, at the supervisor's end, or on SIGTERM.
    ///
    /// - Throws: `CancellationError`.
    public nonisolated(nonsending) func waitUntilStopping() async throws { try await stopping.wait() }

    /// Serves until the worker is to stop: says that it is ready, waits, and shuts the server
    /// down within ``grace``.
    ///
    /// - Throws: `CancellationError`.
    public nonisolated(nonsending) func serve(_ server: Server) async throws {
        try server.startServing()
        ready()
        try await stopping.wait()
        try await server.shutdown(within: grace)
    }

    // MARK: Inside

    /// Listens to the supervisor, and to signals in its stead.
    func begin(on loop: EventLoop) throws {
        try loop.addSignalHandler(.terminate) { [self] in stopping.set() }
        guard let control else {
            // Ctrl-C stops in order, and the next one does what it does in `run`.
            return try loop.addSignalHandler(.interrupt) { [self] in
                stopping.set()
                try loop.removeSignalHandler(.interrupt)
            }
        }
        // A terminal sends these to the supervisor too, which says what is to be done.
        for signal: Signal in [.interrupt, .hangUp] { try loop.addSignalHandler(signal) {} }
        try control.prepare()
        try loop.addReader(control.descriptor) { [self] in noticeSupervisor(control, on: loop) }
    }

    /// The supervisor says nothing; its end is the end of the socket.
    private func noticeSupervisor(_ control: ByteDescriptor, on loop: EventLoop) {
        var byte: UInt8 = 0
        let count = try? unsafe withUnsafeMutableBytes(of: &byte) { bytes throws(Errno) in
            unsafe try control.receive(into: bytes)
        }
        guard count == 0 else { return }
        _ = try? loop.removeReader(control.descriptor)
        stopping.set()
    }
}

/// What a supervisor tells its worker, in a variable of its environment: which worker it is,
/// how long its connections may go on, and how many sockets each place has. The control
/// socket is descriptor 3, the sockets come after it.
struct WorkerHandover {
    static let variable = "ASYNCIO_WORKER"
    static let control: Int32 = 3

    let number: Int
    let grace: Duration
    let counts: [Int]

    init(number: Int, grace: Duration, counts: [Int]) {
        self.number = number
        self.grace = grace
        self.counts = counts
    }

    var text: String {
        "\(number);\(grace.roundedUpNanoseconds);\(counts.map(String.init).joined(separator: ","))"
    }

    /// - Returns: nil if the text is no such thing.
    init?(_ text: String) {
        let parts = text.split(separator: ";", omittingEmptySubsequences: false)
        guard parts.count == 3, let number = Int(parts[0]), let grace = Int64(parts[1]) else { return nil }
        let counts = parts[2].split(separator: ",").map { Int($0) ?? 0 }
        guard counts.allSatisfy({ 1...65_535 ~= $0 }) else { return nil }
        self.init(number: number, grace: .nanoseconds(grace), counts: counts)
    }

    /// The descriptors of each place.
    var places: [[Int32]] {
        var next = Self.control + 1
        return counts.map { count in
            defer { next += Int32(count) }
            return (0..<Int32(count)).map { next + $0 }
        }
    }
}
