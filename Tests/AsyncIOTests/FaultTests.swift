import AsyncIO
import AsyncIOTesting
import Foundation
import Glibc
import Testing

/// System calls that fail, at every call of a session: each run ends in success or a clear
/// error, and leaves nothing open.
@Suite(.eventLoop, .timeLimit(.minutes(5))) struct FaultTests {
    /// A library for LD_PRELOAD: the FAULT_NTH call of FAULT_CALL fails with FAULT_ERRNO, or is
    /// cut to one byte if that is 0. Says so on standard error.
    private static let source = #"""
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <errno.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <sys/epoll.h>
        #include <sys/socket.h>
        #include <unistd.h>
        static int armed = -1, nth, code, seen; static const char *name;
        static int fails(const char *call) {
            if (armed < 0) {
                name = getenv("FAULT_CALL"); armed = name != 0;
                if (armed) { nth = atoi(getenv("FAULT_NTH")); code = atoi(getenv("FAULT_ERRNO")); }
            }
            if (!armed || strcmp(call, name) || ++seen != nth) return 0;
            dprintf(2, "fired\n");
            return 1;
        }
        #define REAL(f) static __typeof__(f) *real; if (!real) real = dlsym(RTLD_NEXT, #f)
        #define CALL(type, f, parameters, arguments) \
            type f parameters { REAL(f); if (fails(#f)) { errno = code; return -1; } return real arguments; }
        #define SHORT(f, parameters, arguments, size) \
            ssize_t f parameters { REAL(f); \
                if (fails(#f)) { if (code) { errno = code; return -1; } if (size > 1) size = 1; } return real arguments; }
        CALL(int, socket, (int a, int b, int c), (a, b, c))
        CALL(int, bind, (int a, const struct sockaddr *b, socklen_t c), (a, b, c))
        CALL(int, listen, (int a, int b), (a, b))
        CALL(int, accept4, (int a, struct sockaddr *b, socklen_t *c, int d), (a, b, c, d))
        CALL(int, setsockopt, (int a, int b, int c, const void *d, socklen_t e), (a, b, c, d, e))
        CALL(int, getsockname, (int a, struct sockaddr *b, socklen_t *c), (a, b, c))
        CALL(int, shutdown, (int a, int b), (a, b))
        CALL(int, epoll_ctl, (int a, int b, int c, struct epoll_event *d), (a, b, c, d))
        CALL(int, epoll_wait, (int a, struct epoll_event *b, int c, int d), (a, b, c, d))
        CALL(int, epoll_create1, (int a), (a))
        int connect(int a, const struct sockaddr *b, socklen_t c) {
            REAL(connect);
            if (fails("connect")) { if (code == EINTR) real(a, b, c); errno = code; return -1; }
            return real(a, b, c);
        }
        SHORT(recv, (int a, void *b, size_t c, int d), (a, b, c, d), c)
        SHORT(send, (int a, const void *b, size_t c, int d), (a, b, c, d), c)
        ssize_t recvfrom(int a, void *b, size_t c, int d, struct sockaddr *e, socklen_t *f) {
            REAL(recvfrom); if (fails("recvfrom")) { errno = code; return -1; } return real(a, b, c, d, e, f);
        }
        CALL(ssize_t, sendto, (int a, const void *b, size_t c, int d, const struct sockaddr *e, socklen_t f),
             (a, b, c, d, e, f))
        """#

    /// Which calls fail, and how. 0 is a short count. (Not EAGAIN, nor a short read of what is
    /// there: the kernel promises an edge after them, which a library in front of it cannot give.)
    nonisolated static let faults: [(call: String, codes: [Int32])] = [
        ("socket", [EMFILE, ENOBUFS]), ("bind", [EADDRINUSE]), ("listen", [EADDRINUSE]),
        ("accept4", [EINTR, ECONNABORTED, EMFILE]), ("connect", [EINTR, ECONNREFUSED, ENOBUFS]),
        ("setsockopt", [ENOBUFS]), ("getsockname", [ENOBUFS]), ("shutdown", [ENOTCONN]),
        ("epoll_create1", [EMFILE]), ("epoll_ctl", [ENOMEM]), ("epoll_wait", [EINTR]),
        ("recv", [EINTR, ECONNRESET, ENOMEM]), ("send", [EINTR, EPIPE, ENOBUFS, 0]),
        ("recvfrom", [EINTR, ENOMEM]), ("sendto", [EINTR, ENOBUFS]),
    ]

    /// Once for all cases.
    private func library() async throws -> String {
        let path = "/tmp/asyncio-faults-\(getpid())"
        try source(path + ".c")
        _ = try await NetworkProgram.output(
            "cc", ["-shared", "-fPIC", "-O1", "-w", "-o", path + ".so", path + ".c", "-ldl"])
        unlink(path + ".c")
        return path + ".so"
    }

    private func source(_ path: String) throws {
        try Self.source.write(toFile: path, atomically: false, encoding: .utf8)
    }

    private struct Outcome {
        var fired: Bool
        var end: String
        var leaked: String
        var errors: String
    }

    private func run(_ library: String, _ call: String, _ nth: Int, _ code: Int32) async throws -> Outcome {
        var environment = ProcessInfo.processInfo.environment
        environment["LD_PRELOAD"] = library
        environment["FAULT_CALL"] = call
        environment["FAULT_NTH"] = "\(nth)"
        environment["FAULT_ERRNO"] = "\(code)"
        return try await withSubprocess(
            NetworkProgram.path("session-program"), arguments: ["session"], stdin: .devNull, stdout: .pipe,
            stderr: .pipe, environment: environment
        ) { process in
            let (output, errors) = try await process.communicate()
            let lines = String(decoding: output ?? [], as: UTF8.self).split(separator: "\n").map(String.init)
            let text = String(decoding: errors ?? [], as: UTF8.self)
            return Outcome(
                fired: text.contains("fired"),
                end: lines.first { $0.hasPrefix("end: ") } ?? "died: \(process.returnCode ?? -1)",
                leaked: lines.first { $0.hasPrefix("leaked: ") } ?? "", errors: text)
        }
    }

    @Test func aSessionWithoutFaultsEndsWell() async throws {
        let outcome = try await run("", "none", 1, 0)
        #expect(outcome.end == "end: ok", "\(outcome)")
        #expect(outcome.leaked == "leaked: 0")
    }

    @Test func everyFaultAtEveryCallEndsInSuccessOrAClearError() async throws {
        let library = try await library()
        defer { unlink(library) }
        var runs = 0
        for (call, codes) in Self.faults {
            for code in codes {
                var nth = 1
                // The first calls one by one, then some of the later ones: a session has hundreds
                // of the same kind.
                while nth < 200 {
                    let outcome = try await run(library, call, nth, code)
                    runs += 1
                    let what = "\(call) \(nth) with errno \(code): \(outcome)"
                    #expect(outcome.end.hasPrefix("end: "), "\(what)")
                    #expect(!outcome.end.contains("TimeoutError"), "\(what)")
                    #expect(outcome.leaked == "leaked: 0", "\(what)")
                    // What has to be tried again is no error at all.
                    if [EINTR, 0].contains(code), call != "connect" {
                        #expect(outcome.end == "end: ok", "\(what)")
                    }
                    #expect(!outcome.errors.contains("unclosed"), "\(what)")
                    if !outcome.fired { break }
                    nth += nth < 6 ? 1 : nth
                }
            }
        }
        #expect(runs > 100)
    }
}

/// Many connections in one process, and sockets of a supervisor.
@Suite(.eventLoop, .timeLimit(.minutes(3))) struct SessionProgramTests {
    @Test func tenThousandIdleConnectionsCostLittle() async throws {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        // Less where the system grants fewer descriptors.
        let count = min(10_000, Int(clamping: limit.rlim_max) - 1_000)
        try await withSubprocess(
            NetworkProgram.path("session-program"), arguments: ["idle", "\(count)"], stdout: .pipe
        ) { process in
            let output = try #require(process.stdout)
            func line() async throws -> String { String(decoding: try await output.readLine(), as: UTF8.self) }
            let port = try #require(Int(try await line().split(separator: " ")[1].dropLast()))
            let client = """
                import resource, socket, sys, time
                hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
                resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
                port, count = int(sys.argv[1]), int(sys.argv[2])
                def connect():
                    s = socket.create_connection(("127.0.0.1", port))
                    s.sendall(b"hello\\n")
                    assert s.recv(10) == b"hello\\n"
                    return s
                first = [connect() for _ in range(100)]
                time.sleep(0.6)
                rest = [connect() for _ in range(count)]
                sys.stdin.read()
                for s in first + rest: s.sendall(b"again\\n")
                for s in first + rest: assert s.recv(10) == b"again\\n"
                print("all alive")
                """
            try await withSubprocess(
                "python3", arguments: ["-c", client, "\(port)", "\(count)"], stdin: .pipe, stdout: .pipe
            ) { python in
                let each = try #require(Int(try await line().split(separator: " ")[1].dropLast()))
                #expect(each <= 8 * 1024, "\(each) bytes each")
                print("an idle connection costs \(each) bytes, of \(count)")
                let (output, _) = try await python.communicate()
                #expect(String(decoding: output ?? [], as: UTF8.self) == "all alive\n")
            }
            #expect(try await line().hasPrefix("descriptors "))
        }
    }

    @Test func aServerTakesTheSocketsOfItsSupervisor() async throws {
        let listener = try await startServer(host: "127.0.0.1", port: 0, startServing: false) { _, _ in }
        defer { listener.close() }
        var options = SubprocessOptions()
        options.descriptors = [3: try #require(listener.sockets.first)]
        try await withSubprocess(
            "sh",
            arguments: ["-c", "LISTEN_PID=$$ LISTEN_FDS=1 exec \(NetworkProgram.path("session-program")) activated"],
            stdout: .pipe, options: options
        ) { process in
            let port = try #require(listener.port)
            let line = String(decoding: try await process.stdout?.readLine() ?? [], as: UTF8.self)
            #expect(line == "port \(port) 0 true\n")
            let (reader, writer) = try await openConnection(host: "127.0.0.1", port: port)
            try await writer.write("hi\n")
            #expect(try await reader.readLine() == Array("activated: hi\n".utf8))
            writer.close()
        }
    }
}
