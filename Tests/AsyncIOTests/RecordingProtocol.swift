import AsyncIO

/// Records the calls that it receives.
class RecordingProtocol: ConnectionProtocol {
    private(set) var calls: [String] = []
    private(set) var bytes: [UInt8] = []
    private(set) var portions: [Int] = []
    var transport: Transport?
    /// The result of `eofReceived`.
    var staysOpen = false
    var onMade: (Transport) throws -> Void = { _ in }
    var onData: ([UInt8]) throws -> Void = { _ in }
    let lost = Event()
    private(set) var error: (any Error)?

    var text: String { String(decoding: bytes, as: UTF8.self) }
    func note(_ call: String) { calls.append(call) }

    func connectionMade(_ transport: Transport) throws {
        note("made")
        self.transport = transport
        try onMade(transport)
    }

    func dataReceived(_ bytes: [UInt8]) throws {
        if calls.last != "data" { note("data") }
        self.bytes += bytes
        portions.append(bytes.count)
        try onData(bytes)
    }

    func eofReceived() -> Bool {
        note("eof")
        return staysOpen
    }

    func connectionLost(_ error: (any Error)?) {
        note("lost")
        self.error = error
        transport = nil
        lost.set()
    }

    func pauseWriting() { note("pause") }
    func resumeWriting() { note("resume") }

    func waitUntilLost() async throws { try await withTimeout(.seconds(5)) { try await self.lost.wait() } }
}
