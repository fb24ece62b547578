internal import AsyncIOSystem
internal import Foundation

/// Requests information about the loop of a running program.
struct Client {
    let pid: Int32

    /// A request that the program understands.
    struct Request {
        let text: String

        static let tasks = Request(text: "tasks")
        /// The tasks and their stacks. If there are many tasks, some come without a stack, so that
        /// the loop is not held up for long.
        static let stacks = Request(text: "stacks")
        static func stacks(of tasks: [UInt64]) -> Request {
            Request(text: (["stacks"] + tasks.map(String.init)).joined(separator: " "))
        }
    }

    func snapshot(_ request: Request) throws(ClientError) -> Snapshot { try decoded(try text(request)) }

    /// The response as JSON, after checking that it is valid.
    func json(_ request: Request) throws(ClientError) -> String {
        let answer = try text(request)
        _ = try decoded(answer)
        return printableJSON(String(decoding: answer, as: UTF8.self))
    }

    private func decoded(_ answer: [UInt8]) throws(ClientError) -> Snapshot {
        let snapshot: Snapshot
        do {
            snapshot = try JSONDecoder().decode(Snapshot.self, from: Data(answer))
        } catch {
            throw ClientError("process \(pid) sent a response that this version of the tool does not understand")
        }
        guard snapshot.pid == pid else {
            throw ClientError(
                "the response for process \(pid) came from "
                    + (snapshot.pid.map { "process \($0)" } ?? "an unidentified process") + " and is not shown")
        }
        if let error = snapshot.error { throw ClientError("process \(pid): \(error)") }
        return snapshot.printable
    }

    /// The largest size of a response in bytes, and below, the longest time to wait for it in
    /// milliseconds. Both suffice for ten thousand tasks whose stacks have to be symbolized.
    private static let limit = 64 << 20
    private static let patience: Int64 = 30_000

    private func text(_ request: Request) throws(ClientError) -> [UInt8] {
        let channel: InspectionChannel
        do {
            channel = try InspectionChannel.connect(to: pid)
        } catch {
            throw ClientError(describe(error))
        }
        // A program with too many clients responds without reading the request. Ignore write errors,
        // so that its response is shown.
        _ = channel.write(request.text + "\n", within: 5_000)
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
        // If the program ends meanwhile, its end of the channel is closed.
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
