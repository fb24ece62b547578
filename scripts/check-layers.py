#!/usr/bin/env python3
"""Checks that the sources keep to their layers. Otherwise prints a list and exits with status 1.

    scripts/check-layers.py             check the sources, and the picture in ARCHITECTURE.md
    scripts/check-layers.py --update    the same, but draw the layers in ARCHITECTURE.md first
    scripts/check-layers.py --table     print what each layer contains, and what it uses, as a table

A file in Sources/AsyncIO can name what its own layer and the layers below it declare: types, free
functions and variables, and members that an extension adds to a type. Layers in one line of LAYERS
are siblings, which must not name each other. A module can import only the modules in MODULES. Only
the files in CSHIMS import the C module. Only files in a directory `Runtime`, C files named `runtime`,
and the files in RUNTIME use the SPI and the symbols of the Swift runtime.

The script does not know what the compiler knows: it finds declarations by name, and the type of a
receiver by the annotations of variables. Where a name can mean several declarations, the script
assumes one that the file can use. So what it reports is a mistake, but it does not find every
mistake. It never sees operators, subscripts, initializers, and conformances. It needs only the
standard library.
"""

import argparse
import collections
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

# The layers of AsyncIO, from the bottom. A line of the table is a line of the picture: directories in
# Sources/AsyncIO, and what they contain.
KERNEL = [
    ("Runtime", "the only access to Swift's runtime"),
    ("Loop", "the turn, timers, inbox, running"),
    ("Descriptors", "waiting for a descriptor, I/O budget"),
    ("VirtualTime", "time that jumps, seeded schedules"),
    ("Waiting", "the one way to wait, and the queue"),
    ("Tasks", "futures, tasks, groups, timeouts"),
    ("Reports", "uncaught errors, places in code"),
]
LAYERS = [
    ("Sync", "Lock, Event, Condition, Semaphore"),
    ("Queues", "Queue, LIFOQueue, PriorityQueue"),
    ("Combining", "gather, wait, race, retry, shield"),
    ("Jobs", "work queues and their workers"),
    ("Generators", "asynchronous generators"),
    ("Threads", "the pool, toThread, submit"),
    ("Signals, Bytes", "signals; buffers, lines, text"),
    ("Files", "on a ring, or on threads"),
    ("Network", "streams, transports, servers, TLS"),
    ("Processes", "subprocesses, terminals"),
    ("Debug", "call graphs, watchdog, inspection"),
    ("Ecosystem", "behind traits: metrics, services"),
    ("Programs", "run, main, Runner, workers"),
]

# The directories in Sources, from the bottom, and the modules of this package that each can import.
MODULES = {
    "CShims": [],
    "CAsyncIOMain": ["CShims"],
    "CAsyncIOTesting": [],
    "AsyncIOSystem": ["CShims"],
    "AsyncIO": ["CShims", "AsyncIOSystem"],
    "AsyncIOMain": ["CAsyncIOMain", "AsyncIO"],
    "AsyncIOTesting": ["CAsyncIOTesting", "AsyncIOSystem", "AsyncIO", "AsyncIOMain"],
    "AsyncIORedis": ["AsyncIO"],
    "asyncio": ["AsyncIOSystem"],
    "rexasyncio": ["AsyncIOSystem", "AsyncIO"],
}
CSHIMS = ("Sources/AsyncIOSystem/", "Sources/AsyncIO/Runtime/")

# The other files that use symbols of the Swift runtime, and why.
RUNTIME = {
    "Sources/CAsyncIOMain/constructor.c": "replaces swift_job_run in programs that link the module",
    "Sources/CAsyncIOTesting/constructor.c": "counts references in tests",
}

# (path in Sources/AsyncIO, name): why this file can use a name of a layer that is not below.
EXCEPTIONS = {}

KERNEL_NAME = "the kernel"
# From a directory to the layer, and from a layer to its place.
LAYER_OF = {directory: KERNEL_NAME for directory, _ in KERNEL}
LEVEL = {KERNEL_NAME: 0}
for level, (siblings, _) in enumerate(LAYERS, 1):
    for layer in siblings.split(", "):
        LAYER_OF[layer] = layer
        LEVEL[layer] = level


def can_use(user, used):
    return user == used or LEVEL[used] < LEVEL[user]


# MARK: Reading a file

# A word (a name, keyword, or number), a quoted word, a mark (one character), or a string.
Token = collections.namedtuple("Token", "kind text line end")

WORD = re.compile(r"[^\W\d]\w*|\$\w+|\d\w*")
STRING = re.compile(r'(#*)("""|")')


def tokens(text, is_c=False):
    """The tokens of a file, without comments. The code in a string's interpolations is included."""
    found, at, line = [], 0, 1
    # The strings whose interpolations are open: the delimiter and its hashes, the line on which the string
    # begins, and the number of open parentheses.
    within = []

    def read_string(begin, delimiter, hashes, first):
        """Reads on in a string, and returns where it ends or an interpolation starts."""
        nonlocal line
        end, escape, at = delimiter + hashes, "\\" + hashes, begin
        while at < len(text):
            if text.startswith(end, at):
                found.append(Token("string", text[begin:at], first, at + len(end)))
                return at + len(end)
            if text.startswith(escape, at):
                at += len(escape)
                if not is_c and text.startswith("(", at):
                    within.append([delimiter, hashes, first, 1])
                    found.append(Token("mark", "(", line, at + 1))
                    return at + 1
                if text.startswith("\n", at):
                    line += 1
                at += 1
                continue
            if text[at] == "\n":
                if delimiter == '"':
                    return at  # It was not a string.
                line += 1
            at += 1
        return at

    while at < len(text):
        character = text[at]
        if character == "\n":
            line += 1
            at += 1
        elif character.isspace():
            at += 1
        elif text.startswith("//", at):
            at = (text.find("\n", at) + 1 or len(text) + 1) - 1
        elif text.startswith("/*", at):
            depth, begin = 1, at
            at += 2
            while at < len(text) and depth:
                if text.startswith("/*", at) and not is_c:
                    depth, at = depth + 1, at + 2
                elif text.startswith("*/", at):
                    depth, at = depth - 1, at + 2
                else:
                    at += 1
            line += text.count("\n", begin, at)
        elif is_c and character == "'":
            at = re.compile(r"'(?:\\.|[^'\n])*'|'").match(text, at).end()
        elif string := STRING.match(text, at):
            delimiter = '"' if is_c else string[2]
            at = read_string(at + len(string[1]) + len(delimiter), delimiter, string[1], line)
        elif word := WORD.match(text, at):
            at = word.end()
            found.append(Token("word", word[0], line, at))
        elif character == "`":
            end = text.index("`", at + 1)
            found.append(Token("quoted", text[at + 1 : end], line, end + 1))
            at = end + 1
        else:
            at += 1
            found.append(Token("mark", character, line, at))
            if within and character == "(":
                within[-1][3] += 1
            elif within and character == ")":
                within[-1][3] -= 1
                if not within[-1][3]:
                    delimiter, hashes, first, _ = within.pop()
                    at = read_string(at, delimiter, hashes, first)
    return found


# MARK: Declarations

TYPES = {"class", "struct", "enum", "protocol", "actor"}
MODIFIERS = {
    "public", "package", "internal", "private", "fileprivate", "open", "static", "class", "final", "override",
    "mutating", "nonmutating", "nonisolated", "unowned", "weak", "lazy", "convenience", "required", "dynamic",
    "indirect", "borrowing", "consuming", "unsafe", "safe", "set", "prefix", "postfix", "infix", "distributed",
}
# Some modifiers are also common names.
KEYWORDS = MODIFIERS - {"set", "unsafe", "safe", "open", "package", "required", "prefix", "postfix"} | {
    "class", "struct", "enum", "protocol", "extension", "func", "var", "let", "case", "typealias", "associatedtype",
    "init", "deinit", "subscript", "operator", "import", "if", "else", "guard", "switch", "default", "for", "in",
    "while", "repeat", "break", "continue", "fallthrough", "return", "throw", "throws", "rethrows", "try", "await",
    "async", "do", "catch", "defer", "where", "as", "is", "some", "any", "inout", "self", "Self", "super", "true",
    "false", "nil",
}

Declaration = collections.namedtuple("Declaration", "name kind layer path line owner is_private is_static type")
Scope = collections.namedtuple("Scope", "mark type")  # `type` is the name of a type whose members the scope contains


class File:
    """The tokens of a Swift file, and what it declares."""

    def __init__(self, path, text):
        self.path = path  # relative to the root
        self.parts = pathlib.PurePath(path).parts
        self.layer = LAYER_OF.get(self.parts[2]) if self.parts[1] == "AsyncIO" and len(self.parts) > 3 else None
        self.lines = text.count("\n")
        self.tokens = tokens(text)
        self.declarations = []  # at top level, and members
        self.inherited = collections.defaultdict(set)  # from a type to its superclass and protocols
        # Names that have a meaning of their own here, as (section, name): parameters and variables in the
        # section of their function or property, generic parameters and private types in the whole file.
        self.own = set()
        self.sections = []  # of each token: the number of the function or property that it is in
        self.annotated = collections.defaultdict(set)  # from the name of a variable to its types
        self.declared = set()  # the indices of declared names
        self.enclosing = []  # of each token: the types it is in, innermost first
        self.read()

    def word(self, index):
        """The name at this index, or an empty string."""
        if 0 <= index < len(self.tokens) and self.tokens[index].kind in ("word", "quoted"):
            return self.tokens[index].text
        return ""

    def text(self, index):
        if 0 <= index < len(self.tokens) and self.tokens[index].kind != "string":
            return self.tokens[index].text
        return ""

    def before_dot(self, index):
        """The index of what stands before the dot before this index: `it.name`, `it?.name`, `it!.name`."""
        return index - (3 if self.text(index - 2) in ("?", "!") else 2)

    def is_label(self, index):
        """Whether the name at this index is the label of an argument or of a parameter: `wait: 1`, `wait time: Int`."""
        if self.text(index)[0].isupper():
            return False
        if self.text(index + 1) == ":":
            return self.tokens[index].end + 1 == self.tokens[index + 1].end
        following = self.word(index + 1)
        return self.text(index - 1) in ("(", ",") and following != "" and following not in KEYWORDS

    def modifiers(self, index):
        """The modifiers and attributes before the keyword of a declaration."""
        found, index = set(), index - 1
        while index >= 0:
            text = self.text(index)
            if text == ")":
                while index > 0 and self.text(index) != "(":
                    index -= 1
                if self.text(index - 1) in ("private", "fileprivate", "internal", "package"):
                    index -= 1  # private(set) concerns only the setter.
            elif text in MODIFIERS or self.text(index - 1) == "@":
                found.add(text)
            elif text != "@":
                break
            index -= 1
        return found

    def annotation(self, index):
        """The name of the type after the colon or the equals sign at this index, or None."""
        index += 1
        while self.text(index) in ("any", "some", "inout", "borrowing", "consuming", "sending", "isolated", "(", "@"):
            index += 2 if self.text(index) == "@" else 1
        name = self.word(index)
        while name and self.text(index + 1) == "." and self.word(index + 2):
            index += 2
            name = self.word(index)
        return name if name[:1].isupper() else None

    def is_own(self, index):
        """Whether the name at this index means something in this file only."""
        return bool({(None, self.word(index)), (self.sections[index], self.word(index))} & self.own)

    def parameters(self, index):
        """Notes the names of the parameters of the function whose name is before this index."""
        while self.text(index) not in ("(", "{", ""):
            index += 1
        depth = 0
        while index < len(self.tokens):
            depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(self.text(index), 0)
            if depth <= 0:
                return
            if depth == 1 and self.text(index + 1) == ":" and self.word(index):
                self.own.add((self.section, self.word(index)))
            index += 1

    def generic_parameters(self, index):
        """Notes the names in the angle brackets at this index."""
        if self.text(index) != "<":
            return
        depth = 0
        while index < len(self.tokens):
            text = self.text(index)
            depth += {"<": 1, ">": -1}.get(text, 0)
            if text == "-" and self.text(index + 1) == ">":
                index += 1
            elif depth == 0:
                return
            elif depth == 1 and text in ("<", ","):
                self.own.add((None, self.word(index + (2 if self.word(index + 1) in ("each", "let") else 1))))
            index += 1

    def declare(self, index, kind, scopes, modifiers, type=None):
        """Notes the declaration of the name at this index."""
        name = self.word(index)
        scope = scopes[-1] if scopes else None
        self.declared.add(index)
        if scope and not scope.type:
            self.own.add((self.section, name))
            return
        is_private = bool(modifiers & {"private", "fileprivate"})
        if is_private and not scope:
            self.own.add((None, name))
        self.declarations.append(
            Declaration(
                name, kind, self.layer, self.path, self.tokens[index].line, scope.type if scope else None, is_private,
                bool(modifiers & {"static", "class"}) or kind in ("case", "type"), type))

    def read(self):
        scopes, pending, self.section = [], None, 0
        count = len(self.tokens)
        for index in range(count):
            token = self.tokens[index]
            enclosing = [scope.type for scope in reversed(scopes) if scope.type]
            self.enclosing.append(enclosing)
            text, following = token.text, self.word(index + 1)
            if text in ("func", "init", "subscript", "var", "let") and (not scopes or scopes[-1].type):
                self.section += 1
            self.sections.append(self.section)
            if token.kind == "mark":
                if text in "([":
                    scopes.append(Scope(text, None))
                elif text == "{":
                    scopes.append(Scope(text, pending))
                    pending = None
                elif text in ")]}" and scopes:
                    scopes.pop()
                    if text == "}":
                        pending = None
                elif text == ":" and self.word(index - 1):
                    type = self.annotation(index)
                    if type:
                        self.annotated[self.word(index - 1)].add(type)
                continue
            if token.kind != "word" or self.text(index - 1) in (".", "@", "#") or self.text(index + 1) == ":":
                continue
            is_type = text in TYPES and following and following not in KEYWORDS
            if is_type and (text != "actor" or self.text(index + 2) in ("<", ":", "{")):
                self.declare(index + 1, "type", scopes, self.modifiers(index))
                self.generic_parameters(index + 2)
                pending = following
                self.inherit(following, index + 2)
            elif text == "extension" and following:
                end = index + 1
                while self.text(end + 1) == "." and self.word(end + 2):
                    end += 2
                pending = self.word(end)
                self.inherit(pending, end + 1)
            elif text in ("typealias", "associatedtype") and following:
                self.declare(index + 1, "type", scopes, self.modifiers(index))
                self.generic_parameters(index + 2)
            elif text == "func" and following:
                self.declare(index + 1, "function", scopes, self.modifiers(index))
                self.generic_parameters(index + 2)
                self.parameters(index + 2)
            elif text in ("init", "subscript"):
                self.generic_parameters(index + (2 if self.text(index + 1) in ("?", "!") else 1))
                self.parameters(index + 1)
            elif text in ("let", "var"):
                if following:
                    type = self.annotation(index + 2) if self.text(index + 2) in (":", "=") else None
                    if type and self.text(index + 2) == "=":
                        type = type if self.text(index + 4) == "(" else None
                        self.annotated[following] |= {type} - {None}
                    self.declare(index + 1, "variable", scopes, self.modifiers(index), type)
                elif self.text(index + 1) == "(":
                    self.own_until(index + 1, ")")
            elif text == "for" and self.text(index - 1) not in ("(", ","):
                self.own_until(index, "in")
            elif text == "in":
                self.own_before(index)
            elif text == "case" and scopes and scopes[-1].type:
                self.declare_cases(index, scopes)

    def inherit(self, name, index):
        """Notes the superclass and the protocols of a type."""
        if self.text(index) == "<":
            depth = 0
            while index < len(self.tokens):
                depth += {"<": 1, ">": -1}.get(self.text(index), 0)
                index += 1
                if not depth:
                    break
        if self.text(index) != ":":
            return
        while index < len(self.tokens) and self.text(index) not in ("{", "where"):
            if self.word(index) and self.word(index) not in KEYWORDS and self.text(index + 1) != ".":
                self.inherited[name].add(self.word(index))
            index += 1

    def declare_cases(self, index, scopes):
        """Declares the cases of an enum, `case one, two(Int), three = 3`."""
        index += 1
        while self.word(index):
            self.declare(index, "case", scopes, set())
            index += 1
            depth = 0
            while index < len(self.tokens) and (depth or self.text(index) in ("(", "=") or self.text(index - 1) == "="):
                depth += {"(": 1, ")": -1}.get(self.text(index), 0)
                index += 1
            if self.text(index) != ",":
                return
            index += 1

    def own_until(self, index, end):
        """Notes the names of a pattern."""
        while index < len(self.tokens) and self.text(index) != end:
            if self.word(index) and self.word(index)[0].islower():
                self.own.add((self.section, self.word(index)))
            index += 1

    def own_before(self, index):
        """Notes the parameters of a closure, `{ one, two in`, `{ [three] (four) -> Five in`."""
        line = self.tokens[index].line
        while index > 0 and self.tokens[index - 1].line == line and self.text(index) != "{":
            index -= 1
            if self.word(index) and self.word(index)[0].islower():
                self.own.add((self.section, self.word(index)))


# MARK: Uses

Use = collections.namedtuple("Use", "name owner layers line")  # `owner` is the type of a member, or None


class Package:
    """All declarations of the package, and what its files use of them."""

    def __init__(self, root):
        modules = [root / "Sources" / module for module in ("AsyncIOSystem", "AsyncIO")]
        paths = sorted(path for module in modules for path in module.rglob("*.swift"))
        self.files = [File(path.relative_to(root).as_posix(), path.read_text()) for path in paths]
        self.top = collections.defaultdict(list)  # by name, declarations at top level
        self.members = collections.defaultdict(list)  # by (type, name)
        self.member_names = collections.defaultdict(list)  # by name
        self.ancestors = collections.defaultdict(set)
        self.annotated = collections.defaultdict(set)
        for file in self.files:
            for one in file.declarations:
                if one.owner is None:
                    self.top[one.name].append(one)
                else:
                    self.members[one.owner, one.name].append(one)
                    self.member_names[one.name].append(one)
            for name, types in file.inherited.items():
                self.ancestors[name] |= types
            for name, types in file.annotated.items():
                self.annotated[name] |= types

    def found_members(self, type, name):
        """The declarations of a member of a type, of its superclasses, and of its protocols."""
        found, seen, waiting = [], set(), [type]
        while waiting:
            one = waiting.pop()
            if one not in seen:
                seen.add(one)
                found += self.members.get((one, name), [])
                waiting += self.ancestors.get(one, ())
        return found

    def type_of(self, file, index):
        """The type of the expression whose last name is at this index, or None."""
        name = file.word(index)
        if not name or name in KEYWORDS - {"self", "Self", "super"}:
            return None
        enclosing = file.enclosing[index]
        if file.text(index - 1) == ".":
            owner = self.type_of(file, file.before_dot(index))
            if owner and name[0].isupper():
                return name
            types = {one.type for one in self.found_members(owner, name)} if owner else self.annotated.get(name, set())
        elif name in ("self", "Self", "super"):
            return enclosing[0] if enclosing else None
        elif name[0].isupper():
            return name
        else:
            types = file.annotated.get(name)
            for type in enclosing if not types else ():
                types = types or {one.type for one in self.found_members(type, name)}
            types = types or self.annotated.get(name, set())
        return next(iter(types)) if len(types) == 1 else None

    def uses(self, file):
        """What the file uses of the declarations of AsyncIO's layers."""
        for index, token in enumerate(file.tokens):
            name = file.word(index)
            if not name[:1].isidentifier() or (token.kind == "word" and name in KEYWORDS):
                continue
            if index in file.declared or file.text(index - 1) in ("import", "#"):
                continue
            if file.text(index - 1) == "." and file.text(index - 2) != ".":
                found = self.member(file, index)
            else:
                found = [] if file.is_label(index) else self.bare(file, index)
            layers = {one.layer for one in found if one.path == file.path or not one.is_private}
            if layers and None not in layers:
                yield Use(name, found[0].owner, layers, token.line)

    def member(self, file, index):
        """The declarations that `receiver.name` can mean."""
        name, before = file.word(index), file.before_dot(index)
        if file.text(before) == "AsyncIO":
            return self.top.get(name, [])
        receiver = self.type_of(file, before)
        found = self.found_members(receiver, name) if receiver else []
        if found:
            return found
        # The type of the receiver is not known. A name that only extensions in one layer declare means one of
        # them, unless it is a single word, because a type of another package can have such a member too.
        found = self.member_names.get(name, [])
        is_added = len({one.layer for one in found}) == 1 and not any(self.is_in_layer_of_owner(one) for one in found)
        if not is_added or name.islower():
            return []
        is_implicit = not file.word(before) and file.text(before) not in (")", "]", "}", ">")
        return [one for one in found if one.is_static] if is_implicit else found

    def is_in_layer_of_owner(self, member):
        """Whether a member is in the layer of its type."""
        return member.layer in {type.layer for type in self.top.get(member.owner, ())}

    def bare(self, file, index):
        """The declarations that a name without a receiver can mean."""
        name = file.word(index)
        if file.is_own(index):
            return []
        for type in file.enclosing[index]:
            found = self.found_members(type, name)
            if found:
                return found
        is_call = file.text(index + 1) in ("(", "{", "<")
        return [one for one in self.top.get(name, ()) if is_call or one.kind != "function"]


# MARK: Checks


def wrong_uses(package):
    """(file, use) for what is declared only in layers that the file cannot use."""
    for file in package.files:
        if not file.layer:
            continue
        found = {}
        for use in package.uses(file):
            if not any(can_use(file.layer, layer) for layer in use.layers):
                found.setdefault(use.name, use)
        reported = set()
        for use in found.values():
            # A type is reported once: itself, or if the file does not name it, one of its members.
            owners = [one.layer for one in package.top.get(use.owner, ())]
            if owners and not any(layer is None or can_use(file.layer, layer) for layer in owners):
                if use.owner in found or use.owner in reported:
                    continue
                reported.add(use.owner)
            yield file, use


def check_uses(package, exceptions):
    """Whether the files of AsyncIO use only what is in their layers and below."""
    unused = set(exceptions)
    for file, use in wrong_uses(package):
        key = ("/".join(file.parts[2:]), use.name)
        if key in exceptions:
            unused.discard(key)
            continue
        name = f"{use.owner}.{use.name}" if use.owner else use.name
        layer = min(use.layers, key=LEVEL.get)
        position = "above" if LEVEL[layer] > LEVEL[file.layer] else "beside"
        yield f"{file.path}:{use.line}: {name} is declared in {layer}, {position} {file.layer}"
    for path, name in sorted(unused):
        yield f"Sources/AsyncIO/{path}: does not use {name}; remove the exception in scripts/check-layers.py"


def check_directories(root):
    """Whether the tables name what is there."""
    for path in sorted((root / "Sources").iterdir()):
        if path.is_dir() and path.name not in MODULES:
            yield f"{path.relative_to(root)}: not in the table of modules in scripts/check-layers.py"
    base = root / "Sources" / "AsyncIO"
    for path in sorted(base.rglob("*.swift")):
        if path.relative_to(base).parts[0] not in LAYER_OF:
            yield f"{path.relative_to(root)}: not in a directory of the table of layers in scripts/check-layers.py"
    for directory in LAYER_OF:
        if not any((base / directory).rglob("*.swift")):
            yield f"Sources/AsyncIO/{directory}: in the table of layers, but has no Swift files"


SYMBOL = re.compile(r"_?swift_[A-Za-z]\w{2,}|\$s\w{3,}")
DECLARED_BY = {"struct", "class", "enum", "protocol", "func", "var", "let", "typealias"}


def check_imports(root):
    """Whether modules import what they can, and who uses the C module and the Swift runtime."""
    for path in sorted((root / "Sources").rglob("*")):
        if path.suffix not in (".swift", ".c", ".h"):
            continue
        place, is_swift = path.relative_to(root).as_posix(), path.suffix == ".swift"
        module = place.split("/")[1]
        directories = place.split("/")[2:-1]
        is_runtime = place in RUNTIME or "runtime" in [name.lower() for name in directories]
        is_runtime |= not is_swift and path.stem == "runtime"
        found = tokens(path.read_text(), is_c=not is_swift)
        symbols = set()
        for index, (kind, text, line, _) in enumerate(found):
            following = [token.text for token in found[index + 1 : index + 3]] + ["", ""]
            if is_swift and kind == "word" and text == "import":
                name = following[1] if following[0] in DECLARED_BY else following[0]
                if name == "CShims" and not place.startswith(CSHIMS):
                    yield f"{place}:{line}: only {' and '.join(CSHIMS)} import CShims"
                elif name in MODULES and name != module and name not in MODULES.get(module, MODULES):
                    yield f"{place}:{line}: {module} must not import {name}"
            if is_runtime:
                continue
            if is_swift and text == "@" and following[0] == "_spi":
                yield f"{place}:{line}: only files in a directory Runtime use an SPI"
            elif kind in ("word", "string") and SYMBOL.fullmatch(text) and text not in symbols:
                symbols.add(text)
                yield f"{place}:{line}: only files in a directory Runtime use symbols of the Swift runtime: {text}"


# MARK: The picture

BOX = re.compile(r"(?P<before>^ *\|  AsyncIO +\|.*\n)(?P<lines>(?:^ *\|.*\|.*\n)*?)(?P<after>^ *\+-+\+)", re.MULTILINE)
NAMES, WIDTH = 16, 59


def picture():
    """The lines of the box of AsyncIO, without its frame."""
    lines = [""]
    for names, contents in reversed(LAYERS):
        lines.append(f"   {names:<{NAMES}}{contents}")
    lines.append("   " + "-" * (WIDTH - 5))
    for names, contents in reversed(KERNEL):
        lines.append(f"   {names:<{NAMES}}{contents}")
    return [line.ljust(WIDTH) for line in lines]


def drawn(box):
    """The lines between the frame's sides."""
    return [line.split("|")[1] for line in box["lines"].splitlines()]


def check_picture(root):
    path = root / "ARCHITECTURE.md"
    box = BOX.search(path.read_text())
    if not box:
        yield "ARCHITECTURE.md: there is no picture with a box AsyncIO"
    elif drawn(box) != picture():
        yield "ARCHITECTURE.md: the picture does not show the layers in scripts/check-layers.py; run it with --update"


def update(root):
    path = root / "ARCHITECTURE.md"
    text = path.read_text()
    box = BOX.search(text)
    if not box:
        raise SystemExit("ARCHITECTURE.md: there is no picture with a box AsyncIO")
    margin = box["before"].split("|")[0]
    lines = "".join(f"{margin}|{line}|\n" for line in picture())
    path.write_text(text[: box.start("lines")] + lines + text[box.end("lines") :])


def table(package):
    """The layers from the top, with their size and the number of names that they use of each layer below."""
    used = collections.defaultdict(lambda: collections.defaultdict(set))
    for file in package.files:
        for use in package.uses(file) if file.layer else ():
            layers = {layer for layer in use.layers if can_use(file.layer, layer)} or use.layers
            if len(layers) == 1 and file.layer not in layers:
                used[file.layer][next(iter(layers))].add(use.name)
    yield "| Layer | Files | Lines | Uses |"
    yield "| --- | ---: | ---: | --- |"
    for layer in sorted(LEVEL, key=LEVEL.get, reverse=True):
        files = [file for file in package.files if file.layer == layer]
        below = sorted(used[layer].items(), key=lambda item: -LEVEL[item[0]])
        uses = ", ".join(f"{name} {len(names)}" for name, names in below)
        yield f"| {layer} | {len(files)} | {sum(file.lines for file in files)} | {uses} |"


def check(root, exceptions=EXCEPTIONS):
    """Everything that is wrong, in words."""
    return [
        *check_directories(root), *check_uses(Package(root), exceptions), *check_imports(root), *check_picture(root)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--update", action="store_true", help="draw the layers in ARCHITECTURE.md first")
    parser.add_argument("--table", action="store_true", help="print the layers as a table, and check nothing")
    options = parser.parse_args()
    if options.table:
        print("\n".join(table(Package(ROOT))))
        return 0
    if options.update:
        update(ROOT)
    wrong = check(ROOT)
    for line in wrong:
        print(line)
    if wrong:
        return 1
    print(f"{len(LEVEL)} layers, each of which uses only those below it")
    return 0


if __name__ == "__main__":
    sys.exit(main())
