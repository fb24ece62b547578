internal import AsyncIOSystem
internal import SystemPackage

/// One of several processes that run the same body; see
/// ``runWorkers(count:listen:options:grace:forwarding:debug:_:)``.
public final class Worker {
    // Loop thread only: the class is not Sendable.

    /// The number of this worker, starting from 0.
    public let number: Int
    /// The maximum time that open connections can take to end when the worker stops.
    public let grace: Duration
    /// The descriptors of the listening sockets of each listener, in the order of the listeners.
    private let places: [[Int32]]
    /// The socket to the supervisor, or nil if the program runs without a supervisor.
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

    /// The descriptors of the listening sockets. Pass them to ``Server/Listener/sockets(_:)``. The server then owns the
    /// descriptors. All workers share the sockets, and each connection goes to a worker that is free to accept it.
    public var sockets: [Int32] { places.flatMap { $0 } }

    /// Returns the descriptors of the listening sockets of one listener.
    ///
    /// - Parameter place: The index of the listener in the argument `listen` of
    ///   ``runWorkers(count:listen:options:grace:forwarding:debug:_:)``.
    /// - Throws: ``ValueError`` if `place` is out of range.
    public func sockets(of place: Int) throws(ValueError) -> [Int32] {
        guard places.indices.contains(place) else {
            throw ValueError("place must be in 0..<\(places.count), got \(place)")
        }
        return places[place]
    }

    // MARK: Life

    /// Tells the supervisor that this worker is ready. A reload stops the old workers only after all new workers have
    /// called this method.
    public func ready() {
        guard !hasSaidReady, let control else { return }
        hasSaidReady = true
        // If the supervisor is gone, the control socket will report that.
        _ = try? unsafe [UInt8(ascii: "R")].withUnsafeBytes { bytes throws(Errno) in unsafe try control.send(bytes) }
    }

    /// Whether the worker should stop. The handler of a long-lived connection should check this
    /// between requests.
    public var isStopping: Bool { stopping.isSet }

    /// Waits until the worker is asked to stop. A worker is asked to stop when the workers are reloaded, when the
    /// supervisor ends, or when the worker receives SIGTERM.
    ///
    /// - Throws: `CancellationError` if the task is cancelled.
    public func waitUntilStopping() async throws { try await stopping.wait() }

    /// Serves until the worker is asked to stop. This method starts the server, reports that the worker is ready, waits
    /// until the worker is asked to stop, and shuts the server down within ``grace``.
    ///
    /// - Throws: ``OSError`` if the system does not allow the server to listen; ``RuntimeError`` if
    ///   the server is closed; `CancellationError` if the task is cancelled.
    public func serve(_ server: Server) async throws {
        try server.startServing()
        ready()
        try await stopping.wait()
        try await server.shutdown(within: grace)
    }

    // MARK: Inside

    /// Starts to listen to the supervisor, or to signals if the worker has no supervisor.
    func begin(on loop: EventLoop) throws {
        try loop.addSignalHandler(.terminate) { [self] in stopping.set() }
        guard let control else {
            // The first Ctrl-C stops the worker cleanly, and `run` handles the next one.
            return try loop.addSignalHandler(.interrupt) { [self] in
                stopping.set()
                try loop.removeSignalHandler(.interrupt)
            }
        }
        // A terminal sends these signals to the supervisor too, which decides what to do.
        for signal: ProcessSignal in [.interrupt, .hangUp] { try loop.addSignalHandler(signal) {} }
        try control.prepare()
        try loop.addReader(control.descriptor) { [self] in noticeSupervisor(control, on: loop) }
    }

    /// Checks whether the supervisor has ended. The supervisor never sends data, so end of file means that the
    /// supervisor has ended.
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

/// The data that a supervisor passes to a worker in an environment variable: the number of the
/// worker, its grace period, and the number of sockets of each listener. The control socket is
/// descriptor 3, and the listening sockets follow it.
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

    /// Parses the text of the environment variable. Returns nil if the text is malformed.
    init?(_ text: String) {
        let parts = text.split(separator: ";", omittingEmptySubsequences: false)
        guard parts.count == 3, let number = Int(parts[0]), let grace = Int64(parts[1]) else { return nil }
        let counts = parts[2].split(separator: ",").map { Int($0) ?? 0 }
        guard counts.allSatisfy({ 1...65_535 ~= $0 }) else { return nil }
        self.init(number: number, grace: .nanoseconds(grace), counts: counts)
    }

    /// The descriptors of the sockets of each listener.
    var places: [[Int32]] {
        var next = Self.control + 1
        return counts.map { count in
            defer { next += Int32(count) }
            return (0..<Int32(count)).map { next + $0 }
        }
    }
}

extension Worker.Failure {
    /// The way in which the worker ended. This property expresses ``returnCode`` as an enumeration.
    public var terminationStatus: AsyncSubprocess.TerminationStatus { .init(returnCode: returnCode) }
}
