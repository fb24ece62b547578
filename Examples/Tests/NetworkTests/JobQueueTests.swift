import AsyncIO
import AsyncIOTesting
import Testing

@Suite(.eventLoop, .serialized) struct JobQueueTests {
    private func run(_ arguments: String..., input: String = "") async throws -> Outcome {
        try await outcome(of: program("job-queue"), arguments, input: input)
    }

    @Test func withoutRedisTheProcessRunsTheCommandsItself() async throws {
        let put = try await run("put", "--wait", "echo one", "echo two")
        #expect(put.status == 0, "\(put.errors)")
        #expect(put.output.hasSuffix("one\ntwo\n"))
        let failing = try await run("put", "--wait", "exit 3")
        #expect(failing.status == 1)
        #expect(failing.output.hasSuffix("failed 3 times; the last error: exit status 3\n"))
        let work = try await run("work", input: "echo three > /dev/null\n\nexit 1\n")
        #expect(work.status == 0, "\(work.errors)")
        #expect(work.output.contains(" echo three > /dev/null: done"))
        #expect(work.output.contains(" exit 1: begins, attempt 3"))
    }

    @Test func whatNeedsRedisSaysSo() async throws {
        for arguments in [["status"], ["dead", "list"], ["dead", "retry", "--all"]] {
            let outcome = try await outcome(of: program("job-queue"), arguments)
            #expect(outcome.status != 0)
            #expect(outcome.errors.contains("this needs --redis, because a queue in memory ends with its process"))
            #expect(outcome.errors.contains("such as --redis redis://localhost"))
        }
        let put = try await run("put", "--priority", "urgent", "echo")
        #expect(put.errors.contains("--priority must be high, normal, or low, got urgent"))
    }

    @Test func aServerThatIsNotThereIsReportedSoon() async throws {
        let redis = "redis://127.0.0.1:\(try freePort())"
        for arguments in [["put", "echo"], ["work"], ["status"], ["dead", "list"]] {
            let outcome = try await outcome(of: program("job-queue"), arguments + ["--redis", redis])
            #expect(outcome.status == 1)
            #expect(outcome.errors.hasPrefix("Error: the Redis server cannot be reached: connecting to 127.0.0.1:"))
            #expect(outcome.errors.contains("Connection refused"))
        }
    }

    @Test(.requires(.redis)) func aQueueInRedisIsSharedByPrograms() async throws {
        try await withFolder { folder in
            let port = String(try freePort())
            let options = ["--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", folder]
            try await withSubprocess("redis-server", arguments: options, stdout: .devNull) { _ in
                try await eventually { try await openConnection(host: "127.0.0.1", port: Int(port) ?? 0).1.close() }
                let redis = "redis://127.0.0.1:\(port)"
                let put = try await run(
                    "put", "--redis", redis, "--unique", "echo done > \(folder)/result", "echo $((6 * 7))")
                #expect(put.status == 0, "\(put.errors)")
                let again = try await run("put", "--redis", redis, "--unique", "echo $((6 * 7))")
                #expect(again.output.contains("is already in the queue"))
                let waiting = try await run("status", "--redis", redis, "--once")
                #expect(waiting.output.contains("waiting           2\n"))
                #expect(waiting.output.hasSuffix("workers           0\n"))

                try await withSubprocess(
                    program("job-queue"), arguments: ["work", "--redis", redis], stdout: .pipe
                ) { worker in
                    let result = try await run("put", "--redis", redis, "--wait", "echo $((6 * 9))")
                    #expect(result.output.hasSuffix("54\n"))
                    let working = try await run("status", "--redis", redis, "--once")
                    #expect(working.output.contains("workers           1\n"))
                    #expect(working.output.contains(":\(worker.pid):"))
                    #expect(working.output.contains(": 0 running, last heartbeat "))
                    _ = try await run("put", "--redis", redis, "exit 3")
                    try await eventually {
                        let dead = try await run("dead", "list", "--redis", redis)
                        if !dead.output.contains("exit 3: 3 attempts, exit status 3") { throw ValueError(dead.output) }
                    }
                    try worker.terminate()
                    #expect(try await worker.wait() == 0)
                }
                #expect(try await readText("\(folder)/result") == "done\n")
                let unknown = try await run("dead", "retry", "--redis", redis, "nosuch")
                #expect(unknown.output == "nosuch is not a dead command\n" && unknown.status == 1)
                let retry = try await run("dead", "retry", "--redis", redis, "--all")
                #expect(retry.output == "1 put back\n")
                let status = try await run("status", "--redis", redis, "--once")
                #expect(status.output.contains("dead              0\n"))
            }
        }
    }
}
