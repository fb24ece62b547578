#!/usr/bin/env python3
"""Checks that a module's page lists every public symbol of its top level among its topics.
Exits with 1 and a list otherwise; see build-documentation.sh.
"""

import json
import pathlib
import sys


def main(graph, page):
    symbols = json.loads(pathlib.Path(graph).read_text())["symbols"]
    names = sorted({symbol["pathComponents"][0] for symbol in symbols if len(symbol["pathComponents"]) == 1})
    topics = pathlib.Path(page).read_text().partition("## Topics")[2]
    listed = [line[len("- ``") :] for line in topics.split("\n") if line.startswith("- ``")]
    # A link may say more than the name: which of several it is.
    missing = [name for name in names if not any(link.rstrip("`").partition("-")[0] == name for link in listed)]
    for name in missing:
        print(f"{page}: the topics lack ``{name}``")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
