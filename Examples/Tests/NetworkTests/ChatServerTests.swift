import AsyncIO
import AsyncIOTesting
import Testing

@Suite(.eventLoop, .serialized) struct ChatServerTests {
    @Test(.requires(.python3)) func thoseInARoomHearEachOther() async throws {
        let clients = """
            import asyncio, sys
            class Client:
                @classmethod
                async def enter(cls, name):
                    self = cls()
                    self.reader, self.writer = await asyncio.open_connection("127.0.0.1", int(sys.argv[1]))
                    assert await self.hear() == "* your name?"
                    self.say(name)
                    return self
                def say(self, line): self.writer.write(line.encode() + b"\\r\\n")
                async def hear(self): return (await self.reader.readline()).decode().rstrip("\\n")
                async def expect(self, *lines):
                    for line in lines:
                        heard = await self.hear()
                        assert heard == line, (heard, line)
            async def main():
                ann = await Client.enter("ann")
                await ann.expect("* ann came to lobby")
                ben = await Client.enter("ann")
                await ben.expect("* ann is taken; your name?")
                ben.say("ben")
                await ben.expect("* ben came to lobby")
                await ann.expect("* ben came to lobby")
                ben.say("hello \\x1b[2Jall")
                await ben.expect("ben: hello [2Jall")
                await ann.expect("ben: hello [2Jall")
                ben.say("/join kitchen")
                await ben.expect("* ben went to kitchen", "* ben came to kitchen")
                await ann.expect("* ben went to kitchen")
                ben.say("nobody hears this")
                await ben.expect("ben: nobody hears this")
                ann.say("/who")
                await ann.expect('* in lobby: ["ann"]')
                ann.say("/fly")
                await ann.expect("* commands: /join ROOM, /who, /quit")
                ann.say("/join kitchen")
                await ann.expect("* ann went to kitchen", "* ann came to kitchen")
                await ben.expect("* ann came to kitchen")
                ann.say("/quit")
                await ann.expect("")
                await ben.expect("* ann left")
                # A client that ends its side still receives pending messages.
                ben.say("bye")
                ben.writer.write_eof()
                await ben.expect("ben: bye", "")
                print("done")
            asyncio.run(main())
            """
        let rest = try await withServer("chat-server", "--port", "0") { _, address in
            try await expect("done\n", from: clients, address.port)
        }
        #expect(rest == "")
    }

    @Test(.requires(.python3)) func whoDoesNotReadIsDroppedAndHoldsUpNobody() async throws {
        let clients = """
            import asyncio, socket, sys
            port = int(sys.argv[1])
            async def main():
                slow = socket.socket()
                slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                slow.connect(("127.0.0.1", port))
                slow.sendall(b"slow\\n")
                await asyncio.sleep(0.2)
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(b"fast\\n")
                line = "x" * 4000 + "\\n"
                heard = []
                async def listen():
                    async for heard_line in reader:
                        heard.append(heard_line)
                        if heard_line == b"* slow left\\n": return
                task = asyncio.create_task(listen())
                sent = 0
                while not task.done() and sent < 20_000:
                    # Send only as fast as this client receives, so that it is not dropped.
                    while len(heard) < sent: await asyncio.sleep(0)
                    writer.write(line.encode())
                    await writer.drain()
                    sent += 1
                await asyncio.wait_for(task, 10)
                writer.write(b"/who\\n")
                while (answer := await reader.readline()).startswith(b"fast: "): pass
                print(answer.decode(), end="")
            asyncio.run(main())
            """
        let rest = try await withServer("chat-server", "--port", "0", "--backlog", "10") { _, address in
            try await expect("* in lobby: [\"fast\"]\n", from: clients, address.port)
        }
        #expect(rest == "")
    }

    @Test(.requires(.curl)) func curlTalksAndIsToldTheEnd() async throws {
        try await withServer("chat-server", "--port", "0") { process, address in
            try await withSubprocess(
                "curl", arguments: ["-s", "-N", "telnet://\(address)"], stdin: .pipe, stdout: .pipe
            ) { curl in
                try await curl.stdin?.write("cora\n")
                #expect(try await curl.stdout?.readTextLine() == "* your name?")
                #expect(try await curl.stdout?.readTextLine() == "* cora came to lobby")
                try process.terminate()
                #expect(try await process.wait() == 0)
                // curl notices the end when its own input ends.
                curl.stdin?.close()
                #expect(try await curl.stdout?.read() == [])
            }
        }
    }

    @Test func wrongArgumentsAreExplained() async throws {
        let outcome = try await outcome(of: program("chat-server"), ["--backlog", "0"])
        #expect(outcome.status == 64)
        #expect(
            outcome.errors.hasPrefix(
                "Error: --port must be in 0...65535 and --backlog at least 1, got 7001 and 0\n"))
    }
}
