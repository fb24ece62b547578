import AsyncIOTesting
import Testing

@Suite(.eventLoop, .serialized) struct HelpTests {
    @Test(arguments: ["echo-server", "chat-server", "port-forwarder", "downloader", "redis-client"])
    func everyProgramExplainsItself(name: String) async throws {
        let help = try await outcome(of: program(name), ["--help"])
        #expect(help.status == 0)
        #expect(help.output.hasPrefix("OVERVIEW: "))
        #expect(help.output.contains("USAGE: \(name) "))
        #expect(help.errors == "")
    }
}
