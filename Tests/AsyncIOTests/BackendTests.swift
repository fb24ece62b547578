import AsyncIO
import AsyncIOSystem
import AsyncIOTesting
import Glibc
import SystemPackage
import Testing

@Suite struct BackendTests {
    nonisolated static let hasUring = (try? UringPoller()) != nil

    @Test func aLoopSaysWhatItWaitsWith() throws {
        try atTopLevel {
            let loop = try EventLoop(backend: .epoll)
            #expect(loop.backend == .epoll)
            try loop.close()
            #expect(try AsyncIO.run(backend: .epoll) { try EventLoop.running.backend } == .epoll)
        }
    }

    @Test(.enabled(if: hasUring)) func ioUringIsChosenByHand() throws {
        try atTopLevel {
            let runner = Runner(backend: .ioUring)
            #expect(try runner.loop.backend == .ioUring)
            let answer = try runner.run {
                let server = try await startServer(host: "127.0.0.1", port: 0) { reader, writer in
                    for try await line in reader.lines { try await writer.write("you said \(line)\n") }
                }
                let (reader, writer) = try await openConnection(host: "127.0.0.1", port: server.port)
                try await writer.write("hello\n")
                defer {
                    writer.close()
                    server.close()
                }
                return try await reader.readLine()
            }
            #expect(answer == Array("you said hello\n".utf8))
            try runner.close()
        }
    }

    @Test(arguments: [("epoll", "epoll"), ("auto", "epoll"), ("", "epoll"), ("io_uring", "io_uring")])
    func theEnvironmentChoosesForLoopsThatLeaveItOpen(name: String, backend: String) async throws {
        guard backend == "epoll" || Self.hasUring else { return }
        let program = try await Program.run("top-level-program", ["backend"], environment: ["ASYNCIO_BACKEND": name])
        #expect(program.lines == ["automatic \(backend)", "epoll epoll", "end"])
    }

    @Test func aNameThatIsNoBackendIsRefused() async throws {
        let program = try await Program.run(
            "top-level-program", ["backend"], environment: ["ASYNCIO_BACKEND": "kqueue"])
        #expect(program.lines.count == 2)
        #expect(
            program.lines.first?.contains("ASYNCIO_BACKEND must be epoll, io_uring, or auto, got \"kqueue\"") == true)
    }

    @Test(.requires(.python3)) func aSystemThatForbidsItIsOneClearError() async throws {
        let chosen = try await Program.runWithoutUring(
            "top-level-program", ["backend"], ["ASYNCIO_BACKEND": "io_uring"])
        #expect(chosen.lines.count == 2)
        #expect(chosen.lines.first?.contains("io_uring is not available") == true)
        #expect(chosen.lines.first?.contains("use the epoll backend") == true)
        let automatic = try await Program.runWithoutUring("top-level-program", ["backend"], ["ASYNCIO_BACKEND": "auto"])
        #expect(automatic.lines == ["automatic epoll", "epoll epoll", "end"])
    }

    @Test(.requires(.python3)) func filesFindTheirWayWithoutIt() async throws {
        let automatic = try await Program.runWithoutUring(
            "top-level-program", ["files"], ["ASYNCIO_BACKEND": "epoll"])
        #expect(automatic.lines == ["read top-level-progr", "end"])
        let chosen = try await Program.runWithoutUring(
            "top-level-program", ["files"], ["ASYNCIO_BACKEND": "epoll", "ASYNCIO_FILES": "io_uring"])
        #expect(chosen.lines.first?.contains("io_uring is not available; set ASYNCIO_FILES to threads") == true)
        for name in ["threads", "auto", ""] {
            let program = try await Program.run("top-level-program", ["files"], environment: ["ASYNCIO_FILES": name])
            #expect(program.lines == ["read top-level-progr", "end"])
        }
        let wrong = try await Program.run("top-level-program", ["files"], environment: ["ASYNCIO_FILES": "aio"])
        #expect(wrong.lines.first?.contains("ASYNCIO_FILES must be io_uring, threads or auto, got \"aio\"") == true)
    }
}
