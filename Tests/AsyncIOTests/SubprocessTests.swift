import AsyncIO
import AsyncIOTesting
import Glibc
import SystemPackage
import Testing

/// Real programs as children: bash, cat, sleep, yes, head, python3.
@Suite(.eventLoop) struct SubprocessTests {
    /// The output of a command line.
    private func output(
        of line: String, options: SubprocessOptions = SubprocessOptions()
    ) async throws -> String {
        let process = try await createSubprocess(shell: line, stdout: .pipe, options: options)
        return text(try await process.communicate().stdout)
    }

    /// The output of python3.
    private func python(_ program: String, options: SubprocessOptions = SubprocessOptions()) async throws -> String {
        let process = try await createSubprocess(
            "python3", arguments: ["-c", program], stdout: .pipe, options: options)
        return text(try await process.communicate().stdout)
    }

    private func isAlive(_ pid: Int32) -> Bool { kill(pid, 0) == 0 }

    // MARK: The end

    @Test(arguments: [("true", 0), ("exit 42", 42), ("kill -9 $$", -9), ("kill -TERM $$", -15)])
    func theReturnCodeIsTheExitStatusOrMinusTheSignal(_ line: String, _ code: Int32) async throws {
        let process = try await createSubprocess(shell: line)
        #expect(process.returnCode == nil)
        #expect(try await process.wait() == code)
        #expect(process.returnCode == code)
    }

    @Test func severalTasksMayWait() async throws {
        let process = try await createSubprocess("cat", stdin: .pipe)
        let waits = (1...3).map { _ in createTask { try await process.wait() } }
        try await sleep(.zero)
        process.stdin?.close()
        #expect(try await gather(waits) == [0, 0, 0])
        #expect(try await process.wait() == 0)
    }

    @Test func aWaitThatIsCancelledOrTimesOutLeavesTheProcessRunning() async throws {
        let process = try await createSubprocess("cat", stdin: .pipe, stdout: .pipe)
        await #expect(throws: TimeoutError.self) {
            try await withTimeout(.milliseconds(20)) { try await process.wait() }
        }
        let waiting = createTask { try await process.wait() }
        try await sleep(.zero)
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
        #expect(process.returnCode == nil)
        try await process.stdin?.write("still here\n")
        #expect(text(try await process.stdout?.readLine()) == "still here\n")
        process.stdin?.close()
        #expect(try await process.wait() == 0)
    }

    @Test func communicateThatTimesOutLeavesTheProcessRunning() async throws {
        let process = try await createSubprocess("sleep", arguments: ["60"], stdin: .pipe, stdout: .pipe)
        await #expect(throws: TimeoutError.self) {
            try await withTimeout(.milliseconds(20)) { try await process.communicate("x") }
        }
        #expect(process.returnCode == nil && isAlive(process.pid))
        try process.kill()
        #expect(try await process.wait() == -9)
    }

    @Test func aGrandchildThatHoldsThePipeDoesNotDelayTheWait() async throws {
        let process = try await createSubprocess(
            shell: "sleep 50 & echo $!; read line", stdin: .pipe, stdout: .pipe)
        let grandchild = try #require(Int32(text(try await process.stdout?.readLine()).dropLast()))
        // One wait that starts before the end, and one that starts after it.
        let waiting = createTask { try await process.wait() }
        try await sleep(.milliseconds(10))
        try await process.stdin?.write("go\n")
        #expect(try await waiting.value == 0)
        #expect(try await process.wait() == 0)
        #expect(isAlive(grandchild))
        kill(grandchild, SIGKILL)
        #expect(try await process.stdout?.read() == [])
    }

    @Test func aProcessWhosePipeIsFullDoesNotEndAndCostsNoMemory() async throws {
        let process = try await createSubprocess("yes", stdout: .pipe)
        #expect(text(try await process.stdout?.readExactly(4)) == "y\ny\n")
        let before = Process.residentMemory
        await #expect(throws: TimeoutError.self) {
            try await withTimeout(.milliseconds(200)) { try await process.wait() }
        }
        #expect(Process.residentMemory - before < 8 << 20)
        try process.terminate()
        #expect(try await process.wait() == -15)
    }

    @Test func aStatusThatSomebodyElseTookIs255() async throws {
        let process = try await createSubprocess("true")
        var status: Int32 = 0
        #expect(waitpid(process.pid, &status, 0) == process.pid)
        #expect(try await process.wait() == 255)
    }

    @Test func theLoopReapsAProcessThatNobodyWaitsFor() async throws {
        let pid = try await createSubprocess("true").pid
        try await eventually { !isAlive(pid) }
        #expect(!Process.children.contains(pid))
    }

    @Test func aProcessThatStillRunsWhenItsLoopIsClosedIsKilled() throws {
        var pid: Int32 = 0
        let before = Process.descriptors
        try withLoop { loop in
            pid = try loop.runUntilComplete {
                try await createSubprocess("sleep", arguments: ["60"], stdin: .pipe, stdout: .pipe).pid
            }
            #expect(isAlive(pid))
        }
        #expect(!isAlive(pid))
        #expect(Process.opened(since: before) == [])
    }

    @Test(.eventLoop(limit: .seconds(600))) func thousandsOfChildrenLeaveNoZombieAndNoDescriptor() async throws {
        let others = Process.children
        let before = Process.descriptors
        try await withAsyncTaskGroup { group in
            for worker in 0..<10 {
                try group.createTask {
                    for number in 0..<200 {
                        let process = try await createSubprocess(
                            "/bin/true", stdin: .pipe, stdout: .pipe, stderr: number % 2 == 0 ? .pipe : .stdout)
                        if worker == 0, number % 10 == 0 {
                            _ = try await process.communicate("unread")
                        } else {
                            try await process.wait()
                        }
                        #expect(process.returnCode == 0)
                    }
                }
            }
        }
        #expect(Process.opened(since: before) == [])
        #expect(try await Process.hasNoZombies(but: others))
    }

    // MARK: Streams

    @Test func communicateWritesAndReadsAllAtOnce() async throws {
        // More than the pipes hold, in both directions and on both outputs.
        let input = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let process = try await createSubprocess(shell: "tee /dev/stderr", stdin: .pipe, stdout: .pipe, stderr: .pipe)
        let (output, errors) = try await process.communicate(input)
        #expect(output == input && errors == input)
        #expect(process.returnCode == 0)
    }

    @Test func communicateWithoutInputClosesStandardInput() async throws {
        for input in [nil, []] as [[UInt8]?] {
            let process = try await createSubprocess("cat", stdin: .pipe, stdout: .pipe)
            #expect(try await process.communicate(input).stdout == [])
            #expect(process.returnCode == 0)
        }
    }

    @Test func communicateGivesNothingForWhatIsNoPipe() async throws {
        let process = try await createSubprocess("true", stdout: .devNull)
        let (output, errors) = try await process.communicate()
        #expect(output == nil && errors == nil)
    }

    @Test func inputForAProcessWithoutAPipeForItIsAnError() async throws {
        let process = try await createSubprocess("true", stdin: .devNull)
        await #expect(throws: ValueError.self) { _ = try await process.communicate("x") }
        try await process.wait()
    }

    @Test func aProcessThatDoesNotReadItsInputIsNoError() async throws {
        let process = try await createSubprocess("head", arguments: ["-c", "3"], stdin: .pipe, stdout: .pipe)
        let output = try await process.communicate([UInt8](repeating: 65, count: 5_000_000)).stdout
        #expect(text(output) == "AAA")
        #expect(process.returnCode == 0)
    }

    @Test func writingToAProcessThatIsGoneIsAnError() async throws {
        let process = try await createSubprocess("true", stdin: .pipe)
        try await process.wait()
        let error = await #expect(throws: OSError.self) {
            for _ in 0..<100 {
                try await process.stdin?.write("x")
                try await sleep(.zero)
            }
        }
        #expect([Errno.brokenPipe, .connectionReset].contains(error?.code))
    }

    @Test func linesComeAsTheyAreWritten() async throws {
        let process = try await createSubprocess(
            shell: "while read line; do echo \"got $line\"; done", stdin: .pipe, stdout: .pipe)
        for word in ["one", "two", "three"] {
            try await process.stdin?.write("\(word)\n")
            #expect(text(try await process.stdout?.readLine()) == "got \(word)\n")
        }
        process.stdin?.close()
        #expect(try await process.stdout?.readLine() == [])
        #expect(try await process.wait() == 0)
    }

    @Test func outputCanBeReadAfterTheEnd() async throws {
        let process = try await createSubprocess(shell: "echo late", stdout: .pipe)
        try await process.wait()
        #expect(text(try await process.stdout?.read()) == "late\n")
    }

    @Test(.requires(.bash)) func whoeverWritesForEverEndsWhenNobodyReads() async throws {
        // `yes` ends by SIGPIPE, which has its default effect in a child, whatever this process
        // does.
        let before = signal(SIGPIPE, SIG_IGN)
        defer { signal(SIGPIPE, before) }
        let process = try await createSubprocess(
            "bash", arguments: ["-c", "yes | head -n 2; echo ${PIPESTATUS[0]}"], stdout: .pipe)
        #expect(text(try await process.communicate().stdout) == "y\ny\n141\n")
    }

    @Test func standardErrorMayLeadToStandardOutput() async throws {
        let process = try await createSubprocess(shell: "echo out; echo err >&2", stdout: .pipe, stderr: .stdout)
        let (output, errors) = try await process.communicate()
        #expect(text(output) == "out\nerr\n")
        #expect(errors == nil)
    }

    @Test func streamsMayLeadNowhereOrToAnyDescriptor() async throws {
        let pipe = try Pipe()
        let process = try await createSubprocess(
            shell: "cat; echo err >&2", stdin: .devNull, stdout: .devNull, stderr: .descriptor(pipe.writer))
        #expect(process.stdin == nil && process.stdout == nil && process.stderr == nil)
        #expect(try await process.wait() == 0)
        #expect(pipe.drain() == 4)
    }

    // MARK: The environment of a child

    @Test func theEnvironmentIsThisProcesssOrTheGivenOne() async throws {
        setenv("ASYNCIO_TEST_VARIABLE", "of this process", 1)
        defer { unsetenv("ASYNCIO_TEST_VARIABLE") }
        #expect(try await output(of: "echo $ASYNCIO_TEST_VARIABLE") == "of this process\n")
        #expect(
            try await output(of: "echo $ASYNCIO_TEST_VARIABLE$A", options: .init(environment: ["A": "b=c"])) == "b=c\n")
        let merged = AsyncSubprocess.inheritedEnvironment.merging(["A": "1"]) { $1 }
        #expect(
            try await output(of: "echo $ASYNCIO_TEST_VARIABLE $A", options: .init(environment: merged))
                == "of this process 1\n")
    }

    @Test func aProgramIsLookedForInTheChildsPath() async throws {
        let directory = try Directory()
        try directory.make("greet", Array("#!/bin/sh\necho hello $1\n".utf8), mode: 0o755)
        let process = try await createSubprocess(
            "greet", arguments: ["you"], stdout: .pipe,
            options: .init(environment: ["PATH": "/nowhere:\(directory.path):/bin"]))
        #expect(text(try await process.communicate().stdout) == "hello you\n")
        // A relative path is relative to the child's directory.
        let relative = try await createSubprocess(
            "./greet", stdout: .pipe, options: .init(environment: [:], directory: directory.path))
        #expect(text(try await relative.communicate().stdout) == "hello\n")
    }

    @Test func aChildStartsInTheGivenDirectory() async throws {
        #expect(try await output(of: "pwd", options: .init(directory: "/usr")) == "/usr\n")
    }

    @Test(.requires(.python3)) func aChildHasNoDescriptorsButThoseItIsGiven() async throws {
        // This one is not close-on-exec, as descriptors of other libraries may be.
        let leaky = dup(1)
        let (first, second) = (try Pipe(), try Pipe())
        defer { close(leaky) }
        var options = SubprocessOptions()
        // The numbers are swapped, and must not overwrite each other.
        options.descriptors = [first.writer: second.writer, second.writer: first.writer, 9: first.writer]
        let process = try await createSubprocess(
            "python3",
            arguments: [
                "-c",
                """
                import os
                fds = [int(fd) for fd in os.listdir('/proc/self/fd')]
                print(sorted(fd for fd in fds if os.path.exists(f'/proc/self/fd/{fd}')))
                os.write(\(first.writer), b'second')
                os.write(\(second.writer), b'1st')
                """,
            ], stdout: .pipe, options: options)
        let expected = Set([0, 1, 2, 9, first.writer, second.writer]).sorted()
        #expect(text(try await process.communicate().stdout) == "\(expected)\n")
        #expect(first.drain() == 3)
        #expect(second.drain() == 6)
    }

    @Test func signalsDoInTheChildWhatTheyDoByDefault() async throws {
        let loop = try EventLoop.running
        try loop.addSignalHandler(.user1) {}
        defer { _ = try? loop.removeSignalHandler(.user1) }
        let before = (signal(SIGPIPE, SIG_IGN), signal(SIGHUP, SIG_IGN))
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, SIGUSR2)
        pthread_sigmask(SIG_BLOCK, &set, nil)
        defer {
            signal(SIGPIPE, before.0)
            signal(SIGHUP, before.1)
            pthread_sigmask(SIG_UNBLOCK, &set, nil)
        }
        let process = try await createSubprocess("cat", arguments: ["/proc/self/status"], stdout: .pipe)
        let status = text(try await process.communicate().stdout)
        func mask(_ name: String) throws -> UInt64 {
            let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("\(name):") })
            return try #require(UInt64(line.dropFirst(name.count + 2), radix: 16))
        }
        #expect(try mask("SigBlk") == 0)
        #expect(try mask("SigCgt") == 0)
        // SIGHUP, which this process ignores on purpose, is ignored in the child. SIGPIPE is not.
        let ignored = try mask("SigIgn")
        #expect(ignored & 1 << (SIGHUP - 1) != 0)
        #expect(ignored & 1 << (SIGPIPE - 1) == 0)
    }

    @Test(.requires(.python3)) func aChildMayHaveAGroupOrASessionOfItsOwn() async throws {
        let program = "import os; print(os.getpgid(0) == os.getpid(), os.getsid(0) == os.getpid())"
        #expect(try await python(program) == "False False\n")
        var options = SubprocessOptions()
        options.processGroup = .new
        #expect(try await python(program, options: options) == "True False\n")
        options.newSession = true
        #expect(try await python(program, options: options) == "True True\n")
    }

    @Test(.requires(.python3)) func aChildMayJoinTheGroupOfAnother() async throws {
        var options = SubprocessOptions()
        options.processGroup = .new
        let leader = try await createSubprocess("sleep", arguments: ["60"], options: options)
        options.processGroup = .joining(leader.pid)
        #expect(try await python("import os; print(os.getpgid(0))", options: options) == "\(leader.pid)\n")
        try leader.kill()
        try await leader.wait()
        await #expect(throws: OSError.self) { _ = try await createSubprocess("true", options: options) }
    }

    @Test func aChildMayHaveAnUmask() async throws {
        var options = SubprocessOptions()
        options.umask = [.groupWrite, .otherReadWriteExecute]
        #expect(try await output(of: "umask", options: options) == "0027\n")
    }

    // MARK: Signals

    @Test func signalsAreSentByNameOrByNumber() async throws {
        for signal: ProcessSignal in [.interrupt, .user1, ProcessSignal(rawValue: 40)] {
            let process = try await createSubprocess("sleep", arguments: ["60"])
            try process.sendSignal(signal)
            #expect(try await process.wait() == -signal.rawValue)
        }
        let process = try await createSubprocess("sleep", arguments: ["60"])
        #expect(throws: ValueError.self) { try process.sendSignal(ProcessSignal(rawValue: 65)) }
        try process.terminate()
        #expect(try await process.wait() == -15)
    }

    @Test func aProcessThatHasEndedUnknownToTheLoopTakesSignalsInSilence() async throws {
        let process = try await createSubprocess("true")
        var info = siginfo_t()
        #expect(waitid(P_PID, id_t(process.pid), &info, WEXITED | WNOWAIT) == 0)
        #expect(process.returnCode == nil)
        try process.kill()
        try process.terminate()
        try process.sendSignal(.user1)
        #expect(try await process.wait() == 0)
        #expect(throws: ProcessLookupError.self) { try process.kill() }
        #expect(throws: ProcessLookupError.self) { try process.terminate() }
        #expect(throws: ProcessLookupError.self) { try process.sendSignal(.user1) }
    }

    @Test func aSignalMayGoToTheWholeGroup() async throws {
        var options = SubprocessOptions()
        options.processGroup = .new
        let process = try await createSubprocess(
            shell: "sleep 50 & echo $!; wait", stdout: .pipe, options: options)
        _ = try await process.stdout?.readLine()
        try process.sendSignal(.kill, toGroup: true)
        #expect(try await process.wait() == -9)
        // The end of the pipe: no process has it open any more.
        #expect(try await process.stdout?.read() == [])

        let other = try await createSubprocess("sleep", arguments: ["50"])
        #expect(throws: RuntimeError.self) { try other.sendSignal(.kill, toGroup: true) }
        try other.kill()
        try await other.wait()
    }

    // MARK: Programs that cannot be started

    private func expectFailure(
        _ code: Errno, naming name: String, _ start: () async throws -> AsyncSubprocess
    ) async throws {
        let others = Process.children
        let before = Process.descriptors
        let error = await #expect(throws: OSError.self) { _ = try await start() }
        #expect(error?.code == code)
        #expect(error?.description.contains(name) == true)
        #expect(Process.opened(since: before) == [])
        #expect(try await Process.hasNoZombies(but: others))
    }

    @Test func whatCannotBeExecutedIsAnErrorThatNamesIt() async throws {
        let directory = try Directory()
        try directory.make("plain", Array("text".utf8), mode: 0o644)
        try directory.make("broken", Array("text".utf8), mode: 0o755)
        try await expectFailure(.noSuchFileOrDirectory, naming: "no-such-program") {
            try await createSubprocess("no-such-program", stdin: .pipe, stdout: .pipe, stderr: .pipe)
        }
        try await expectFailure(.noSuchFileOrDirectory, naming: "/no/such/program") {
            try await createSubprocess("/no/such/program")
        }
        try await expectFailure(.permissionDenied, naming: "\(directory.path)/plain") {
            try await createSubprocess("\(directory.path)/plain", stdin: .pipe)
        }
        try await expectFailure(.permissionDenied, naming: "plain") {
            try await createSubprocess("plain", options: .init(environment: ["PATH": "\(directory.path):/nowhere"]))
        }
        try await expectFailure(.execFormatError, naming: "broken") {
            try await createSubprocess("\(directory.path)/broken")
        }
        try await expectFailure(.noSuchFileOrDirectory, naming: "entering '/no/such/directory' to start 'true'") {
            try await createSubprocess("true", stdout: .pipe, options: .init(directory: "/no/such/directory"))
        }
        try await expectFailure(.badFileDescriptor, naming: "true") {
            try await createSubprocess("true", stdout: .descriptor(Int32(1_000)))
        }
    }

    @Test func argumentsThatMakeNoSenseAreRefused() async throws {
        func expectRefusal(_ start: () async throws -> AsyncSubprocess) async {
            await #expect(throws: ValueError.self) { _ = try await start() }
        }
        await expectRefusal { try await createSubprocess("true\0") }
        await expectRefusal { try await createSubprocess("echo", arguments: ["a\0b"]) }
        await expectRefusal { try await createSubprocess("true", options: .init(environment: ["A=B": "c"])) }
        await expectRefusal { try await createSubprocess("true", options: .init(environment: ["": "c"])) }
        await expectRefusal { try await createSubprocess("true", stdout: .stdout) }
        await expectRefusal { try await createSubprocess("true", stdin: .stdout) }
        await expectRefusal { try await createSubprocess("true", stdin: .descriptor(Int32(-1))) }
        func expectRefusedOptions(_ change: (inout SubprocessOptions) -> Void) async {
            var options = SubprocessOptions()
            change(&options)
            await #expect(throws: ValueError.self) { _ = try await createSubprocess("true", options: options) }
        }
        await expectRefusedOptions { $0.descriptors = [1: 5] }
        await expectRefusedOptions { $0.descriptors = [5: -1] }
        await expectRefusedOptions { $0.limit = 0 }
        await expectRefusedOptions { $0.terminal = TerminalSize(columns: 0, rows: 24) }
        await expectRefusedOptions { $0.parentDeathSignal = ProcessSignal(rawValue: 99) }
        await expectRefusedOptions { $0.processGroup = .joining(-2) }
        await expectRefusedOptions {
            $0.newSession = true
            $0.processGroup = .joining(1)
        }
    }

    @Test func ifNoDescriptorIsLeftNothingIsStartedAndNothingLeaks() async throws {
        let others = Process.children
        let before = Process.descriptors
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        let next = dup(0)
        close(next)
        // From no free descriptor to enough of them: each step of setting up a child fails once.
        // The free numbers may have gaps between them.
        var started = false
        var room: rlim_t = 0
        while !started, room < 1_000 {
            var lowered = limit
            lowered.rlim_cur = rlim_t(next) + room
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &lowered)
            let result: Result<AsyncSubprocess, any Error>
            do {
                result = .success(
                    try await createSubprocess("/bin/true", stdin: .pipe, stdout: .pipe, stderr: .pipe))
            } catch { result = .failure(error) }
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            switch result {
            case .success(let process):
                started = true
                #expect(try await process.wait() == 0)
            case .failure(let error):
                #expect((error as? OSError)?.code == .tooManyOpenFiles)
                #expect(Process.opened(since: before) == [])
                #expect(try await Process.hasNoZombies(but: others))
            }
            room += 1
        }
        #expect(started && room > 6)
    }

    @Test func aTaskThatWasCancelledBeforeStartsNothing() async throws {
        let others = Process.children
        let directory = try Directory()
        let task = createTask {
            currentTask()?.cancel()
            return try await createSubprocess("touch", arguments: ["\(directory.path)/started"])
        }
        await #expect(throws: CancellationError.self) { _ = try await task.value }
        #expect(try await Process.hasNoZombies(but: others))
        #expect(access("\(directory.path)/started", F_OK) != 0)
    }
}
