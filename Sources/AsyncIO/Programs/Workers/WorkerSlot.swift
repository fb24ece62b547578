internal import AsyncIOSystem
internal import Logging
internal import SystemPackage

/// A slot for a worker, in which one process runs after another. This class is used only on the loop's thread.
final class WorkerSlot {
    /// The shortest and the longest delay before a dead worker is restarted.
    private static let backOff = (first: Duration.milliseconds(100), last: Duration.seconds(30))
    /// If a worker runs for at least this long before it dies, the delay is reset.
    private static let goodLife = Duration.seconds(10)
    /// The maximum number of times that a worker is started without becoming ready.
    private static let attempts = 3

    let number: Int
    /// An event that is set when a process in this slot has become ready, or when the slot has failed.
    let settled = Event()
    /// The failure of the slot. It is set if no process became ready and no other process will be started.
    private(set) var failure: Worker.Failure?
    /// The return code of the latest process.
    private(set) var returnCode: Int32?

    private let plan: WorkerPlan
    private let loop: EventLoop
    private var process: ChildProcess?
    private let retiring = Event()

    init(_ number: Int, _ plan: WorkerPlan, on loop: EventLoop) {
        self.number = number
        self.plan = plan
        self.loop = loop
    }

    // MARK: One process after the other

    /// Runs one process after another in the slot until ``retire()`` is called.
    func run() async throws {
        var delay = Self.backOff.first
        var failures = 0
        while !retiring.isSet {
            let start = loop.now
            let reason: String
            do {
                let code = try await runOnce()
                returnCode = code
                reason = AsyncSubprocess.TerminationStatus(returnCode: code).description
            } catch let error where isCancellation(error) {
                throw error
            } catch {
                returnCode = 255
                reason = "could not be started: \(describe(error))"
            }
            if retiring.isSet { return }
            failures += 1
            if !settled.isSet, failures >= Self.attempts {
                failure = Worker.Failure(number: number, returnCode: returnCode ?? 255)
                plan.log.error("worker \(number) \(reason) before it was ready, \(failures) times")
                return settled.set()
            }
            if start.duration(to: loop.now) >= Self.goodLife { delay = Self.backOff.first }
            plan.log.warning("worker \(number) \(reason); restarting it in \(delay)")
            // Retiring ends this sleep.
            _ = try? await waitFor(timeout: delay) { try await self.retiring.wait() }
            delay = min(delay * 2, Self.backOff.last)
        }
    }

    private func runOnce() async throws -> Int32 {
        let (ours, childs) = try plan.controlSockets()
        let process = try plan.start(number: number, control: childs, on: loop)
        childs.close()
        self.process = process
        try ours.prepare()
        try loop.addReader(ours.descriptor) { [self] in listen(to: ours) }
        defer {
            self.process = nil
            _ = try? loop.removeReader(ours.descriptor)
        }
        plan.log.debug("worker \(number) is process \(process.pid)")
        return try await process.wait()
    }

    /// Receives the only message that a worker sends, which means that the worker is ready.
    private func listen(to control: ByteDescriptor) {
        var byte: UInt8 = 0
        let count = try? unsafe withUnsafeMutableBytes(of: &byte) { bytes throws(Errno) in
            unsafe try control.receive(into: bytes)
        }
        if count == 1 { settled.set() } else { _ = try? loop.removeReader(control.descriptor) }
    }

    // MARK: Its end, and signals

    /// Asks the process to stop, and prevents new processes in this slot.
    func retire() {
        retiring.set()
        try? process?.send(.terminate)
    }

    func send(_ signal: ProcessSignal) { try? process?.send(signal) }
}

/// The plan for starting workers, which execute the same program with the same arguments. This type is used only on the
/// loop's thread.
struct WorkerPlan {
    let executable: SystemString
    let arguments: [SystemString]
    let grace: Duration
    /// The listening sockets of each listener.
    let listeners: [[ListeningSocket]]
    let log = Logger(label: "asyncio.workers")

    func controlSockets() throws(OSError) -> (ours: ByteDescriptor, childs: ByteDescriptor) {
        do { return try ChildDescriptors.socketPair() } catch { throw OSError(error, "opening a control socket") }
    }

    func start(number: Int, control: ByteDescriptor, on loop: EventLoop) throws -> ChildProcess {
        var environment: [SystemString: SystemString] = .inherited
        let handover = WorkerHandover(number: number, grace: grace, counts: listeners.map(\.count))
        environment[SystemString(WorkerHandover.variable)] = SystemString(handover.text)
        var request = SpawnRequest(
            candidates: [executable.bytes], arguments: arguments.map(\.bytes), environment: environment.entries)
        request.descriptors = [(control.descriptor, WorkerHandover.control)]
        for (index, listener) in listeners.joined().enumerated() {
            request.descriptors.append((listener.socket.descriptor, WorkerHandover.control + 1 + Int32(index)))
        }
        return try ChildProcess(request, name: "worker \(number)", on: loop)
    }
}

extension Worker {
    /// An error thrown when a worker cannot be started or does not end cleanly.
    public struct Failure: Error, CustomStringConvertible {
        /// The worker's number.
        public let number: Int
        /// The exit status of the worker, or the negated number of the signal that ended the worker. The value is 255
        /// if the worker could not be started.
        public let returnCode: Int32

        /// The message of the error.
        public var description: String { "worker \(number) \(terminationStatus)" }
    }
}
