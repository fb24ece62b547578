import AsyncIO
import AsyncIOTesting
import Foundation
import Testing

@testable import chat_rooms

/// A client for tests.
struct Client {
    let reader: StreamReader
    let writer: StreamWriter

    init(_ name: String, port: Int, tls: TLSContext? = nil) async throws {
        (reader, writer) = try await openConnection(
            host: "127.0.0.1", port: port, tls: tls, options: .init(serverHostname: tls.map { _ in "localhost" }))
        try await writer.write("\(name)\n")
        #expect(try await next() == "* your name?")
    }

    func say(_ line: String) async throws { try await writer.write(line + "\n") }

    func next() async throws -> String? {
        var lines = reader.lines.makeAsyncIterator()
        return try await lines.next()
    }
}

@Suite(.eventLoop(limit: .seconds(60)), .serialized) struct ServerTests {
    /// Runs a server in this process.
    func withChat(tls: TLSContext? = nil, _ body: (_ chat: Chat, _ port: Int) async throws -> Void) async throws {
        let chat = Chat()
        let server = try await startServer(host: "127.0.0.1", port: 0, tls: tls) { reader, writer in
            try await chat.serve(reader, writer)
        }
        try await withServer(server, grace: .seconds(5)) { server in
            try await body(chat, server.port)
        }
    }

    @Test func twoClientsTalkOverASocket() async throws {
        try await withChat { chat, port in
            let ann = try await Client("ann", port: port)
            #expect(try await ann.next() == "* ann is here")
            let ben = try await Client("ben", port: port)
            #expect(try await ben.next() == "* ben is here")
            #expect(try await ann.next() == "* ben is here")
            try await ben.say("hello")
            #expect(try await ann.next() == "ben: hello")
            ben.writer.close()
            #expect(try await ann.next() == "* ben is gone")
            chat.close()
            #expect(try await ann.next() == nil)
            ann.writer.close()
        }
    }

    @Test func aNameThatIsTakenIsRefused() async throws {
        try await withChat { _, port in
            let ann = try await Client("ann", port: port)
            let other = try await Client("ann", port: port)
            #expect(try await other.next() == "* ann is taken")
            #expect(try await other.next() == nil)
            other.writer.close()
            ann.writer.close()
        }
    }

    @Test(.requires(.openssl, .tls)) func clientsTalkOverTLS() async throws {
        try await withFolder { folder in
            try await makeCertificate(in: folder)
            let server = try TLSContext.server(certificate: "\(folder)/cert.pem", key: "\(folder)/key.pem")
            let client = try TLSContext.client(systemTrust: false)
            try client.trust(file: "\(folder)/cert.pem")
            try await withChat(tls: server) { chat, port in
                let ann = try await Client("ann", port: port, tls: client)
                #expect(try await ann.next() == "* ann is here")
                #expect(ann.writer.tls != nil)
                chat.close()
                ann.writer.close()
            }
        }
    }

    @Test func membersInDifferentProcessesTalkToEachOther() async throws {
        try await withFolder { folder in
            let options = ["--port", "0", "--workers", "2", "--relay", "\(folder)/relay"]
            try await withSubprocess(program("chat-rooms"), arguments: options, stdout: .pipe) { process in
                let output = try #require(process.stdout)
                var lines = output.lines.makeAsyncIterator()
                var port = 0
                for _ in 1...2 {
                    #expect(try await lines.next() == "READY")
                    let address = try await lines.next() ?? ""
                    port = try #require(address.split(separator: ":").last.flatMap { Int($0) })
                }
                let ann = try await Client("ann", port: port)
                let ben = try await clientOfTheOtherProcess(port: port)
                let heard = createTask {
                    while let line = try await ben.next() {
                        if line == "ann: hello" { return true }
                    }
                    return false
                }
                // The processes may not be connected to each other yet, so ann repeats her line.
                while !heard.isDone {
                    try await ann.say("hello")
                    try await sleep(.milliseconds(50))
                }
                #expect(try await heard.value)
                // The connections are still open, and the server ends them.
                try process.terminate()
                #expect(try await process.wait() == 0)
                ann.writer.close()
                ben.writer.close()
            }
        }
    }

    /// Connects until the system has chosen the process in which ann is not. `/who` lists the members of one process.
    private func clientOfTheOtherProcess(port: Int) async throws -> Client {
        for number in 1...200 {
            let client = try await Client("ben\(number)", port: port)
            try await client.say("/who")
            while let line = try await client.next() {
                guard line.hasPrefix("* in lobby:") else { continue }
                if !line.contains("ann") { return client }
                break
            }
            client.writer.close()
        }
        throw ValueError("all connections went to one process")
    }
}
