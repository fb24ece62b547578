import AsyncIO
import AsyncIOTesting
import Testing

@Suite(.eventLoop) struct MulticoreServerTests {
    @Test(arguments: [[], ["--batch"]]) func everyLoopAnswersAndSIGTERMEndsTheServer(flags: [String]) async throws {
        let server = try await createSubprocess(
            program("multicore-server"), arguments: ["--port", "0", "--loops", "2"] + flags, stdout: .pipe)
        let output = try #require(server.stdout)
        let ready = try #require(try await output.readTextLine())
        let words = ready.split { $0 == " " || $0 == "," }
        let port = try #require(words.count == 5 ? Int(words[2]) : nil)
        #expect(ready == "READY port \(port), 2 loops")
        // The connections stay open, so that the fastest loop does not get all requests.
        var loops: Set<Substring> = []
        var counts: Set<Int> = []
        var connections: [StreamWriter] = []
        for _ in 0..<40 {
            let (reader, writer) = try await openConnection(host: "127.0.0.1", port: port)
            connections.append(writer)
            try await writer.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            while try await reader.readTextLine() != "\r" {}
            let answer = try #require(try await reader.readTextLine()).split { $0 == " " || $0 == "," }
            loops.insert(answer[1])
            counts.insert(try #require(Int(answer[3])))
        }
        #expect(loops.isSubset(of: ["server-0", "server-1"]))
        // The loops share one count.
        #expect(counts == Set(1...40))
        for writer in connections { writer.close() }
        try server.terminate()
        var log = 0
        for try await line in output.lines where line.hasPrefix("answered on server-") { log += 1 }
        #expect(log == 40)
        #expect(try await server.wait() == 0)
    }
}
