#!/usr/bin/env python3
"""Counts the lines of the ten programs, and checks the table in Examples/README.md.

    scripts/count-programs.py             exit with status 1 if the table is not up to date
    scripts/count-programs.py --update    write the table

Blank lines and comments do not count.
"""
import pathlib
import re
import sys

EXAMPLES = pathlib.Path(__file__).resolve().parent.parent / "Examples"
SOURCES = EXAMPLES / "Sources" / "TenPrograms"
BEGIN, END = "<!-- begin: scripts/count-programs.py -->", "<!-- end -->"
PROGRAMS = {
    "Chat": ("chat with rooms and slow clients", "`Broadcast`"),
    "Crawler": ("crawler with limits for each host", "`RateLimiter`, `CircuitBreaker`, `ExpiringCache`"),
    "Jobs": ("job queue that drains on a signal", "`Supervisor`, `shutdown(within:progress:)`"),
    "Calls": ("rate limiter with circuit breaker", "`RateLimiter`, `CircuitBreaker`, `hedged`"),
    "Frames": ("framed protocol, client and server", "`LengthPrefixedCodec`, `frames`, `writeFrame`"),
    "TLSProxy": ("TLS proxy", "`copyBothWays`, `maxConnections`, `idleTimeout`"),
    "Scheduler": ("scheduler", "`ticks`, `Schedule`"),
    "Pipeline": ("three-stage pipeline", "`memoryObjectStream`"),
    "Farm": ("subprocess farm", "`ConnectionPool`"),
    "Topics": ("publish and subscribe", "`Broadcast`"),
}


def lines(path):
    return sum(1 for line in path.read_text().splitlines() if not re.match(r"\s*(//.*)?$", line))


def table():
    rows = ["| program | with | by hand | short | ratio |", "|---|---|---|---|---|"]
    total = [0, 0]
    for name, (what, used) in PROGRAMS.items():
        counts = [lines(SOURCES / version / f"{version}+{name}.swift") for version in ("ByHand", "Short")]
        total = [sum(pair) for pair in zip(total, counts)]
        rows.append(f"| {what} | {used} | {counts[0]} | {counts[1]} | {counts[1] / counts[0]:.0%} |")
    rows.append(f"| all | | {total[0]} | {total[1]} | {total[1] / total[0]:.0%} |")
    return "\n".join(rows)


def main():
    readme = EXAMPLES / "README.md"
    text = readme.read_text()
    start, end = text.index(BEGIN) + len(BEGIN), text.index(END, text.index(BEGIN))
    new = text[:start] + "\n" + table() + "\n" + text[end:]
    if "--update" in sys.argv[1:]:
        readme.write_text(new)
    elif new != text:
        print("the table in Examples/README.md is not up to date; run scripts/count-programs.py --update")
        return 1
    print(table())
    return 0


if __name__ == "__main__":
    sys.exit(main())
