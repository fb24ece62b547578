#!/usr/bin/env python3
"""Checks that every Swift block in the README and in the DocC catalogs is contained, word for
word, in a compiled file: in Tests/Documentation, in an example, or in a manifest in
Tests/Documentation. Otherwise prints a list and exits with status 1.

A block as a whole can be indented differently than in the file. Imports at the beginning of a block
count as found if the file has the same imports. To change a block, change both places.
"""

import pathlib
import re
import subprocess
import sys
import textwrap

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("Sources/*/*.docc/**/*.md"))]
BLOCK = re.compile(r"^```swift\n(.*?)^```$", re.DOTALL | re.MULTILINE)
MANIFESTS = sorted(ROOT.glob("Tests/Documentation/*/Package.swift"))


def compiled():
    """The sources of the tests and the examples, and the manifests, as lists of lines."""
    paths = [*ROOT.glob("Tests/Documentation/*.swift"), *ROOT.glob("Tests/Documentation/Isolation/*/*.swift"), *ROOT.glob("Examples/**/*.swift"), *MANIFESTS]
    return [path.read_text().split("\n") for path in sorted(paths) if ".build" not in path.parts]


def split(block):
    """The imports at the beginning of the block, and the rest."""
    lines = textwrap.dedent(block).rstrip("\n").split("\n")
    imports = []
    while lines and (lines[0].startswith("import ") or (imports and not lines[0])):
        imports.append(lines.pop(0))
    return {line for line in imports if line}, lines


def stands(lines, file):
    """Whether the file contains the lines consecutively, with the same relative indentation."""
    for start, line in enumerate(file):
        if not line.endswith(lines[0]) or line[: len(line) - len(lines[0])].strip():
            continue
        indentation = line[: len(line) - len(lines[0])]
        wanted = [indentation + line if line else "" for line in lines]
        if file[start : start + len(lines)] == wanted:
            return True
    return False


def main():
    files = compiled()
    wrong, count = [], 0
    for page in PAGES:
        text = page.read_text()
        for match in BLOCK.finditer(text):
            count += 1
            imports, lines = split(match[1])
            if not any(imports <= set(file) and stands(lines, file) for file in files):
                number = text.count("\n", 0, match.start()) + 1
                wrong.append(f"{page.relative_to(ROOT)}:{number}: no compiled file contains this block: {lines[0].strip()} …")
    for manifest in MANIFESTS:
        command = ["swift", "package", "--package-path", str(manifest.parent), "dump-package"]
        outcome = subprocess.run(command, capture_output=True, text=True)
        if outcome.returncode:
            wrong.append(f"{manifest.relative_to(ROOT)} is not a valid manifest:\n{outcome.stderr}")
    for line in wrong:
        print(line)
    if wrong:
        return 1
    print(f"{count} Swift blocks, each in a compiled file")
    return 0


if __name__ == "__main__":
    sys.exit(main())
