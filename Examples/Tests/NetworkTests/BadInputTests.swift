import AsyncIOTesting
import Testing

/// Tests that invalid command lines lead to a one-line message and not to a crash.
@Suite(.eventLoop, .serialized) struct BadInputTests {
    @Test(arguments: [
        ("echo-server", ["--port", "65536"], "--port must be in 0...65535, got 65536"),
        ("echo-server", ["--port", "x"], "'x' is invalid for '--port"),
        ("echo-server", ["--bogus"], "Unknown option '--bogus'"),
        ("chat-server", ["--port", "-1"], "--port"),
        ("chat-server", ["--bogus"], "Unknown option '--bogus'"),
        ("port-forwarder", ["0", "nowhere"], "nowhere"),
        ("port-forwarder", ["0", "localhost:1", "--timeout", "inf"], "--timeout must be in 0.001...86400 seconds"),
        ("port-forwarder", ["0", "localhost:1", "--grace", "nan"], "--grace in 0...86400 seconds"),
        ("port-forwarder", ["0", "localhost:1", "--bogus"], "Unknown option '--bogus'"),
        ("downloader", ["http://localhost/a", "--timeout", "1e300"], "--timeout in 0.001...86400 seconds"),
        ("downloader", ["http://localhost/a", "--jobs", "0"], "--jobs must be at least 1"),
        ("downloader", ["gopher://localhost/a"], "gopher://localhost/a"),
        ("downloader", ["http://localhost/a", "--bogus"], "Unknown option '--bogus'"),
        ("redis-client", ["--port", "0", "PING"], "--port must be in 1...65535, got 0"),
        ("redis-client", ["--bogus"], "Unknown option '--bogus'"),
    ])
    func isNamed(name: String, arguments: [String], message: String) async throws {
        let result = try await outcome(of: program(name), arguments)
        #expect(result.status == 64, "\(result.status)")
        #expect(result.errors.hasPrefix("Error: ") && result.errors.contains(message), "\(result.errors)")
        #expect(result.output == "")
    }
}
