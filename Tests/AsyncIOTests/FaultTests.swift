import AsyncIO
import AsyncIOTesting
import Foundation
import Glibc
import Testing

/// System calls that fail at every call of a session. Each run ends in success or a clear error,
/// and leaves nothing open.
@Suite(.eventLoop) struct FaultTests {
    /// A library for LD_PRELOAD. The FAULT_NTH call of FAULT_CALL fails with FAULT_ERRNO, or is cut
    /// to one byte if that is 0. The library reports that on standard error.
    ///
    /// The kernel promises an edge after EAGAIN and after a short read. The library therefore
    /// registers the descriptor again, as if its data had just arrived.
    private static let source = #"""
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <errno.h>
        #include <fcntl.h>
        #include <pthread.h>
        #include <stdarg.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <sys/epoll.h>
        #include <sys/eventfd.h>
        #include <sys/socket.h>
        #include <sys/syscall.h>
        #include <sys/uio.h>
        #include <unistd.h>
        static int armed = -1, nth, code, seen; static const char *name;
        static struct { int epoll; struct epoll_event event; char wakes; } watches[1024];
        static int fails(const char *call) {
            if (armed < 0) {
                name = getenv("FAULT_CALL"); armed = name != 0;
                if (armed) { nth = atoi(getenv("FAULT_NTH")); code = atoi(getenv("FAULT_ERRNO")); }
            }
            if (!armed || strcmp(call, name) || __atomic_add_fetch(&seen, 1, __ATOMIC_RELAXED) != nth) return 0;
            dprintf(2, "fired\n");
            return 1;
        }
        #define REAL(f) static __typeof__(f) *real; if (!real) real = dlsym(RTLD_NEXT, #f)
        #define CALL(type, f, parameters, arguments) \
            type f parameters { REAL(f); if (fails(#f)) { errno = code; return -1; } return real arguments; }
        int epoll_ctl(int a, int b, int c, struct epoll_event *d) {
            REAL(epoll_ctl);
            if (fails("epoll_ctl")) { errno = code; return -1; }
            int result = real(a, b, c, d);
            if (!result && c < 1024) { watches[c].epoll = b == EPOLL_CTL_DEL ? 0 : a; if (d) watches[c].event = *d; }
            return result;
        }
        static void arm_anew(int fd) {
            REAL(epoll_ctl);
            if (fd < 1024 && watches[fd].epoll) real(watches[fd].epoll, EPOLL_CTL_MOD, fd, &watches[fd].event);
        }
        /// Spares failures that the kernel cannot produce: a wake-up that fails, a file that is
        /// not ready. Printing is not done by the library.
        static int is_spared(int fd) {
            if (fd <= 2 || fd >= 1024) return 1;
            return watches[fd].wakes ? code != EINTR : code == EAGAIN && !watches[fd].epoll;
        }
        #define BYTES(f, parameters, arguments, size) \
            ssize_t f parameters { REAL(f); if (armed > 0 && is_spared(a) || !fails(#f)) return real arguments; \
                if (code == EAGAIN) arm_anew(a); \
                if (code) { errno = code; return -1; } \
                if (size > 1) size = 1; ssize_t result = real arguments; arm_anew(a); return result; }
        CALL(int, socket, (int a, int b, int c), (a, b, c))
        CALL(int, bind, (int a, const struct sockaddr *b, socklen_t c), (a, b, c))
        CALL(int, listen, (int a, int b), (a, b))
        CALL(int, accept4, (int a, struct sockaddr *b, socklen_t *c, int d), (a, b, c, d))
        CALL(int, setsockopt, (int a, int b, int c, const void *d, socklen_t e), (a, b, c, d, e))
        CALL(int, getsockname, (int a, struct sockaddr *b, socklen_t *c), (a, b, c))
        CALL(int, shutdown, (int a, int b), (a, b))
        CALL(int, epoll_wait, (int a, struct epoll_event *b, int c, int d), (a, b, c, d))
        CALL(int, epoll_create1, (int a), (a))
        int eventfd(unsigned a, int b) {
            // Dispatch ends the process if it gets none. The library checks first that there is one.
            Dl_info caller;
            int forDispatch = dladdr(__builtin_return_address(0), &caller) && strstr(caller.dli_fname, "libdispatch");
            REAL(eventfd); if (!forDispatch && fails("eventfd")) { errno = code; return -1; }
            int result = real(a, b); if (result >= 0 && result < 1024) watches[result].wakes = 1; return result;
        }
        CALL(int, pipe2, (int *a, int b), (a, b))
        CALL(int, fsync, (int a), (a))
        CALL(int, fdatasync, (int a), (a))
        CALL(int, rename, (const char *a, const char *b), (a, b))
        int pthread_create(pthread_t *a, const pthread_attr_t *b, void *(*c)(void *), void *d) {
            REAL(pthread_create); return fails("pthread_create") ? code : real(a, b, c, d);
        }
        int open(const char *a, int b, ...) {
            REAL(open); va_list more; va_start(more, b); int mode = va_arg(more, int); va_end(more);
            if (fails("open")) { errno = code; return -1; } return real(a, b, mode);
        }
        int clone(int (*a)(void *), void *b, int c, void *d, ...) {
            REAL(clone); va_list more; va_start(more, d);
            void *e = va_arg(more, void *), *f = va_arg(more, void *), *g = va_arg(more, void *); va_end(more);
            if (fails("clone")) { errno = code; return -1; } return real(a, b, c, d, e, f, g);
        }
        long syscall(long a, ...) {
            REAL(syscall); va_list more; va_start(more, a); long b[6];
            for (int i = 0; i < 6; i++) b[i] = va_arg(more, long);
            va_end(more);
            if (a == SYS_epoll_pwait2 && fails("epoll_wait")) { errno = code; return -1; }
            return real(a, b[0], b[1], b[2], b[3], b[4], b[5]);
        }
        int close(int a) {
            REAL(close); int fault = fails("close"), result = real(a);
            if (a >= 0 && a < 1024) memset(&watches[a], 0, sizeof watches[a]);
            if (fault) { errno = code; return -1; } return result;
        }
        int connect(int a, const struct sockaddr *b, socklen_t c) {
            REAL(connect);
            if (fails("connect")) { if (code == EINTR) real(a, b, c); errno = code; return -1; }
            return real(a, b, c);
        }
        BYTES(recv, (int a, void *b, size_t c, int d), (a, b, c, d), c)
        BYTES(send, (int a, const void *b, size_t c, int d), (a, b, c, d), c)
        BYTES(read, (int a, void *b, size_t c), (a, b, c), c)
        BYTES(write, (int a, const void *b, size_t c), (a, b, c), c)
        BYTES(pread, (int a, void *b, size_t c, off_t d), (a, b, c, d), c)
        BYTES(pwrite, (int a, const void *b, size_t c, off_t d), (a, b, c, d), c)
        ssize_t readv(int a, const struct iovec *b, int c) {
            REAL(readv); if (!fails("readv")) return real(a, b, c);
            if (code == EAGAIN) arm_anew(a);
            if (code) { errno = code; return -1; }
            struct iovec first = {b->iov_base, 1}; ssize_t result = real(a, &first, 1); arm_anew(a); return result;
        }
        /// Reads what is in memory. A thread reads the rest.
        ssize_t preadv2(int a, const struct iovec *b, int c, off_t d, int e) {
            REAL(preadv2); fails("");
            if (armed > 0 && !strcmp(name, "pread")) { errno = EAGAIN; return -1; }
            if (fails("preadv2")) { errno = code; return -1; }
            return real(a, b, c, d, e);
        }
        ssize_t recvfrom(int a, void *b, size_t c, int d, struct sockaddr *e, socklen_t *f) {
            REAL(recvfrom); if (!fails("recvfrom")) return real(a, b, c, d, e, f);
            if (code == EAGAIN) arm_anew(a);
            errno = code; return -1;
        }
        ssize_t sendto(int a, const void *b, size_t c, int d, const struct sockaddr *e, socklen_t f) {
            REAL(sendto); if (!fails("sendto")) return real(a, b, c, d, e, f);
            if (code == EAGAIN) arm_anew(a);
            errno = code; return -1;
        }
        """#

    /// The calls that fail, and their errors. 0 stands for a short count.
    nonisolated static let faults: [(call: String, codes: [Int32])] = [
        ("socket", [EMFILE, ENOBUFS, ENOMEM]), ("bind", [EADDRINUSE]), ("listen", [EADDRINUSE]),
        ("accept4", [EINTR, EAGAIN, ECONNABORTED, EMFILE]), ("connect", [EINTR, ECONNREFUSED, ENOBUFS]),
        ("setsockopt", [ENOBUFS]), ("getsockname", [ENOBUFS]), ("shutdown", [ENOTCONN]), ("close", [EINTR]),
        ("epoll_create1", [EMFILE]), ("eventfd", [EMFILE]), ("epoll_ctl", [ENOMEM]), ("epoll_wait", [EINTR]),
        ("recv", [EINTR, EAGAIN, ECONNRESET, ENOMEM, 0]), ("readv", [EINTR, EAGAIN, ECONNRESET, ENOMEM, 0]),
        ("send", [EINTR, EAGAIN, EPIPE, ENOBUFS, 0]), ("read", [EINTR, EAGAIN, EIO, 0]),
        ("write", [EINTR, EAGAIN, EPIPE, 0]), ("recvfrom", [EINTR, EAGAIN, ENOMEM]),
        ("sendto", [EINTR, EAGAIN, ENOBUFS]), ("pipe2", [EMFILE]), ("clone", [EAGAIN, ENOMEM]),
        ("pthread_create", [EAGAIN]), ("open", [EMFILE]), ("pread", [EINTR, EIO, 0]), ("preadv2", [EAGAIN, EIO]),
        ("pwrite", [EINTR, ENOSPC, 0]), ("fsync", [EIO]), ("fdatasync", [EIO]), ("rename", [EIO]),
    ]
    /// Errors after which a call has only to be repeated are harmless. So are errors of closing,
    /// because the descriptor is closed in any case.
    private static let harmless: Set<Int32> = [EINTR, EAGAIN, ECONNABORTED, 0]

    /// The path of the library once the first case has built it. It is removed when the process
    /// ends.
    private static var made: String?

    private func library() async throws -> String {
        if let made = Self.made { return made }
        let path = "\(Certificates.folder)/faults"
        try Self.source.write(toFile: path + ".c", atomically: false, encoding: .utf8)
        _ = try await Program.output(
            of: "cc", ["-shared", "-fPIC", "-O1", "-w", "-o", path + ".so", path + ".c", "-ldl"])
        Self.made = path + ".so"
        return path + ".so"
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
        // The calls of a ring cannot be intercepted.
        environment["ASYNCIO_FILES"] = "threads"
        environment["SESSION_CERTIFICATE"] = Certificates.localhost.certificate
        environment["SESSION_KEY"] = Certificates.localhost.key
        environment["SESSION_AUTHORITY"] = Certificates.authority.certificate
        return try await withSubprocess(
            Program.path("session-program"), arguments: ["session"], stdin: .devNull, stdout: .pipe, stderr: .pipe,
            options: .init(environment: environment)
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

    @Test(.requires(.tls)) func aSessionWithoutFaultsEndsWell() async throws {
        let outcome = try await run("", "none", 1, 0)
        #expect(outcome.end == "end: ok", "\(outcome)")
        #expect(outcome.leaked == "leaked: 0")
    }

    @Test(.requires(.tls, .cc), arguments: faults)
    func everyFaultAtEveryCallEndsInSuccessOrAClearError(call: String, codes: [Int32]) async throws {
        let library = try await library()
        for code in codes {
            // Up to the first call that is not made, several at once.
            var nth = 0
            var hasFired = true
            while hasFired {
                let outcomes = try await gather(Array(nth + 1...nth + 4)) { nth in
                    (nth, try await run(library, call, nth, code))
                }
                for (nth, outcome) in outcomes {
                    check(outcome, call, code, "\(call) \(nth) with errno \(code): \(outcome)")
                }
                hasFired = outcomes.allSatisfy(\.1.fired)
                nth += 4
                try #require(nth < 500)
            }
        }
    }

    private func check(_ outcome: Outcome, _ call: String, _ code: Int32, _ what: String) {
        #expect(outcome.end.hasPrefix("end: "), "\(what)")
        #expect(!outcome.end.contains("TimeoutError"), "\(what)")
        #expect(outcome.leaked == "leaked: 0", "\(what)")
        if Self.harmless.contains(code), call != "connect", call != "clone" {
            #expect(outcome.end == "end: ok", "\(what)")
        }
        #expect(!outcome.errors.contains("unclosed"), "\(what)")
    }
}

/// Many connections in one process, and sockets passed by a supervisor.
@Suite(.eventLoop) struct SessionProgramTests {
    @Test(.requires(.python3)) func tenThousandIdleConnectionsCostLittle() async throws {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        // Fewer if the system allows fewer descriptors.
        let count = min(10_000, Int(clamping: limit.rlim_max) - 1_000)
        try await withSubprocess(
            Program.path("session-program"), arguments: ["idle", "\(count)"], stdout: .pipe
        ) { process in
            let output = try #require(process.stdout)
            func line() async throws -> String { try await output.readTextLine() ?? "" }
            let port = try #require(Int(try await line().split(separator: " ")[1]))
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
                let each = try #require(Int(try await line().split(separator: " ")[1]))
                #expect(each <= 8 * 1024, "\(each) bytes each")
                print("an idle connection costs \(each) bytes, of \(count)")
                let (output, _) = try await python.communicate()
                #expect(String(decoding: output ?? [], as: UTF8.self) == "all alive\n")
            }
            #expect(try await line().hasPrefix("descriptors "))
        }
    }

    @Test func aServerTakesTheSocketsOfItsSupervisor() async throws {
        let listener = try await startServer(host: "127.0.0.1", port: 0, options: .init(startServing: false)) { _, _ in
        }
        defer { listener.close() }
        var options = SubprocessOptions()
        options.descriptors = [3: try #require(listener.sockets.first)]
        try await withSubprocess(
            "/bin/sh",
            arguments: ["-c", "LISTEN_PID=$$ LISTEN_FDS=1 exec \(Program.path("session-program")) activated"],
            stdout: .pipe, options: options
        ) { process in
            let port = listener.port
            let line = try await process.stdout?.readTextLine()
            #expect(line == "port \(port) 0 true")
            let (reader, writer) = try await openConnection(host: "127.0.0.1", port: port)
            try await writer.write("hi\n")
            #expect(try await reader.readTextLine() == "activated: hi")
            writer.close()
        }
    }
}
