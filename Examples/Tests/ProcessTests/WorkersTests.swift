import AsyncIO
import AsyncIOTesting
import Foundation
import Testing

@Suite(.eventLoop) struct WorkersTests {
    /// Returns the port that the workers listen on, after `count` of them have reported it.
    private func port(of process: AsyncSubprocess, after count: Int) async throws -> Int {
        var port = 0
        for _ in 0..<count {
            let line = try await process.stdout?.readTextLine() ?? ""
            #expect(line.hasPrefix("READY worker"))
            port = Int(line.split(separator: " ").last ?? "") ?? 0
        }
        return port
    }

    private func curl(_ port: Int, _ arguments: String...) async throws -> String {
        let process = try await createSubprocess(
            "curl", arguments: ["-s", "-S", "http://127.0.0.1:\(port)/"] + arguments, stdout: .pipe)
        let (text, _) = try await process.communicate()
        #expect(process.returnCode == 0)
        return String(decoding: text ?? [], as: UTF8.self)
    }

    @Test(.requires(.curl)) func curlIsAnsweredBeforeAndAfterAReload() async throws {
        try await withSubprocess(
            program("workers"), arguments: ["--port", "0", "--count", "2"], stdout: .pipe, stderr: .devNull
        ) { process in
            let port = try await port(of: process, after: 2)
            let before = try await curl(port)
            #expect(before.contains("worker"))
            // Send two requests on one connection.
            #expect(try await curl(port, "http://127.0.0.1:\(port)/again").split(separator: "\n").count == 2)
            try process.sendSignal(.hangUp)
            #expect(try await self.port(of: process, after: 2) == port)
            let after = try await curl(port)
            #expect(after.contains("worker"))
            #expect(after != before)
            try process.terminate()
            #expect(try await process.wait() == 0)
        }
    }

    @Test(.requires(.curl)) func itRunsInOneProcessToo() async throws {
        try await withSubprocess(
            program("workers"), arguments: ["--port", "0", "--count", "0"], stdout: .pipe
        ) { process in
            let port = try await port(of: process, after: 1)
            #expect(try await curl(port) == "worker 0, process \(process.pid)\n")
            try process.terminate()
            #expect(try await process.wait() == 0)
        }
    }
}
