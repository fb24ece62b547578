/// Runs a web server that sends unusual and invalid responses.
func withOddServer(_ body: (_ url: String) async throws -> Void) async throws {
    let code = """
        import asyncio, socket, struct
        running = most = failures = 0
        async def serve(reader, writer):
            global running, most, failures
            head = await reader.readuntil(b"\\r\\n\\r\\n")
            name = head.split()[1].decode()[1:]
            async def send(*parts, pause=0):
                for part in parts:
                    writer.write(part)
                    await writer.drain()
                    await asyncio.sleep(pause)
            ok = b"HTTP/1.1 200 OK\\r\\n"
            chunked = ok + b"Transfer-Encoding: chunked\\r\\n\\r\\n"
            def whole(text): return ok + b"Content-Length: %d\\r\\n\\r\\n%s" % (len(text), text)
            def redirect(to): return b"HTTP/1.1 302 Found\\r\\nLocation: %s\\r\\nContent-Length: 0\\r\\n\\r\\n" % to
            def length(text): return ok + b"Content-Length: %s\\r\\n\\r\\nabcde" % text
            def encoded(text): return ok + b"Transfer-Encoding: %s\\r\\n\\r\\n3\\r\\nabc\\r\\n0\\r\\n\\r\\n" % text
            odd = {
                "two-lengths": [length(b"3\\r\\nContent-Length: 5")],
                "same-length-twice": [length(b"3\\r\\nContent-Length: 3")],
                "signed-length": [length(b"+3")],
                "huge-length": [length(b"9" * 20)],
                "empty-length": [length(b"")],
                "length-and-chunks": [encoded(b"chunked\\r\\nContent-Length: 3")],
                "other-encoding": [encoded(b"xchunked")],
                "encoded-twice": [encoded(b"gzip, chunked")],
                "old-chunks": [encoded(b"chunked").replace(b"HTTP/1.1", b"HTTP/1.0")],
                "signed-chunk": [chunked, b"+3\\r\\nabc\\r\\n0\\r\\n\\r\\n"],
                "huge-chunk": [chunked, b"f" * 20 + b"\\r\\nabc"],
                "unsized-chunk": [chunked, b";a=b\\r\\nabc\\r\\n0\\r\\n\\r\\n"],
                "long-extension": [chunked, b"3;" + b"x" * 2000 + b"\\r\\nabc\\r\\n0\\r\\n\\r\\n"],
                "long-chunk": [chunked, b"3\\r\\nabcd\\r\\n0\\r\\n\\r\\n"],
                "part": [b"HTTP/1.1 206 Partial Content\\r\\nContent-Range: bytes 0-2/9\\r\\nContent-Length: 3\\r\\n\\r\\nabc"],
                "folded": [ok + b"A: b\\r\\n c: d\\r\\nContent-Length: 3\\r\\n\\r\\nabc"],
                "spaced-name": [ok + b"Content-Length : 3\\r\\n\\r\\nabc"],
                "bare-return": [ok + b"A: b\\rContent-Length: 5\\r\\nContent-Length: 3\\r\\n\\r\\nabc"],
                "odd-status": [ok.replace(b"200", b"+20") + b"Content-Length: 3\\r\\n\\r\\nabc"],
                "version-two": [ok.replace(b"1.1", b"1.12") + b"Content-Length: 3\\r\\n\\r\\nabc"],
            }
            endless = {
                "endless-headers": (ok, b"A: b\\r\\n"),
                "endless-trailers": (chunked + b"0\\r\\n", b"A: b\\r\\n"),
                "endless-line": (ok + b"A: ", b"b" * 1000),
                "endless-hints": (b"", b"HTTP/1.1 103 Early Hints\\r\\n\\r\\n"),
            }
            if name == "chunked":
                await send(chunked, b"5;x=y\\r\\none, \\r\\n", b"A\\r\\ntwo", b", three\\r\\n0\\r\\nTrailer: 1\\r\\n\\r\\n", pause=.02)
            elif name == "until-close": await send(b"HTTP/1.1 103 Early Hints\\r\\nA: b\\r\\n\\r\\n" + ok + b"\\r\\n", b"to the ", b"end", pause=.02)
            elif name == "byte-by-byte":
                for byte in whole(b"slowly")[:-6]: await send(bytes([byte]))
                for byte in b"slowly": await send(bytes([byte]), pause=.12)
            elif name == "redirected": await send(redirect(b"/chunked"))
            elif name == "flaky":
                failures += 1
                if failures < 3: await send(b"HTTP/1.1 503 Later\\r\\nContent-Length: 0\\r\\n\\r\\n")
                else: await send(whole(b"third time"))
            elif name == "short": await send(ok + b"Content-Length: 1000\\r\\n\\r\\n", b"not so much")
            elif name == "short-chunk": await send(chunked, b"10\\r\\nabcdef")
            elif name == "no-chunk": await send(chunked, b"zz\\r\\nabcdef")
            elif name == "reset":
                await send(ok + b"Content-Length: 1000\\r\\n\\r\\n", b"some", pause=.1)
                linger = struct.pack("ii", 1, 0)
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            elif name == "stall":
                await send(ok + b"Content-Length: 1000\\r\\n\\r\\n", b"some")
                await reader.read()
            elif name == "silent": await reader.read()
            elif name == "missing": await send(b"HTTP/1.1 404 Not Found\\r\\nContent-Length: 4\\r\\n\\r\\nnone")
            elif name == "loop": await send(redirect(b"loop"))
            elif name == "nowhere": await send(b"HTTP/1.1 302 Found\\r\\n\\r\\n")
            elif name == "garbage": await send(b"220 mail.example.com ESMTP\\r\\n")
            elif name in odd: await send(*odd[name])
            elif name.startswith("endless"):
                start, part = endless[name]
                await send(start)
                while not writer.is_closing(): await send(part * 100)
            elif name == "most": await send(whole(b"%d" % most))
            elif name.startswith("slow"):
                running += 1
                most = max(most, running)
                await asyncio.sleep(.1)
                running -= 1
                await send(whole(name.encode()))
            writer.close()
        async def main():
            server = await asyncio.start_server(serve, "127.0.0.1", 0)
            print(server.sockets[0].getsockname()[1])
            await server.serve_forever()
        asyncio.run(main())
        """
    try await withPython(code) { port in try await body("http://127.0.0.1:\(port)") }
}
