#!/usr/bin/env python3
"""A TLS echo server on uvloop, or with --asyncio on asyncio: tls_echo.py PORT CERTIFICATE KEY."""

import asyncio
import ssl
import sys


class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)


async def main(port, certificate, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", port, ssl=context)
    print("READY", flush=True)
    await server.serve_forever()


if "--asyncio" in sys.argv:
    sys.argv.remove("--asyncio")
    asyncio.run(main(int(sys.argv[1]), *sys.argv[2:]))
else:
    import uvloop

    uvloop.run(main(int(sys.argv[1]), *sys.argv[2:]))
