#!/usr/bin/env python3
"""Compares asyncio-oracle with traces recorded from CPython.

    scripts/check-oracle.py [--loop-thread] PROGRAM [CORPUS.jsonl ...]

Each line of a corpus is a record with a scenario and its trace. PROGRAM reads scenarios, one per
line, and answers each with its trace and a line that contains a dot. Without a corpus argument, the
script checks all files in Tests/Oracle/corpus. With --loop-thread, PROGRAM runs them on a loop that
is not the process's. It needs only the standard library.
"""
import json
import pathlib
import subprocess
import sys
import threading

SECONDS_PER_SCENARIO = 20
FAILURES_SHOWN = 5


def start(program):
    return subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def run(process, scenario):
    """The trace of a scenario, or the incomplete trace if the program dies or hangs."""
    guard = threading.Timer(SECONDS_PER_SCENARIO, process.kill)
    guard.start()
    try:
        process.stdin.write(json.dumps(scenario) + "\n")
        process.stdin.flush()
        lines = []
        for line in process.stdout:
            if line == ".\n":
                return lines
            lines.append(line.rstrip("\n"))
        return lines + ["(the program ended)"]
    except BrokenPipeError:
        return ["(the program ended)"]
    finally:
        guard.cancel()


def main():
    arguments = [argument for argument in sys.argv[1:] if argument != "--loop-thread"]
    if not arguments:
        sys.exit(__doc__)
    program = arguments[:1] + sys.argv[1:].count("--loop-thread") * ["--loop-thread"]
    here = pathlib.Path(__file__).resolve().parent.parent
    corpora = arguments[1:] or sorted(map(str, (here / "Tests/Oracle/corpus").glob("*.jsonl")))
    process = start(program)
    passed = failed = 0
    for corpus in corpora:
        for text in open(corpus, encoding="utf-8"):
            record = json.loads(text)
            got = run(process, record["scenario"])
            if got == record["trace"]:
                passed += 1
                continue
            failed += 1
            if failed <= FAILURES_SHOWN:
                want = record["trace"]
                at = next((i for i, (a, b) in enumerate(zip(want, got)) if a != b), min(len(want), len(got)))
                print(f"FAIL {record['name']} at line {at + 1}")
                print(f"  want {want[at] if at < len(want) else '(nothing)'}")
                print(f"  got  {got[at] if at < len(got) else '(nothing)'}")
            if process.poll() is not None or got[-1:] == ["(the program ended)"]:
                process.kill()
                process = start(program)
    process.stdin.close()
    process.wait()
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed > 0 or passed == 0)


if __name__ == "__main__":
    main()
