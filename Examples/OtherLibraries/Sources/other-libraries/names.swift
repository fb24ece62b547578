import AsyncAlgorithms
import AsyncHTTPClient
import AsyncIO
import Dispatch
import Foundation
import Hummingbird
import Logging
import NIOCore
import NIOPosix
import NIOSSL
import ServiceLifecycle
import Subprocess

// Types of AsyncIO beside those of packages based on SwiftNIO, in one file. Only `EventLoop` has the same name in
// two of them: write `AsyncIO.EventLoop` and `NIOCore.EventLoop`. If another name of AsyncIO hid one of theirs,
// this file would not compile.

/// Uses the types of all sides, and throws if something is wrong.
func checkNames() async throws {
    let ours: AsyncIO.EventLoop = try AsyncIO.EventLoop.running
    let theirs: any NIOCore.EventLoop = MultiThreadedEventLoopGroup.singleton.any()
    let number = try await theirs.submit { 6 * 7 }.get()
    let task: AsyncTask<Int> = createTask { number }
    guard try await task.value == 42, !ours.name.isEmpty else { throw RuntimeError("a loop does not answer") }

    let configuration = TLSConfiguration.makeClientConfiguration()
    _ = try NIOSSLContext(configuration: configuration)
    _ = try TLSContext.client()
    let endpoint = try Endpoint(host: "127.0.0.1", port: 80)
    let address = try SocketAddress(ipAddress: "127.0.0.1", port: 80)
    guard endpoint.port == address.port else { throw RuntimeError("the ports differ") }

    let (lock, queue, event) = (Lock(), Queue<ByteBuffer>(), Event())
    try await lock.withLock { try await queue.put(ByteBuffer(string: "NIO's buffer")) }
    event.set()
    try await event.wait()
    guard try await queue.get().readableBytes == 12 else { throw RuntimeError("the buffer has changed") }

    let semaphore = DispatchSemaphore(value: 0)
    DispatchQueue.global().async { semaphore.signal() }
    try await toThread { semaphore.wait() }
    let channel = AsyncChannel<Int>()
    channel.finish()
    let result = try await Subprocess.run(.name("true"), output: .discarded)
    let process = try await createSubprocess("true")
    try await process.wait()
    guard result.terminationStatus.isSuccess, process.terminationStatus == .exited(0) else {
        throw RuntimeError("a process has failed")
    }
    Logger(label: "names").debug("\(ProcessSignal.terminate) \(Date.now) \(HTTPClient.self) \(ServiceGroup.self)")
    _ = Router<BasicRequestContext>()
}
