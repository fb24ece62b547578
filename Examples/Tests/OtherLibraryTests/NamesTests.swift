import AsyncAlgorithms
import AsyncIO
import AsyncIOTesting
import Dispatch
import Foundation
import Logging
import ServiceLifecycle
import Subprocess
import Testing
import UnixSignals

/// Types of AsyncIO and of packages that are often imported in the same file, side by side. If a name of AsyncIO
/// hides one of theirs, this file does not compile.
@Suite(.eventLoop) struct NamesTests {
    @Test func bothKindsOfSubprocessesRun() async throws {
        // No type of AsyncIO hides the module.
        let theirs = try await Subprocess.run(.name("true"), output: .discarded)
        #expect(theirs.terminationStatus.isSuccess)
        let ours = try await createSubprocess("true")
        try await ours.wait()
        let status: AsyncSubprocess.TerminationStatus? = ours.terminationStatus
        #expect(status == .exited(0))
        let foundations = Foundation.Process()
        #expect(!foundations.isRunning)
    }

    @Test func eachPackageHasItsSignals() {
        let ours = ProcessSignal.terminate
        let subprocesses = Subprocess.Signal.terminate
        let services = UnixSignal.sigterm
        #expect(ours.rawValue == subprocesses.rawValue && ours.rawValue == services.rawValue)
    }

    @Test func generalWordsMeanWhatTheyDoInAsyncIO() async throws {
        let (lock, queue, semaphore) = (Lock(), Queue<Int>(), Semaphore(1))
        try await lock.withLock { try await semaphore.withLock { try await queue.put(1) } }
        #expect(try await queue.get() == 1)
        let channel = AsyncChannel<Int>()
        channel.finish()
        let dispatch = DispatchSemaphore(value: 1)
        #expect(dispatch.wait(timeout: .now()) == .success)
        dispatch.signal()
        let endpoint: Endpoint = try Endpoint(host: "127.0.0.1", port: 80)
        #expect(endpoint.family == Endpoint.Family.ipv4)
        let mode: File.Mode = .read
        let backend: EventLoop.Backend = .automatic
        let logger = Logger(label: "\(mode) \(backend)")
        #expect(logger.label == "rb auto")
    }
}
