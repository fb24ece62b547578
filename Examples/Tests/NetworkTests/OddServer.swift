/// Runs a web server that does what others do seldom.
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
