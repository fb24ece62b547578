internal import AsyncIOSystem
internal import Foundation

/// Requests information about the loops of a running program.
struct Client {
    let pid: Int32
    /// The name of the loop to inspect, or nil for all loops.
    var loop: String?

    /// A request that the program understands; see InspectionRequest.swift in AsyncIO.
    enum Request {
        /// The tasks and their stacks. If a loop has many tasks, some tasks are returned without a stack, so that the
        /// loop is not delayed for long.
        case stacks
        /// The tasks, and only the stacks of the given tasks. The keys are the IDs of their loops.
        case stacksOf([UInt32: [UInt64]])
    }

    func snapshot(_ request: Request) throws(ClientError) -> Snapshot {
        try decoded(try answer(to: try text(of: request)))
    }

    /// Returns the response as JSON after checking that it is valid.
    func json(_ request: Request) throws(ClientError) -> String {
        let answer = try answer(to: try text(of: request))
        _ = try decoded(answer)
        return printableJSON(String(decoding: answer, as: UTF8.self))
    }

    /// Returns the loops without their tasks. A program whose loops are blocked also responds to this request.
    func loops() throws(ClientError) -> [Snapshot.Loop] { try decoded(try answer(to: "loops")).loops }

    private func text(of request: Request) throws(ClientError) -> String {
        var words: [String] = []
        switch request {
        case .stacks:
            if let loop { words = try numbers(ofLoops: loop).map(String.init) }
        case .stacksOf(let tasks):
            words = tasks.sorted { $0.key < $1.key }
                .map { loop, tasks in "\(loop):\(tasks.map(String.init).joined(separator: ","))" }
        }
        return (["stacks"] + words).joined(separator: " ")
    }

    /// Returns the IDs of the loops with this name.
    private func numbers(ofLoops name: String) throws(ClientError) -> [UInt32] {
        let loops = try loops()
        let wanted = loops.filter { $0.name == printable(name) }
        guard wanted.isEmpty else { return wanted.map(\.id) }
        let names = loops.map { "\"\($0.name)\"" }.joined(separator: ", ")
        throw ClientError("process \(pid) has no event loop \"\(name)\"; it has \(names)")
    }

    private func decoded(_ bytes: [UInt8]) throws(ClientError) -> Snapshot {
        guard let answer = try? JSONDecoder().decode(Answer.self, from: Data(bytes)) else { throw notUnderstood }
        guard answer.pid == pid else {
            throw ClientError(
                "the response for process \(pid) came from "
                    + (answer.pid.map { "process \($0)" } ?? "an unidentified process") + " and is not shown")
        }
        if let error = answer.error { throw ClientError("process \(pid): \(error)") }
        guard let loops = answer.loops, !loops.isEmpty else { throw notUnderstood }
        if let error = loops[0].error, loops.allSatisfy({ $0.error != nil }) {
            throw ClientError("process \(pid): \(error)")
        }
        return Snapshot(pid: pid, program: answer.program ?? "?", loops: loops).printable
    }

    private var notUnderstood: ClientError {
        ClientError("process \(pid) sent a response that this version of the tool does not understand")
    }

    private struct Answer: Decodable {
        var error: String?
        var pid: Int32?
        var program: String?
        var loops: [Snapshot.Loop]?
    }

    // Both limits are sufficient for ten thousand tasks whose stacks have to be symbolized.
    /// The maximum size of a response, in bytes.
    private static let limit = 64 << 20
    /// The maximum time to wait for a response, in milliseconds.
    private static let patience: Int64 = 30_000

    private func answer(to request: String) throws(ClientError) -> [UInt8] {
        let channel: InspectionChannel
        do {
            channel = try InspectionChannel.connect(to: pid)
        } catch {
            throw ClientError(describe(error))
        }
        // A program with too many clients responds without reading the request. Ignore write errors,
        // so that its response is shown.
        _ = channel.write(request + "\n", within: 5_000)
        let answer: [UInt8]
        do {
            answer = try channel.readAll(within: Self.patience, limit: Self.limit)
        } catch {
            switch error {
            case .tooSlow: throw ClientError("process \(pid) does not respond")
            case .tooLong:
                throw ClientError(
                    "the response of process \(pid) is longer than \(sizeInWords(bytes: Self.limit)) and is not shown")
            case .ended: throw ClientError("process \(pid) has ended")
            }
        }
        // If the program ends in the meantime, its end of the channel is closed.
        guard answer.last == UInt8(ascii: "\n") else { throw ClientError("process \(pid) has ended") }
        return answer
    }

    private func describe(_ error: InspectionChannel.ConnectError) -> String {
        switch error {
        case .noSuchProcess: "there is no process \(pid)"
        case .notPermitted(let user):
            "process \(pid) belongs to \(name(ofUser: user)); run this as that user, or as root"
        case .takesNoPart:
            "process \(pid) (\(programName(of: pid))) does not allow inspection; start it with ASYNCIO_INSPECT=1, or call "
                + "allowInspection() in it"
        case .impostor(let process, let user):
            "the socket of process \(pid) belongs to process \(process) of \(name(ofUser: user)); nothing was read from it"
        case .other(let error): "cannot connect to process \(pid): \(error)"
        }
    }

    private func name(ofUser user: UInt32) -> String {
        // SAFETY: the C library's record is read immediately.
        guard let record = unsafe getpwuid(user) else { return "user \(user)" }
        return unsafe String(cString: record.pointee.pw_name)
    }
}

/// An error with a one-line message for the user.
struct ClientError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
