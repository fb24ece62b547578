internal import AsyncIOSystem
internal import Foundation

/// Asks a program what its loop does.
struct Client {
    let pid: Int32

    /// What the program understands.
    struct Request {
        let text: String

        static let tasks = Request(text: "tasks")
        /// With where each task is: of so many that the loop is not held up for long.
        static let stacks = Request(text: "stacks")
        static let tree = Request(text: "tree")
        static func stacks(of tasks: [UInt64]) -> Request {
            Request(text: (["stacks"] + tasks.map(String.init)).joined(separator: " "))
        }
    }

    func snapshot(_ request: Request) throws(ClientError) -> Snapshot {
        let answer = try text(request)
        let snapshot: Snapshot
        do {
            snapshot = try JSONDecoder().decode(Snapshot.self, from: Data(answer))
        } catch {
            throw ClientError("process \(pid) gave an answer that this version of the tool does not understand")
        }
        if let error = snapshot.error { throw ClientError("process \(pid): \(error)") }
        return snapshot
    }

    /// The answer as it came: JSON.
    func text(_ request: Request) throws(ClientError) -> [UInt8] {
        let channel: InspectionChannel
        do {
            channel = try InspectionChannel.connect(to: pid)
        } catch {
            throw ClientError(describe(error))
        }
        guard channel.write(request.text + "\n") else { throw ClientError("process \(pid) has ended") }
        guard let answer = channel.readAll(timeout: 10_000) else { throw ClientError("process \(pid) does not answer") }
        // A program that ends meanwhile takes its end of the channel with it.
        guard answer.last == UInt8(ascii: "\n") else { throw ClientError("process \(pid) has ended") }
        return answer
    }

    private func describe(_ error: InspectionChannel.ConnectError) -> String {
        switch error {
        case .noSuchProcess: "there is no process \(pid)"
        case .notPermitted(let user):
            "process \(pid) belongs to \(name(ofUser: user)); run this as that user, or as root"
        case .takesNoPart:
            "process \(pid) (\(programName)) does not take part; start it with ASYNCIO_INSPECT=1, or let it "
                + "call allowInspection()"
        case .other(let error): "cannot connect to process \(pid): \(error)"
        }
    }

    private var programName: String {
        let text = try? String(contentsOfFile: "/proc/\(pid)/comm", encoding: .utf8)
        return text?.trimmingCharacters(in: .whitespacesAndNewlines) ?? "?"
    }

    private func name(ofUser user: UInt32) -> String {
        // SAFETY: the C library's record is read at once.
        guard let record = unsafe getpwuid(user) else { return "user \(user)" }
        return unsafe String(cString: record.pointee.pw_name)
    }
}

/// One clear line.
struct ClientError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
