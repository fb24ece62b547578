internal import AsyncIOSystem
internal import Glibc
internal import Logging
internal import SystemPackage

/// Runs `body` in several processes, on sockets that they share: a program that outgrows one
/// core.
///
/// ```swift
/// try runWorkers(listen: [.tcp(host: nil, port: 8080)]) { worker in
///     let server = try await startServer(descriptors: worker.sockets) { reader, writer in
///         for try await line in reader.lines { try await writer.write(line + "\n") }
///     }
///     try await worker.serve(server)
/// }
/// ```
///
/// It is the program's way in, in place of `run`, called once from a synchronous `main` or
/// from top-level code. The process that calls it is the supervisor. It opens the sockets and
/// starts the workers, each of which is the same program, executed anew with the same
/// arguments: what comes before this call happens in each of them, and what comes after it in
/// the supervisor only. A worker runs `body` in an event loop of its own and ends.
///
/// The supervisor
/// - starts a worker that dies again, after 0.1 s at first and at most 30 s if it goes on;
/// - on SIGHUP replaces all workers, by what the program's file is now. The new ones begin
///   before the earlier ones are asked to stop. No connection is refused or lost: the sockets
///   stay open all the time, and a worker that stops lets its connections come to their end;
/// - on SIGTERM and Ctrl-C lets the workers stop in order, and ends. At the second one it
///   kills them.
///
/// Workers share its standard output and error. It says what it does in the log, under the
/// label `asyncio.workers`. A worker whose supervisor is gone stops in order.
///
/// - Parameters:
///   - count: how many workers: as many as the machine has processors, or a number, or
///     ``WorkerCount/inProcess`` for none but this process.
///   - listen: where they listen; see ``Worker/sockets``.
///   - grace: how long the connections of a worker that stops may go on; then they are cut
///     off. 5 s later it is killed.
///   - signals: what the supervisor hands on to its workers when it gets it.
///   - debug: as for `run`.
///   - body: does a worker's work. It calls ``Worker/serve(_:)``, or ``Worker/ready()`` and
///     ``Worker/waitUntilStopping()``. An error that it throws is logged, and ends the worker
///     with status 1.
/// - Throws: ``WorkerFailure`` if a worker dies thrice before it was ever ready, or does not
///   end in order; ``OSError`` if a place cannot be listened on; ``RuntimeError`` inside a
///   running loop; ``ValueError`` for a count that is not positive.
public func runWorkers(
    count: WorkerCount = .cores, listen: [WorkerListener] = [], grace: Duration = .seconds(30),
    forwarding signals: [Signal] = [], debug: Bool? = nil, _ body: @escaping @MainActor (Worker) async throws -> Void
) throws {
    if let text = ProcessEnvironment.take(WorkerHandover.variable) { try runAsWorker(text, debug: debug, body) }
    guard let number = count.number else { return try runInProcess(listen, grace: grace, debug: debug, body) }
    guard number > 0 else { throw ValueError("there must be a worker at least, not \(number)") }
    try AsyncIO.run(debug: debug) { try await supervise(number, listen, grace: grace, forwarding: signals) }
}

@MainActor
private func supervise(
    _ count: Int, _ places: [WorkerListener], grace: Duration, forwarding: [Signal]
) async throws {
    let loop = try EventLoop.running
    let arrivals = try SignalSequence([.hangUp, .terminate, .interrupt] + forwarding, on: loop)
    let listeners = try await open(places, on: loop)
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

private nonisolated(nonsending) func open(_ places: [WorkerListener], on loop: EventLoop) async throws -> [[Listener]] {
    var opened: [[Listener]] = []
    do {
        for place in places { opened.append(try await place.open(on: loop)) }
    } catch {
        for listener in opened.joined() { listener.close() }
        throw error
    }
    return opened
}

private func runInProcess(
    _ places: [WorkerListener], grace: Duration, debug: Bool?,
    _ body: @escaping @MainActor (Worker) async throws -> Void
) throws {
    try AsyncIO.run(debug: debug) {
        let loop = try EventLoop.running
        let listeners = try await open(places, on: loop)
        defer { for listener in listeners.joined() { listener.removeFile() } }
        // The body owns the sockets.
        let worker = Worker(
            number: 0, grace: grace, places: listeners.map { $0.map { $0.socket.giveUp() } }, control: nil)
        try worker.begin(on: loop)
        try await body(worker)
    }
}

/// Never returns: what comes after `runWorkers` is the supervisor's.
private func runAsWorker(
    _ text: String, debug: Bool?, _ body: @escaping @MainActor (Worker) async throws -> Void
) throws -> Never {
    guard let handover = WorkerHandover(text) else {
        throw ValueError("\(WorkerHandover.variable)=\(text) is not what a supervisor tells a worker; unset it")
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
