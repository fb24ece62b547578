// Does what asyncio-loops does, with SwiftNIO: `nio-loops LOOPS WORK COUNT|PORT`. SwiftNIO has event loops and futures,
// but no tasks, locks, or queues of its own. See ../../../../README.md.
import Glibc
import NIOCore
import NIOPosix

let arguments = CommandLine.arguments.dropFirst()
guard arguments.count == 3, let loops = Int(arguments[1]), let count = Int(arguments[3]) else { exit(64) }
let group = MultiThreadedEventLoopGroup(numberOfThreads: loops)
switch arguments[2] {
case "echo": try echo(port: count)
case "spawn": try onEach("spawn", spawn)
case "switch": try onEach("switch", switching)
default: exit(64)
}

/// Does the work on every loop at once.
func onEach(_ bench: String, _ work: (EventLoop, Int) -> EventLoopFuture<Void>) throws {
    let all = Array(group.makeIterator())
    func perform(_ count: Int) throws {
        for end in all.map({ work($0, count) }) { try end.wait() }
    }
    try perform(count / 10 + 1)
    let (wall, cpu) = (seconds(CLOCK_MONOTONIC), seconds(CLOCK_PROCESS_CPUTIME_ID))
    try perform(count)
    print(
        """
        {"bench": "\(bench)", "n": \(count * loops), "wall_s": \(seconds(CLOCK_MONOTONIC) - wall), \
        "cpu_s": \(seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu)}
        """)
}

/// A closure is submitted, runs, and its future is awaited; a thousand at a time.
func spawn(_ loop: EventLoop, _ count: Int) -> EventLoopFuture<Void> {
    let promise = loop.makePromise(of: Void.self)
    @Sendable func next(_ left: Int) {
        if left <= 0 { return promise.succeed() }
        let futures = (0..<min(left, 1_000)).map { _ in loop.submit {} }
        EventLoopFuture.andAllSucceed(futures, on: loop).whenSuccess { next(left - 1_000) }
    }
    loop.execute { next(count) }
    return promise.futureResult
}

/// One of a hundred closures executes itself again.
func switching(_ loop: EventLoop, _ count: Int) -> EventLoopFuture<Void> {
    let promises = (0..<100).map { _ in loop.makePromise(of: Void.self) }
    @Sendable func hop(_ left: Int, _ promise: EventLoopPromise<Void>) {
        if left == 0 { promise.succeed() } else { loop.execute { hop(left - 1, promise) } }
    }
    for promise in promises { loop.execute { hop(count / 100, promise) } }
    return EventLoopFuture.andAllSucceed(promises.map(\.futureResult), on: loop)
}

func echo(port: Int) throws {
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    limit.rlim_cur = limit.rlim_max
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    let server = try ServerBootstrap(group: group)
        .serverChannelOption(.backlog, value: 4096)
        .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
        .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
        .childChannelInitializer { channel in
            channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Echo()) }
        }
        .bind(host: "127.0.0.1", port: port).wait()
    print("READY")
    fflush(nil)
    try server.closeFuture.wait()
}

/// Sends back every byte. Does not read while the other side does not read.
final class Echo: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    private var mustRead = false

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { context.write(data, promise: nil) }

    func channelReadComplete(context: ChannelHandlerContext) {
        context.flush()
        context.fireChannelReadComplete()
    }

    func read(context: ChannelHandlerContext) {
        if context.channel.isWritable { context.read() } else { mustRead = true }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        guard mustRead, context.channel.isWritable else { return }
        mustRead = false
        context.read()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

func seconds(_ clock: clockid_t) -> Double {
    var time = timespec()
    clock_gettime(clock, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}
