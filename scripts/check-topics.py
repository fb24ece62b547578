#!/usr/bin/env python3
"""Checks that the topics of a module's page list every public top-level symbol. Otherwise prints
a list and exits with status 1. See build-documentation.sh.
"""

import json
import pathlib
import sys


def main(graph, page):
    symbols = json.loads(pathlib.Path(graph).read_text())["symbols"]
    names = sorted({symbol["pathComponents"][0] for symbol in symbols if len(symbol["pathComponents"]) == 1})
    topics = pathlib.Path(page).read_text().partition("## Topics")[2]
    listed = [line[len("- ``") :] for line in topics.split("\n") if line.startswith("- ``")]
    # A link can have a suffix that distinguishes symbols with the same name.
    missing = [name for name in names if not any(link.rstrip("`").partition("-")[0] == name for link in listed)]
    for name in missing:
        print(f"{page}: ``{name}`` is missing from the topics")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
