import AsyncIO

@testable import chat_rooms

/// The first version of the program, which the tutorial shows before it adds TLS and workers. It
/// listens on a fixed port, so it is only compiled.
func firstVersion() {
    AsyncIO.main {
        let chat = Chat()
        let server = try await startServer(host: "127.0.0.1", port: 7002) { reader, writer in
            try await chat.serve(reader, writer)
        }
        try await signals(.terminate, .interrupt).next()
        chat.close()
        try await server.shutdown(within: .seconds(5))
    }
}
