#!/usr/bin/env python3
"""Measures the CPU time of a TLS echo of 16 KiB messages: ours, uvloop, asyncio, and OpenSSL alone in C.

Builds the client and the C server, for which it needs a C compiler and OpenSSL's headers (apt
install libssl-dev). uvloop comes from a virtual environment, which is created in .build if
necessary. The servers run in turns for several rounds. Each figure is the median of the rounds.
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
    """Builds a C program from the folder c."""
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
    """The CPU time of all threads in seconds, from the scheduler's nanosecond counters."""
    return sum(
        int(task.joinpath("schedstat").read_text().split()[0]) for task in pathlib.Path(f"/proc/{pid}/task").iterdir()
    ) / 1e9


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def measure(command, files, options):
    """The server's CPU microseconds per message, and the messages per second."""
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
        print(f"  {name:13} {costs[name]:7.1f} us of CPU per message  {rate:8.0f} messages/s")

    def against(name):
        # Compare within each round, in which conditions are the same for both.
        return statistics.median(ours[0] / other[0] for ours, other in zip(results["ours"], results[name]))

    ratio = against("uvloop")
    print(f"ours / uvloop: {ratio:.2f} (target 0.70)   ours / asyncio: {against('asyncio'):.2f}   "
          f"ours / C: {against('OpenSSL in C'):.2f} (aim 1.10)")
    return 0 if ratio <= 0.7 else 1


if __name__ == "__main__":
    sys.exit(main())
