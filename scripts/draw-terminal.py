#!/usr/bin/env python3
"""Draws Documentation/terminal.svg, the picture in the README, from a run of this package's own programs.

    swift build                        # builds the programs, faults and asyncio
    scripts/draw-terminal.py           # runs them and draws the picture
    scripts/draw-terminal.py --check   # exits with status 1 if a run no longer matches the picture

The script starts a program with a deadlock, lists its tasks with `asyncio ps` on a pseudo-terminal, and
writes what they print as text into an SVG file. Process IDs and times differ from run to run, so --check
ignores them.
"""

import argparse
import fcntl
import os
import pathlib
import pty
import re
import struct
import subprocess
import sys
import termios
import time
from xml.sax.saxutils import escape

ROOT = pathlib.Path(__file__).resolve().parent.parent
PICTURE = ROOT / "Documentation" / "terminal.svg"
# The tool shows paths relative to the directory in which the program was started.
DIRECTORY = ROOT / "Examples" / "faults"

COLUMNS = 152
CHARACTER, LINE, MARGIN, TITLE = 6.62, 17, 16, 30


def on_terminal(command, environment):
    """Runs a command on a terminal that is COLUMNS wide, and returns the lines that it prints."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, COLUMNS, 0, 0))
    process = subprocess.Popen(command, cwd=DIRECTORY, env=environment, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    output = b""
    while True:
        try:
            portion = os.read(ours, 65536)
        except OSError:  # Linux reports the end of a terminal as an error.
            break
        if not portion:
            break
        output += portion
    os.close(ours)
    if process.wait():
        raise SystemExit(f"draw-terminal.py: {' '.join(command)} failed:\n{output.decode()}")
    return output.decode().replace("\r", "").rstrip("\n").split("\n")


def session(products):
    """The lines of the session, each with the class of its style."""
    environment = dict(os.environ, ASYNCIO_INSPECT="1", PATH=f"{products}:{os.environ['PATH']}")
    program = subprocess.Popen(
        ["faults", "deadlock"], cwd=DIRECTORY, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        lines = [("prompt", "$ ASYNCIO_INSPECT=1 faults deadlock &"), ("", f"[1] {program.pid}")]
        lines.append(("", program.stdout.readline().rstrip("\n")))
        time.sleep(2)  # so that the tasks have waited for a while, as they have when someone looks
        lines.append(("prompt", f"$ asyncio ps {program.pid}"))
        for line in on_terminal(["asyncio", "ps", str(program.pid)], environment):
            style = "alarm" if line.startswith("deadlock:") else "head" if line.startswith("ID ") else ""
            # A terminal wraps long lines in the same way.
            lines += [(style, line[start : start + COLUMNS]) for start in range(0, len(line), COLUMNS)]
        return lines
    finally:
        program.kill()
        program.wait()


def drawing(lines):
    width = round(2 * MARGIN + COLUMNS * CHARACTER)
    height = TITLE + len(lines) * LINE + MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'role="img" aria-label="A terminal: asyncio ps lists the tasks of a program and names the file and line of '
        'a deadlock">',
        "<style>text{font:11px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:#e6edf3;"
        "white-space:pre}.prompt{fill:#7ee787}.alarm{fill:#ffa657;font-weight:bold}.head{fill:#9198a1}</style>",
        f'<rect width="{width}" height="{height}" rx="8" fill="#161b22"/>',
    ]
    for index, color in enumerate(("#ff5f57", "#febc2e", "#28c840")):
        parts.append(f'<circle cx="{MARGIN + 5 + index * 18}" cy="16" r="5" fill="{color}"/>')
    for index, (style, line) in enumerate(lines):
        place = f'x="{MARGIN}" y="{TITLE + 12 + index * LINE}"'
        # Fixed lengths keep the columns aligned in every font.
        text = line.rstrip()
        length = f' textLength="{len(text) * CHARACTER:.1f}" lengthAdjust="spacingAndGlyphs"' if text else ""
        classes = f' class="{style}"' if style else ""
        parts.append(f'<text {place}{classes}{length} xml:space="preserve">{escape(text)}</text>')
    return "\n".join(parts + ["</svg>", ""])


def lasting(picture):
    """The texts of a picture without what differs from run to run."""
    text = "\n".join(re.findall(r">([^<]*)</text>", picture))
    text = re.sub(r"\b\d+\.\d+ m?s\b|\b\d+ ms\b", "TIME", re.sub(r"(?<=ps )\d+|(?<=\[1\] )\d+", "PID", text))
    return re.sub(r" +", " ", text)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--products", default=ROOT / ".build" / "debug", help="the folder with faults and asyncio")
    parser.add_argument("--check", action="store_true", help="write nothing, and compare a run with the picture")
    options = parser.parse_args()
    picture = drawing(session(pathlib.Path(options.products).resolve()))
    if not options.check:
        PICTURE.write_text(picture)
        print(f"wrote {PICTURE.relative_to(ROOT)}")
        return 0
    old = PICTURE.read_text() if PICTURE.exists() else ""
    if lasting(old) == lasting(picture):
        return 0
    print(f"{PICTURE.relative_to(ROOT)} is out of date, run scripts/draw-terminal.py. A run now shows:\n")
    print(lasting(picture))
    return 1


if __name__ == "__main__":
    sys.exit(main())
