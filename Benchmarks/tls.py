#!/usr/bin/env python3
"""The CPU of a TLS echo of 16 KiB messages: ours, uvloop's, asyncio's, and OpenSSL's alone in C.

Needs a C compiler with OpenSSL's headers (apt install libssl-dev) for the client and the C
server, and builds them. uvloop is taken from a virtual environment, which is made in .build if
need be. All servers run in turns, several rounds; each figure is the median of the rounds.
"""

import argparse
import pathlib
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
BUILD = HERE / ".build"


def tool(name):
    """Builds a C program of c/."""
    path = BUILD / name
    source = HERE / "c" / f"{name}.c"
    if not path.exists() or path.stat().st_mtime < source.stat().st_mtime:
        subprocess.run(["cc", "-O2", "-o", path, source, "-lssl", "-lcrypto"], check=True)
    return str(path)


def uvloop_python():
    python = BUILD / "uvloop" / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", BUILD / "uvloop"], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "uvloop"], check=True)
    return str(python)


def cpu(pid):
    """Seconds on a CPU, by the scheduler's count in nanoseconds; all threads."""
    return sum(
        int(task.joinpath("schedstat").read_text().split()[0]) for task in pathlib.Path(f"/proc/{pid}/task").iterdir()
    ) / 1e9


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def measure(command, files, options):
    """Microseconds of the server's CPU for a message, and messages a second."""
    port = free_port()
    command = command + [str(port)] + files
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout.readline().strip() == "READY", command
            load = [tool("tls_load"), str(port), str(options.connections), str(options.size)]
            subprocess.run(load + ["0.3"], check=True, stdout=subprocess.DEVNULL)
            before = cpu(server.pid)
            text = subprocess.run(
                load + [str(options.seconds)], check=True, stdout=subprocess.PIPE, text=True).stdout
            messages, seconds = text.split()
            return (cpu(server.pid) - before) / int(messages) * 1e6, int(messages) / float(seconds)
        finally:
            server.kill()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bench", default=str(BUILD / "release" / "asyncio-bench"))
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--size", type=int, default=16384)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    BUILD.mkdir(exist_ok=True)

    folder = tempfile.mkdtemp()
    key, certificate = f"{folder}/key.pem", f"{folder}/cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=localhost"],
        check=True, stderr=subprocess.DEVNULL)

    python = uvloop_python()
    echo = str(HERE / "python" / "tls_echo.py")
    servers = {
        "ours": [options.bench, "echo-tls"],
        "uvloop": [python, echo],
        "asyncio": [python, echo, "--asyncio"],
        "OpenSSL in C": [tool("tls_echo")],
    }
    results = {name: [] for name in servers}
    for _ in range(options.rounds):
        for name, command in servers.items():
            results[name].append(measure(command, [certificate, key], options))
            time.sleep(0.1)

    print(f"TLS echo of {options.size} bytes, {options.connections} connections, "
          f"median of {options.rounds} rounds of {options.seconds} s:")
    costs = {}
    for name, figures in results.items():
        costs[name] = statistics.median(figure[0] for figure in figures)
        rate = statistics.median(figure[1] for figure in figures)
        print(f"  {name:13} {costs[name]:7.1f} us of CPU a message  {rate:8.0f} messages/s")

    def against(name):
        # Round by round: the machine's mood is the same for both.
        return statistics.median(ours[0] / other[0] for ours, other in zip(results["ours"], results[name]))

    ratio = against("uvloop")
    print(f"ours / uvloop: {ratio:.2f} (target 0.70)   ours / asyncio: {against('asyncio'):.2f}   "
          f"ours / C: {against('OpenSSL in C'):.2f} (aim 1.10)")
    return 0 if ratio <= 0.7 else 1


if __name__ == "__main__":
    sys.exit(main())
