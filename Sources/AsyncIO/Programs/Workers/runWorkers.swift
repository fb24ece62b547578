internal import AsyncIOSystem
internal import Glibc
internal import Logging
internal import SystemPackage

/// Runs `body` in several processes that share listening sockets, so that a program can use more
/// than one core.
///
/// ```swift
/// try runWorkers(listen: [.tcp(host: .anyInterface, port: 8080)]) { worker in
///     let server = try await startServer(on: .sockets(worker.sockets)) { reader, writer in
///         for try await line in reader.lines { try await writer.write(line + "\n") }
///     }
///     try await worker.serve(server)
/// }
/// ```
///
/// Call this function only once, in place of `run`, from a synchronous `main` or from top-level code. The calling
/// process is the supervisor. It opens the sockets and starts the workers. Each worker executes the same program again
/// with the same arguments. Code before this call therefore runs in every worker. Code after this call runs only in the
/// supervisor. A worker runs `body` in its own event loop and then exits.
///
/// The supervisor has the following tasks:
/// - It restarts a worker that dies. The delay is 0.1 s at first, and grows to at most 30 s if the worker keeps dying.
/// - On SIGHUP, it replaces all workers with new workers that execute the program's current file. The new workers start
///   before the old workers are asked to stop. No connection is refused or lost, because the sockets stay open and a
///   stopping worker lets its connections finish.
/// - On SIGTERM or Ctrl-C, it stops the workers cleanly and ends. A second signal kills the workers.
///
/// Workers share the supervisor's standard output and error. The supervisor logs its actions with the label
/// `asyncio.workers`. If the supervisor ends unexpectedly, its workers stop cleanly.
///
/// - Parameters:
///   - count: The number of workers: ``Worker/Count/cores``, a number, or ``Worker/Count/inProcess``
///     to run the body in this process.
///   - listen: The listeners, which the workers share; see ``Worker/sockets``.
///   - options: The settings of the sockets. The sockets listen before a worker has started, so early clients wait
///     instead of being refused. Settings that do not concern the sockets, such as ``Server/Options/limit``, have no
///     effect here. Pass such settings to the workers' servers.
///   - grace: The maximum time that the connections of a stopping worker can take to end before they are closed. A
///     worker that has not ended 5 s later is killed.
///   - signals: Signals that the supervisor forwards to its workers.
///   - debug: Whether the loops run in debug mode, or `nil` for the default value.
///   - body: The work of a worker. It calls ``Worker/serve(_:)``, or ``Worker/ready()`` and
///     ``Worker/waitUntilStopping()``. If the body throws an error, the error is logged, and the worker exits with
///     status 1.
/// - Throws: ``Worker/Failure`` if a worker dies three times before it is ready, or does not end cleanly; ``OSError``
///   if the system refuses to listen on an address; ``RuntimeError`` if a loop is already running; ``ValueError`` if
///   `count` is not positive. With ``Worker/Count/inProcess``, this function throws the errors of `body`.
public func runWorkers(
    count: Worker.Count = .cores, listen: [Server.Listener] = [],
    options: Server.Options = Server.Options(backlog: 1_024), grace: Duration = .seconds(30),
    forwarding signals: [ProcessSignal] = [], debug: Bool? = nil,
    _ body: @escaping @MainActor (Worker) async throws -> Void
) throws {
    if let text = ProcessEnvironment.take(WorkerHandover.variable) { try runAsWorker(text, debug: debug, body) }
    let places = WorkerPlaces(listeners: listen, options: options)
    guard let number = count.number else { return try runInProcess(places, grace: grace, debug: debug, body) }
    guard number > 0 else { throw ValueError("count must be at least 1, got \(number)") }
    try AsyncIO.run(debug: debug) { try await supervise(number, places, grace: grace, forwarding: signals) }
}

@MainActor
private func supervise(
    _ count: Int, _ places: WorkerPlaces, grace: Duration, forwarding: [ProcessSignal]
) async throws {
    let loop = try EventLoop.running
    let arrivals = try SignalSequence([.hangUp, .terminate, .interrupt] + forwarding, on: loop)
    let listeners = try await places.open(on: loop)
    defer { for listener in listeners.joined() { listener.close() } }
    let executable: SystemString
    do {
        executable = SystemString(bytes: try ProcessEnvironment.executable())
    } catch {
        throw OSError(error, "finding this program's file")
    }
    let plan = WorkerPlan(
        executable: executable, arguments: ProcessEnvironment.arguments.map { SystemString(bytes: $0) }, grace: grace,
        listeners: listeners)
    try await WorkerSupervisor(plan, count: count, on: loop).run(arrivals)
}

/// The listeners of the workers, with their options.
private struct WorkerPlaces {
    let listeners: [Server.Listener]
    let options: Server.Options

    /// Returns the sockets of each listener, which are already listening.
    func open(on loop: EventLoop) async throws -> [[ListeningSocket]] {
        var opened: [[ListeningSocket]] = []
        do {
            for listener in listeners {
                opened.append(try await listener.bindToSystem(options, on: loop))
                try listen(opened[opened.count - 1])
            }
        } catch {
            for socket in opened.joined() { socket.close() }
            throw error
        }
        return opened
    }

    private func listen(_ sockets: [ListeningSocket]) throws(OSError) {
        for socket in sockets {
            do {
                try socket.socket.listen(backlog: options.queueLength)
            } catch {
                throw OSError(error, "listening for workers")
            }
        }
    }
}

private func runInProcess(
    _ places: WorkerPlaces, grace: Duration, debug: Bool?,
    _ body: @escaping @MainActor (Worker) async throws -> Void
) throws {
    try AsyncIO.run(debug: debug) {
        let loop = try EventLoop.running
        let listeners = try await places.open(on: loop)
        defer { for listener in listeners.joined() { listener.removeFile() } }
        // The body owns the sockets.
        let worker = Worker(
            number: 0, grace: grace, places: listeners.map { $0.map { $0.socket.giveUp() } }, control: nil)
        try worker.begin(on: loop)
        try await body(worker)
    }
}

/// Runs `body` as a worker. This function never returns, because the code after `runWorkers` is for the supervisor.
private func runAsWorker(
    _ text: String, debug: Bool?, _ body: @escaping @MainActor (Worker) async throws -> Void
) throws -> Never {
    guard let handover = WorkerHandover(text) else {
        throw ValueError("\(WorkerHandover.variable)=\(text) is not a value that a supervisor sets; unset it")
    }
    let log = Logger(label: "asyncio.workers")
    do {
        try AsyncIO.run(debug: debug) {
            let worker = Worker(
                number: handover.number, grace: handover.grace, places: handover.places,
                control: ByteDescriptor(owning: WorkerHandover.control))
            try worker.begin(on: EventLoop.running)
            do {
                try await body(worker)
            } catch let error where worker.isStopping && CancellationErrors.contain(error) {}
        }
    } catch {
        log.error("worker \(handover.number) has failed: \(describe(error))")
        exit(1)
    }
    exit(0)
}
