#!/usr/bin/env python3
"""Checks that every statement about asyncio has a row in Tests/Statements, and that the row names
existing tests or says why the statement has no meaning in Swift. Otherwise prints a list and exits
with status 1.

A row:  | LOOP-1 | the statement | `Suite/test()`, `Suite/other(argument:)` (a remark) |
    or  | LOOP-1 | the statement | no meaning: the reason |
"""

import pathlib
import re
import sys

COUNTS = {
    "LOOP": 29, "RUN": 18, "FUT": 14, "TASK": 22, "TMO": 18, "TG": 19, "COMB": 22,
    "SYNC": 23, "Q": 10, "THR": 7, "EAGER": 6, "DBG": 10, "SIG": 4, "TR": 20, "ST": 20, "SRV": 12,
    "CONN": 10, "SOCK": 7, "TLS": 9, "SUB": 12,
}
ROOT = pathlib.Path(__file__).resolve().parent.parent
TEST = re.compile(r"`(\w+)/(\w+)(\([^`]*\))?`")
ID = re.compile(r"([A-Z]+)-(\d+)")


def rows(path):
    """The rows of a table, without its header, as (line number, cells)."""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.startswith("|") or re.fullmatch(r"[|\s:-]+", line):
            continue
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if cells[0] in ("Statement", "Rule"):
            continue
        yield number, cells


def tests():
    """The functions of every suite, where a suite is a type or a file of that name."""
    found = {}
    for path in sorted((ROOT / "Tests").rglob("*.swift")):
        suite = path.stem
        for line in path.read_text().splitlines():
            kind = re.match(r"\s*(?:@\w+(?:\(.*?\)(?=\s))?\s+|\w+\s+)*?(?:struct|class|extension|actor|enum) (\w+)", line)
            if kind:
                suite = kind[1]
            for function in re.findall(r"\bfunc (\w+)", line):
                found.setdefault(suite, set()).add(function)
                found.setdefault(path.stem, set()).add(function)
    return found


def main():
    wrong = []
    known = tests()
    seen = {}
    for path in sorted((ROOT / "Tests" / "Statements").glob("*.md")):
        for number, cells in rows(path):
            where = f"{path.relative_to(ROOT)}:{number}"
            if len(cells) != 3 or not all(cells):
                wrong.append(f"{where}: a row must have three cells, none of them empty")
                continue
            name, _, evidence = cells
            statement = ID.fullmatch(name)
            if statement:
                if statement[1] not in COUNTS or not 1 <= int(statement[2]) <= COUNTS[statement[1]]:
                    wrong.append(f"{where}: there is no statement {name}")
                if name in seen:
                    wrong.append(f"{where}: {name} already has a row, in {seen[name]}")
                seen[name] = where
            if re.match(r"no meaning: \S", evidence):
                continue
            named = TEST.findall(evidence)
            if not named:
                wrong.append(f"{where}: {name} must name a test or give a reason")
            for suite, function, _ in named:
                if function not in known.get(suite, ()):
                    wrong.append(f"{where}: {name}: there is no {suite}/{function}")
    for prefix, count in COUNTS.items():
        for number in range(1, count + 1):
            if f"{prefix}-{number}" not in seen:
                wrong.append(f"{prefix}-{number} has no row")
    for line in wrong:
        print(line)
    if wrong:
        return 1
    print(f"{len(seen)} statements, each with a test or a reason")
    return 0


if __name__ == "__main__":
    sys.exit(main())
