import AsyncIO
import Glibc

/// An echo server on some loops, or in some processes.
struct Echo {
    private let port: Int
    private let options = Server.Options(backlog: 4096)

    init(port: Int) {
        self.port = port
        var limit = rlimit()
        unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        limit.rlim_cur = limit.rlim_max
        unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    func onLoopOfProcess() throws {
        try AsyncIO.run {
            let server = try await startServer(host: "127.0.0.1", port: port, options: options) { reader, writer in
                try await Self.answer(reader, writer)
            }
            Self.sayReady()
            try await server.serveForever()
        }
    }

    func onLoops(_ count: Int, _ scheduling: EventLoopThread.Scheduling) throws {
        let main = try EventLoopThread(name: "main")
        try main.wait { _ in
            let server = try await startMultiLoopServer(
                host: "127.0.0.1", port: port, loops: EventLoopThread.Count(count), scheduling: scheduling,
                options: options
            ) { _, reader, writer in
                try await Self.answer(reader, writer)
            }
            try await server.serve(until: .terminate, .interrupt, grace: .seconds(1), whenReady: Self.sayReady)
        }
        try main.close()
    }

    func inWorkers(_ count: Int) throws {
        try runWorkers(
            count: Worker.Count(count), listen: [.tcp(host: "127.0.0.1", port: port)], options: options,
            grace: .seconds(1)
        ) { [options] worker in
            let server = try await startServer(on: .sockets(worker.sockets), options: options) { reader, writer in
                try await Self.answer(reader, writer)
            }
            Self.sayReady()
            try await worker.serve(server)
        }
    }

    /// Sends back every byte.
    private static func answer(_ reader: StreamReader, _ writer: StreamWriter) async throws {
        while true {
            let bytes = try await reader.read(262_144)
            if bytes.isEmpty { return }
            try await writer.write(bytes)
        }
    }

    private static func sayReady() {
        print("READY")
        fflush(nil)
    }
}
