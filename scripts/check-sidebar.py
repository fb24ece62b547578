#!/usr/bin/env python3
"""Checks that the entries of a page in the sidebar of the built documentation can be told apart:

    scripts/check-sidebar.py .build/documentation/AsyncIO.doccarchive

Overloads get the same title if their declarations differ only in what a title leaves out. Give one of
them another name, or another label.
"""

import collections
import json
import pathlib
import sys


def duplicates(node, path):
    """The titles that occur more than once below a node, each with the page that lists them."""
    children = [child for child in node.get("children", []) if child.get("type") != "groupMarker"]
    for title, count in collections.Counter(child["title"] for child in children).items():
        if count > 1:
            yield f"{' > '.join(path)}: {count} entries are called “{title}”"
    for child in children:
        yield from duplicates(child, [*path, child["title"]])


def main():
    index = json.loads((pathlib.Path(sys.argv[1]) / "index" / "index.json").read_text())
    found = [line for root in index["interfaceLanguages"]["swift"] for line in duplicates(root, [root["title"]])]
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
