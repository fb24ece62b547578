#!/usr/bin/env python3
"""Compares the public API with the baseline in API, and fails with a diff if they differ.

    scripts/check-api.py             build the modules, and compare them with the baseline
    scripts/check-api.py --record    the same, and make the current API the baseline

With --graphs FOLDER, the symbol graphs are taken from there instead of being extracted, and
with --baseline FOLDER, the baseline is there. The script needs only the standard library.

A baseline has one line for each public declaration and for each conformance, sorted by name. The
compiler writes the declarations, so another version of it can change lines that no one has touched.
Declarations that a trait adds are not listed, because the traits are off by default. Declarations
that are marked `@_documentation(visibility: internal)` are not listed either, because the symbol
graphs do not contain them: guards such as `sleep(1)`, and overloads. A conformance
that is marked unavailable is listed like any other, because the compiler does not say that it is.
"""

import argparse
import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
MODULES = ["AsyncIO", "AsyncIOMain", "AsyncIORedis", "AsyncIOTesting"]
# Types conform to these unless their declaration says otherwise.
IMPLICIT = {"Swift.Copyable", "Swift.Escapable", "Swift.SendableMetatype"}


def text(fragments):
    """A declaration on one line."""
    return " ".join("".join(fragment["spelling"] for fragment in fragments).split())


def requirements(constraints):
    """Generic requirements as in a where clause."""
    written = []
    for one in constraints:
        if one["rhs"] not in ("Copyable", "Escapable"):
            written.append(f"{one['lhs']} {'==' if one['kind'] == 'sameType' else ':'} {one['rhs']}")
    return written


def generics(symbol, declaration):
    """The requirements that the symbol's extension adds, which the declaration does not show."""
    added = requirements(symbol.get("swiftExtension", {}).get("constraints", []))
    missing = [one for one in added if one not in declaration]
    return f" [where {', '.join(missing)}]" if missing else ""


def availability(symbol):
    """The marks that change how a declaration can be used."""
    marks = []
    for one in symbol.get("availability", []):
        domain = one.get("domain", "*")
        if one.get("isUnconditionallyUnavailable"):
            marks.append("unavailable" if domain == "*" else f"unavailable on {domain}")
        if one.get("isUnconditionallyDeprecated") or "deprecated" in one:
            marks.append("deprecated")
    return "".join(f" [{mark}]" for mark in marks)


def lines(folder):
    """The API that the symbol graphs in a folder describe, one line for each declaration."""
    symbols, relationships, names = [], [], {}
    for path in sorted(folder.glob("*.symbols.json")):
        graph = json.loads(path.read_text())
        symbols += graph["symbols"]
        relationships += graph["relationships"]
    found = set()
    for symbol in symbols:
        name = ".".join(symbol["pathComponents"])
        names[symbol["identifier"]["precise"]] = name
        # An extension of another module's type is not a declaration of its own, but its members are.
        if symbol["kind"]["identifier"] == "swift.extension":
            continue
        declaration = text(symbol["declarationFragments"])
        access = "open " if symbol["accessLevel"] == "open" else ""
        found.add(f"{name}: {access}{declaration}{generics(symbol, declaration)}{availability(symbol)}")
    for one in relationships:
        if one["kind"] not in ("conformsTo", "inheritsFrom") or one["source"] not in names:
            continue
        target = one.get("targetFallback") or names.get(one["target"], one["target"])
        if target in IMPLICIT:
            continue
        verb = "conforms to" if one["kind"] == "conformsTo" else "inherits from"
        conditions = requirements(one.get("swiftConstraints", []))
        where = f" where {', '.join(conditions)}" if conditions else ""
        found.add(f"{names[one['source']]}: {verb} {target}{where}")
    return sorted(found)


def recorded(path):
    """The lines of a baseline."""
    return [line for line in path.read_text().splitlines() if not line.startswith("#")] if path.exists() else []


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--graphs", type=pathlib.Path)
    parser.add_argument("--baseline", type=pathlib.Path, default=ROOT / "API")
    options = parser.parse_args()

    graphs = options.graphs
    if graphs is None:
        graphs = ROOT / ".build/symbol-graphs"
        subprocess.run([ROOT / "scripts/extract-symbol-graphs.sh"], check=True, stdout=subprocess.DEVNULL)

    count, changed = 0, False
    for module in MODULES:
        if not (graphs / module / f"{module}.symbols.json").exists():
            sys.exit(f"{graphs / module} has no symbol graph of {module}; run scripts/extract-symbol-graphs.sh")
        current = lines(graphs / module)
        count += len(current)
        path = options.baseline / f"{module}.txt"
        if options.record:
            path.parent.mkdir(exist_ok=True)
            header = f"# The public API of {module}, written by scripts/check-api.py --record.\n"
            path.write_text(header + "".join(line + "\n" for line in current))
            continue
        old = recorded(path)
        # The two versions of a changed declaration are next to each other, because they have the same name.
        changes = [("-", line) for line in set(old) - set(current)] + [("+", line) for line in set(current) - set(old)]
        changes.sort(key=lambda change: (change[1].partition(": ")[0], change[0] == "+", change[1]))
        if changes:
            changed = True
            print(f"The public API of {module} has changed:")
            for sign, line in changes:
                print(f"  {sign} {line}")
    if options.record:
        print(f"recorded {count} declarations and conformances")
        return 0
    if changed:
        print(
            "\nA line with - was removed or changed, which can break programs that use it; a line with + is new.\n"
            "If the change is intended, run scripts/check-api.py --record, commit the files in API with it, and\n"
            "describe it in CHANGELOG.md. Documentation/PublicAPI.md says which changes a release can have.")
        return 1
    print(f"{count} public declarations and conformances, as in the baseline")
    return 0


if __name__ == "__main__":
    sys.exit(main())
