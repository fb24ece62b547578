#!/usr/bin/env python3
"""Generates the performance page and the figures in the README from the recorded results.

    python3 Benchmarks/report.py              # fill in the tables and draw the charts
    python3 Benchmarks/report.py --targets    # print the targets and which of them are met
    python3 Benchmarks/report.py --check      # exit with status 1 if a page or a chart is out of date

The page is Documentation/Performance.md. It consists of prose and of blocks between `<!-- begin NAME -->` and
`<!-- end NAME -->`, which this script fills in. The charts are in the folder beside it. Benchmarks/TARGETS.md has the
targets, in a block of the same kind. In README.md, the script fills in some rows of the comparison and one bullet; see
README_ROWS. The results are in Benchmarks/results/peers.json, which record.py writes, and in loops.json, which loops.py
writes. Every figure is a median (of two samples, the lower one).
"""
import argparse
import json
import os
import re
import statistics
import sys
import textwrap

import charts

HERE = os.path.dirname(os.path.abspath(__file__))
RESULTS = os.path.join(HERE, "results", "peers.json")
LOOPS_RESULTS = os.path.join(HERE, "results", "loops.json")
PAGE = os.path.join(os.path.dirname(HERE), "Documentation", "Performance.md")
TARGETS_PAGE = os.path.join(HERE, "TARGETS.md")
README = os.path.join(os.path.dirname(HERE), "README.md")
PICTURES = os.path.join(os.path.dirname(PAGE), "Performance")

# The names that the harness uses, and the names for readers.
NAMES = {
    "ours": "swift-asyncio",
    "ours-static": "swift-asyncio, static",
    "ours-proto": "swift-asyncio, protocols",
    "asyncio": "asyncio",
    "asyncio-proto": "asyncio, protocols",
    "uvloop": "uvloop",
    "uvloop-proto": "uvloop, protocols",
    "swift-stock": "Swift's executor",
    "nio": "SwiftNIO, handlers",
    "nio-async": "SwiftNIO, NIOAsyncChannel",
    "nio-loop": "SwiftNIO, tasks on its loop",
    "tokio": "tokio",
    "go": "Go",
    "node": "Node.js",
    "libuv": "libuv",
    "c-epoll": "raw epoll in C",
    "c-uring": "raw io_uring in C",
}
OURS = ("ours", "ours-static", "ours-proto")

# Operations: the name in the harness, the title on the page, the field, the unit.
OPERATIONS = [
    ("spawn", "start and await a task", "cpu_ns_per_op", "ns"),
    ("switch", "switch tasks, sleep(.zero)", "cpu_ns_per_op", "ns"),
    ("pingpong", "round trip through two queues", "cpu_ns_per_op", "ns"),
    ("lock", "acquire a lock, yield, release it", "cpu_ns_per_op", "ns"),
    ("timers", "set and cancel a timer, 1,000 pending", "cpu_ns_per_op", "ns"),
    ("timers_live", "set and cancel a timer, all pending", "cpu_ns_per_op", "ns"),
]
SIZES, CONNECTIONS = (64, 1024, 16384, 102400), (10, 100, 1000)


def size_name(size):
    return f"{size // 1024} KiB" if size >= 1024 else f"{size} B"


class Results:
    """The recorded samples, and their medians."""

    def __init__(self, path):
        with open(path) as file:
            data = json.load(file)
        self.meta, self.samples = data["meta"], data["samples"]

    def values(self, peer, bench, field, params=None):
        return [
            sample["result"][field]
            for sample in self.samples
            if sample["peer"] == peer and sample["bench"] == bench and "result" in sample
            and (params is None or sample["params"] == params)
        ]

    def median(self, peer, bench, field, params=None):
        values = self.values(peer, bench, field, params)
        return statistics.median_low(values) if values else None  # the lower of two, not their mean: one of them may be spoiled

    def peers(self, bench):
        present = {sample["peer"] for sample in self.samples if sample["bench"] == bench and "result" in sample}
        return [peer for peer in NAMES if peer in present]

    def echo(self, peer, field, size, connections):
        return self.median(peer, "echo", field, {"size": size, "conns": connections})


# ---- targets ----

def ratio_worst(results, ours, peer, bench, field, cells):
    """The largest ratio of our figure to a peer's over the cells, with its cell; None if a figure is missing."""
    found = []
    for params in cells:
        mine, theirs = results.median(ours, bench, field, params), results.median(peer, bench, field, params)
        if mine is None or theirs is None:
            return None
        found.append((mine / theirs, params))
    return max(found, key=lambda pair: pair[0])


def grid(sizes):
    return [{"size": size, "conns": connections} for size in sizes for connections in CONNECTIONS]


CPU, REQUEST, MEMORY, CONNECTION = "cpu_ns_per_op", "server_cpu_us_per_req", "bytes_per_task", "bytes_per_conn"
# The work; the benchmark, field, and cells in the harness; then the musts and the aims. Each is a
# (largest ratio, its text, peer) or a (largest value, its text, None, field).
TARGETS = [
    ("echo through streams, 64 B to 16 KiB", "echo", REQUEST, grid(SIZES[:3]),
     [(1.15, "1.15 ×", "c-epoll"), (0.65, "0.65 ×", "uvloop")], [(1.03, "1.03 ×", "c-epoll")]),
    ("echo through streams, 100 KiB", "echo", REQUEST, grid(SIZES[3:]),
     [(1.15, "1.15 ×", "c-epoll")], [(1.0, "1.0 ×", "c-epoll")]),
    ("spawn, run, await", "spawn", CPU, [None],
     [(1 / 6, "1/6", "asyncio"), (0.85, "0.85 ×", "swift-stock")], [(2.5, "2.5 ×", "tokio")]),
    ("switch, sleep(.zero)", "switch", CPU, [None],
     [(1 / 5, "1/5", "asyncio"), (0.5, "0.5 ×", "uvloop"), (0.5, "0.5 ×", "swift-stock")], [(2.5, "2.5 ×", "tokio")]),
    ("queue ping-pong", "pingpong", CPU, [None],
     [(1 / 8, "1/8", "asyncio"), (0.4, "0.4 ×", "swift-stock")], [(2.5, "2.5 ×", "tokio")]),
    ("lock, with a yield inside", "lock", CPU, [None], [(1 / 10, "1/10", "asyncio")], [(1.0, "1.0 ×", "tokio")]),
    ("set and cancel a timer, 1,000 pending", "timers", CPU, [None],
     [(1 / 8, "1/8", "asyncio")], [(1.0, "1.0 ×", "libuv")]),
    ("set and cancel a timer, all pending", "timers_live", CPU, [None],
     [(1 / 3, "1/3", "asyncio")], [(1.0, "1.0 ×", "libuv")]),
    ("sleeping task: memory", "sleepers", MEMORY, [None],
     [(1.0, "1.0 ×", "asyncio"), (2.0, "2 s longer than the sleep", None, "over_s")], [(1.0, "1.0 ×", "tokio")]),
    ("idle connection with streams: memory", "idle", CONNECTION, [None],
     [(1.0, "1.0 ×", "uvloop")], [(1.0, "1.0 ×", "uvloop-proto"), (600, "600 B", None, CONNECTION)]),
]


def target_rows(results):
    """One row per criterion: work, must or aim, criterion, then for each build the value and whether it meets the criterion."""
    for work, bench, field, cells, musts, aims in TARGETS:
        for kind, criteria in (("must", musts), ("aim", aims)):
            for criterion in criteria:
                most, reading, peer = criterion[:3]
                row = [work, kind, f"≤ {reading}" + (f" {NAMES[peer]}" if peer else "")]
                verdict = []
                for ours in ("ours", "ours-static"):
                    if peer:
                        found = ratio_worst(results, ours, peer, bench, field, cells)
                        value = found and found[0]
                        where = f" ({size_name(found[1]['size'])}, {found[1]['conns']})" if found and found[1] else ""
                        # Readers check the printed value, so it has as many digits as the limit.
                        shown = found and (f"{value:.3f}" if most < 0.5 else f"{value:.2f}") + where
                    else:
                        value = results.median(ours, bench, criterion[3])
                        shown = value if value is None else f"{value:.2f} s" if criterion[3] == "over_s" else f"{value:,.0f} B"
                    row.append(shown or "not recorded")
                    verdict.append(None if value is None else value <= most)
                yield row + verdict


def mark(verdict):
    return {True: "yes", False: "**no**", None: "–"}[verdict]


def targets_text(results):
    rows = list(target_rows(results))
    lines = [f"{'work':42} {'':5} {'target':32} {'ours':>22} {'':4} {'static':>22}"]
    last = None
    for work, kind, wanted, ours, static, met, met_static in rows:
        word = {True: "yes", False: "NO", None: "?"}
        lines.append(f"{work if work != last else '':42} {kind:5} {wanted:32} {ours:>22} {word[met]:4} {static:>22} {word[met_static]}")
        last = work
    musts = [row for row in rows if row[1] == "must"]
    for index, name in ((5, "ours"), (6, "static")):
        met = sum(bool(row[index]) for row in musts)
        lines.append(f"{name}: {met} of {len(musts)} musts met, "
                     f"{sum(bool(row[index]) for row in rows if row[1] == 'aim')} of {len(rows) - len(musts)} aims")
    return "\n".join(lines)


# ---- blocks of the page ----

def markdown(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def number(value):
    if value is None:
        return "–"
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def block_targets(results):
    head = ["work", "", "target", "ours", "met", "ours, static", "met"]
    rows, last = [], None
    for work, kind, wanted, ours, static, met, met_static in target_rows(results):
        rows.append([work if work != last else "", kind, wanted, ours, mark(met), static, mark(met_static)])
        last = work
    return markdown(head, rows).replace("|---|---:|---:|", "|---|---|---|", 1)


def block_tasks(results):
    rows = []
    for peer in NAMES:
        cells = [results.median(peer, bench, field) for bench, _, field, _ in OPERATIONS]
        if any(cell is not None for cell in cells):
            rows.append([NAMES[peer]] + [number(cell) for cell in cells])
    return markdown(["CPU ns per operation"] + [title for _, title, _, _ in OPERATIONS], rows)


def block_echo(results):
    rows = []
    cells = [(size, 100) for size in SIZES] + [(1024, 10), (1024, 1000)]
    for peer in results.peers("echo"):
        rows.append([NAMES[peer]] + [number(results.echo(peer, REQUEST, *cell)) for cell in cells])
    return markdown(["CPU µs per request"] + [f"{size_name(size)}, {connections:,}" for size, connections in cells], rows)


def block_latency(results):
    rows = []
    for peer in results.peers("echo"):
        figures = [results.echo(peer, field, 1024, 100) for field in ("rps", "p50_us", "p99_us", "p999_us")]
        rows.append([NAMES[peer]] + ["–" if figure is None else f"{figure:,.0f}" for figure in figures])
    return markdown(["1 KiB, 100 connections", "requests/s", "p50 µs", "p99 µs", "p99.9 µs"], rows)


def block_memory(results):
    rows = []
    for peer in NAMES:
        sleeper, over = (results.median(peer, "sleepers", field) for field in (MEMORY, "over_s"))
        idle = results.median(peer, "idle", CONNECTION)
        if sleeper is not None or idle is not None:
            rows.append([NAMES[peer], number(sleeper), "–" if over is None else f"{over:.2f}", number(idle)])
    return markdown(["", "sleeping task, bytes", "seconds longer than the sleep", "idle connection, bytes"], rows)


def compared_works(results):
    """The operations that are compared between peers: titles, and functions from a peer to its cost."""
    works = [(title, lambda peer, b=bench, f=field: results.median(peer, b, f)) for bench, title, field, _ in OPERATIONS]
    works += [(f"echo of {size_name(size)}, 100 connections", lambda peer, z=size: results.echo(peer, REQUEST, z, 100))
              for size in SIZES]
    works += [("memory of a sleeping task", lambda peer: results.median(peer, "sleepers", MEMORY)),
              ("memory of an idle connection", lambda peer: results.median(peer, "idle", CONNECTION))]
    return works


def block_losses(results):
    """Each operation in which a peer costs less than ours, with the peers and their ratios."""
    lines = []
    for title, of in compared_works(results):
        mine = of("ours")
        if mine is None:
            continue
        ahead = sorted((of(peer) / mine, NAMES[peer]) for peer in NAMES if peer not in OURS and of(peer) is not None)
        ahead = [f"{name} ({ratio:.2f} ×)" for ratio, name in ahead if ratio < 0.995]
        lines.append(f"- **{title}**: {', '.join(ahead) if ahead else 'none'}")
    return "\n".join(lines)


def block_static(results):
    """The effect of linking Swift's standard library statically."""
    rows = []
    works = [(title, "ns", lambda peer, b=bench, f=field: results.median(peer, b, f)) for bench, title, field, _ in OPERATIONS]
    works.append(("echo of 1 KiB, 100 connections", "µs", lambda peer: results.echo(peer, REQUEST, 1024, 100)))
    for title, unit, of in works:
        dynamic, static = of("ours"), of("ours-static")
        if dynamic and static:
            rows.append([title, f"{number(dynamic)} {unit}", f"{number(static)} {unit}", f"{static / dynamic - 1:+.0%}"])
    sizes = results.meta.get("executables")
    if sizes:
        dynamic, static = sizes["ours"], sizes["ours-static"]
        rows.append(["size of the asyncio-bench executable", f"{dynamic / 1e6:.1f} MB", f"{static / 1e6:.1f} MB", ""])
    return markdown(["", "dynamic", "static", ""], rows)


def block_machine(results):
    meta = results.meta
    machine, versions = meta["machine"], meta["versions"]
    used = {"python": "CPython", "uvloop": "uvloop", "swift-nio": "SwiftNIO", "tokio": "tokio", "rustc": "Rust", "go": "Go",
            "node": "Node.js", "libuv": "libuv", "liburing": "liburing", "gcc": "GCC"}
    clean = {key: re.sub(r"^(rustc |go|v)(?=\d)|\s*[(].*| linux/\S+", "", versions[key]) for key in used if key in versions}
    swift = re.search(r"(\d+\.\d+(\.\d+)?)", versions.get("swift", ""))
    ok = [sample for sample in results.samples if "result" in sample]
    share = statistics.median(sample["other_cpu_s"] / max(sample["elapsed_s"], 1e-6) for sample in ok)
    counts = {}
    for sample in ok:
        key = (sample["peer"], sample["bench"], str(sample["params"]))
        counts[key] = counts.get(key, 0) + 1
    biggest = max(results.values("ours", "sleepers", "n") or [0])
    alive = max(results.values("ours", "timers_live", "n") or [0])
    lines = [
        f"- Recorded on {meta['started'][:10]}, at commit {meta['commit']}"
        + (", in a short run, with fewer operations and repeats than a full one." if meta["quick"] else "."),
        f"- Machine: {machine['processor']}, {machine['cores']} cores, {machine['memory_gib']} GiB, a virtual machine; "
        f"{machine['system']}, Linux {machine['kernel']}.",
        f"- Swift {swift[1] if swift else '?'}; peers: "
        + ", ".join(f"{used[key]} {version}" for key, version in clean.items()) + ".",
        f"- {len(ok)} samples, {min(counts.values())} to {max(counts.values())} per figure. "
        f"{biggest:,} sleepers; “all pending” means {alive:,} timers.",
        f"- Noise: other processes used {share:.2f} of the {machine['cores']} cores while a sample was taken (median).",
    ]
    failed = sorted({f"{NAMES.get(s['peer'], s['peer'])} ({s['bench']}): {s['error']}" for s in results.samples if "error" in s})
    lines += [f"- No figure: {line}" for line in failed]
    if meta["not_built"]:
        lines.append(f"- Not built: {', '.join(NAMES.get(peer, peer) for peer in meta['not_built'])}.")
    return "\n".join(lines)


def block_summary(results):
    """What the page opens with: our cost, relative to that of the best-known peers."""
    peers = ("asyncio", "uvloop", "swift-stock", "nio-async", "tokio", "go")
    rows = []
    for title, of in compared_works(results):
        mine = of("ours")
        ratios = [mine / of(peer) if mine is not None and of(peer) is not None else None for peer in peers]
        rows.append([title] + ["–" if ratio is None else f"{ratio:.2f} ×" for ratio in ratios])
    return markdown(["swift-asyncio's cost, relative to"] + [NAMES[peer] for peer in peers], rows)


BLOCKS = {
    "summary": block_summary, "tasks": block_tasks, "echo": block_echo, "latency": block_latency,
    "memory": block_memory, "losses": block_losses, "static": block_static, "machine": block_machine,
}


# ---- several loops ----

LOOPS_NAMES = {
    "process": "loop of the process",
    "loops-1": "one loop thread",
    "loops-2": "two loop threads",
    "workers-2": "two worker processes",
    "tokio-1": "tokio, current_thread",
    "tokio-2": "tokio, two workers",
    "go-1": "Go, GOMAXPROCS=1",
    "go-2": "Go, GOMAXPROCS=2",
    "nio-1": "SwiftNIO, one loop",
    "nio-2": "SwiftNIO, two loops",
    "batch-1": "one loop thread, batch scheduling",
    "batch-2": "two loop threads, batch scheduling",
    "pinned-1": "one loop thread, on one processor",
    "pinned-2": "two loop threads, on one processor",
}
# Two of them, and the one that they are compared with.
LOOPS_PAIRS = [("loops-2", "loops-1"), ("batch-2", "loops-1"), ("workers-2", "process"), ("tokio-2", "tokio-1"),
               ("go-2", "go-1"), ("nio-2", "nio-1"), ("pinned-2", "pinned-1")]
LOOPS_WORKS = [
    ("spawn", "start and await a task"), ("switch", "switch tasks"), ("lock", "lock, yield, unlock"),
    ("queue", "put and get, queue of one"), ("timeout", "set and end a time limit"), ("compute", "only compute"),
]
MAILBOX_NAMES = {
    "loops-2": "`Mailbox`", "tokio-2": "tokio, `mpsc`", "go-2": "Go, channel", "go-2-threads": "Go, channel, senders on threads of their own",
}
WALL = "ns_per_op"


def ratio_text(results, first, second, bench, field, params=None):
    """The median ratio of one contestant to another. A ratio is taken in each repeat, as the machine's speed varies."""
    def by_repeat(peer):
        return [sample.get("result", {}).get(field) for sample in results.samples
                if sample["peer"] == peer and sample["bench"] == bench and (params is None or sample["params"] == params)]

    pairs = [pair for pair in zip(by_repeat(first), by_repeat(second)) if None not in pair]
    return f"{statistics.median(one / other for one, other in pairs):.2f} ×" if pairs else "–"


def block_loops_scaling(results):
    """How many times the operations of one loop two of them do in the same time."""
    rows = [
        [LOOPS_NAMES[two]] + [ratio_text(results, one, two, work, WALL) for work, _ in LOOPS_WORKS]
        for two, one in LOOPS_PAIRS if results.median(two, "spawn", WALL) is not None]
    return markdown(["operations per second, relative to one"] + [title for _, title in LOOPS_WORKS], rows)


def block_loops_cost(results):
    rows = []
    for peer, name in LOOPS_NAMES.items():
        cells = [results.median(peer, work, CPU) for work, _ in LOOPS_WORKS]
        if any(cell is not None for cell in cells):
            rows.append([name] + [number(cell) for cell in cells])
    return markdown(["CPU ns per operation"] + [title for _, title in LOOPS_WORKS], rows)


def block_loops_echo(results):
    costs = {peer: [results.median(peer, "echo", REQUEST, {"size": size}) for size in SIZES] for peer in LOOPS_NAMES}
    rows = [[LOOPS_NAMES[peer]] + [number(cell) for cell in cells] for peer, cells in costs.items() if any(cells)]
    for two, one in LOOPS_PAIRS:
        if any(costs[two]):
            rows.append([f"*{LOOPS_NAMES[two]}, relative to {'one' if two[:-2] == one[:-2] else LOOPS_NAMES[one]}*"] + [
                ratio_text(results, two, one, "echo", REQUEST, {"size": size}) for size in SIZES])
    return markdown(["CPU µs per request"] + [size_name(size) for size in SIZES], rows)


def block_loops_sleeps(results):
    """How many requests a server answers between two sleeps, and how many a second."""
    rows = []
    for peer, name in LOOPS_NAMES.items():
        sleeps = [results.median(peer, "echo", "sleeps_per_req", {"size": size}) for size in SIZES]
        if any(sleeps):
            rate = results.median(peer, "echo", "rps", {"size": 1024})
            rows.append([name] + ["–" if not cell else number(1 / cell) for cell in sleeps] + [number(rate)])
    return markdown(["requests between two sleeps"] + [size_name(size) for size in SIZES] + ["requests/s, 1 KiB"], rows)


def block_loops_mailbox(results):
    rows = [
        [name] + [number(results.median(peer, "mailbox", field)) for field in (WALL, CPU)]
        for peer, name in MAILBOX_NAMES.items() if results.median(peer, "mailbox", WALL) is not None]
    return markdown(["ns per item", "time", "CPU time"], rows)


def block_loops_machine(results):
    meta, machine = results.meta, results.meta["machine"]
    versions = {name: re.sub(r"^(rustc |go version go)(?=\d)|\s*[(].*| linux/\S+", "", text) for name, text in meta["versions"].items()}
    swift = re.search(r"(\d+\.\d+(\.\d+)?)", versions["swift"])
    ok = [sample for sample in results.samples if "result" in sample]
    lines = [
        f"Recorded on {meta['started'][:10]}, at commit {meta['commit']}, on a virtual machine with {machine['cores']} cores "
        f"({machine['processor']}), {machine['system']}, Linux {machine['kernel'].split('-')[0]}, with {len(ok)} samples, "
        f"{meta['repeats']} per figure{' (a short run)' if meta['quick'] else ''}. Swift {swift[1] if swift else '?'}, "
        f"tokio {versions['tokio']}, Go {versions['go']}, SwiftNIO {versions['swift-nio']}."
    ]
    lines += [f"Not built: {LOOPS_NAMES[peer + '-1'].split(',')[0]}, because {reason}." for peer, reason in meta["not_built"].items()]
    failed = sorted({f"{LOOPS_NAMES.get(s['peer'], s['peer'])} ({s['bench']}): {s['error']}" for s in results.samples if "error" in s})
    lines += [f"No figure: {line}." for line in failed]
    return textwrap.fill(" ".join(lines), 120, break_on_hyphens=False, break_long_words=False)


LOOPS_BLOCKS = {
    "loops-scaling": block_loops_scaling, "loops-cost": block_loops_cost, "loops-echo": block_loops_echo,
    "loops-sleeps": block_loops_sleeps, "loops-mailbox": block_loops_mailbox, "loops-machine": block_loops_machine,
}


# ---- the figures in the README ----

# The peers of the comparison, in the order of its columns. SwiftNIO has two styles with different costs.
README_PEERS = (("asyncio",), ("nio", "nio-async", "nio-loop"), ("swift-stock",), ("tokio",), ("ours",))
README_STYLES = {"nio": "handlers", "nio-async": "async channel", "nio-loop": "tasks"}
# The first cell of a row, the unit, the styles of SwiftNIO that are shown, and the figure of a peer.
README_ROWS = [
    ("start and await a task", "ns", ("nio-loop",), lambda r, peer: r.median(peer, "spawn", CPU)),
    ("switch tasks", "ns", ("nio-loop",), lambda r, peer: r.median(peer, "switch", CPU)),
    ("round trip through two queues", "ns", ("nio-loop",), lambda r, peer: r.median(peer, "pingpong", CPU)),
    ("echo of 1 KiB, 100 connections", "µs", ("nio", "nio-async"), lambda r, peer: r.echo(peer, REQUEST, 1024, 100)),
    ("idle connection", "B", ("nio", "nio-async"), lambda r, peer: r.median(peer, "idle", CONNECTION)),
]


def readme_row(results, title, unit, styles, of):
    cells = []
    for peers in README_PEERS:
        shown = []
        for peer in peers if len(peers) == 1 else styles:
            value = of(results, peer)
            style = f" ({README_STYLES[peer]})" if peer in README_STYLES else ""
            shown.append("–" if value is None else f"{number(value)} {unit}{style}")
        cells.append(", ".join(shown))
    return f"| {title} | " + " | ".join(cells) + " |"


def readme_bullet(results):
    mine = results.echo("ours", REQUEST, 1024, 100)
    ratio = {peer: mine / results.echo(peer, REQUEST, 1024, 100) for peer in ("asyncio", "uvloop", "tokio")}
    return textwrap.fill(
        f"- **Fast.** A server with streams echoes 1 KiB in {number(mine)} µs of CPU time: {ratio['asyncio']:.2f} times "
        f"asyncio's cost, {ratio['uvloop']:.2f} times uvloop's, and {ratio['tokio']:.2f} times tokio's "
        "([Performance](Documentation/Performance.md)).",
        120, subsequent_indent="  ", break_on_hyphens=False, break_long_words=False)


def readme_filled(text, results):
    for title, *rest in README_ROWS:
        text, count = re.subn(
            rf"^\| {re.escape(title)} \|.*$", lambda _: readme_row(results, title, *rest), text, flags=re.MULTILINE)
        if count != 1:
            raise SystemExit(f"report.py: {README} has {count} rows that begin with `| {title} |`, not one")
    text, count = re.subn(
        r"^- \*\*Fast\.\*\*.*\n(?:  .*\n)*", lambda _: readme_bullet(results) + "\n", text, flags=re.MULTILINE)
    if count != 1:
        raise SystemExit(f"report.py: {README} has {count} bullets that begin with `- **Fast.**`, not one")
    return text


# ---- charts ----

def bars(results, bench, field, params=None, leave_out=()):
    """(name, value, whether it is ours), from the cheapest to the most expensive."""
    found = [(NAMES[peer], results.median(peer, bench, field, params), peer in OURS)
             for peer in results.peers(bench) if peer not in leave_out]
    return sorted((bar for bar in found if bar[1] is not None), key=lambda bar: bar[1])


def draw_overview(results):
    """The cost of each peer as a multiple of ours: one row per operation, one mark per peer."""
    rows = [(title, lambda peer, b=bench, f=field: results.median(peer, b, f)) for bench, title, field, _ in OPERATIONS]
    rows += [(f"echo of {size_name(size)}, 100 connections", lambda peer, z=size: results.echo(peer, REQUEST, z, 100))
             for size in (1024, 16384, 102400)]
    rows += [("memory of a sleeping task", lambda peer: results.median(peer, "sleepers", MEMORY)),
             ("memory of an idle connection", lambda peer: results.median(peer, "idle", CONNECTION))]
    peers = [peer for peer in ("asyncio", "uvloop", "swift-stock", "tokio", "go", "libuv", "c-epoll")]
    series = []
    for peer in peers:
        points = [(of(peer) / of("ours")) if of(peer) is not None and of("ours") else None for _, of in rows]
        series.append((NAMES[peer], points))
    return charts.ratios(
        "Cost of other runtimes, as a multiple of swift-asyncio", "CPU time per operation; the last two rows show memory",
        [title for title, _ in rows], series)


def draw_tasks(results):
    panels = [(title, "ns", bars(results, bench, field)) for bench, title, field, _ in OPERATIONS]
    return charts.panels("Tasks, queues, locks, and timers", "CPU nanoseconds per operation; shorter is better", panels, 2)


def draw_echo(results):
    panels = [(f"{size_name(size)}", "µs", bars(results, "echo", REQUEST, {"size": size, "conns": 100})) for size in SIZES]
    return charts.panels(
        "Echo server, 100 connections", "the server's CPU microseconds per request, by message size; shorter is better", panels, 2)


def draw_memory(results):
    panels = [("sleeping task", "B", bars(results, "sleepers", MEMORY)), ("idle connection", "B", bars(results, "idle", CONNECTION))]
    return charts.panels("Memory", "bytes of resident memory; shorter is better", panels, 2)


CHARTS = {"overview.svg": draw_overview, "tasks.svg": draw_tasks, "echo.svg": draw_echo, "memory.svg": draw_memory}


# ---- the whole pages ----

def text_of(path):
    with open(path) as file:
        return file.read()


def filled(page, results, blocks):
    """The text of a page with its blocks filled in."""
    for name, block in blocks.items():
        begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
        head, found, rest = page.partition(begin)
        _, ended, tail = rest.partition(end)
        if not (found and ended):
            raise SystemExit(f"report.py: no page has the block `{begin}` … `{end}`")
        page = f"{head}{begin}\n\n{block(results)}\n\n{end}{tail}"
    return page


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", default=RESULTS, help="the results that record.py wrote")
    parser.add_argument("--targets", action="store_true", help="print the targets and whether they are met, and write nothing")
    parser.add_argument("--check", action="store_true", help="write nothing, and exit with status 1 if a file is out of date")
    options = parser.parse_args()
    results = Results(options.results)
    if options.targets:
        print(targets_text(results))
        return 0

    page = filled(text_of(PAGE), results, BLOCKS)
    files = {
        PAGE: filled(page, Results(LOOPS_RESULTS), LOOPS_BLOCKS),
        TARGETS_PAGE: filled(text_of(TARGETS_PAGE), results, {"targets": block_targets}),
        README: readme_filled(text_of(README), results),
    }
    files.update({os.path.join(PICTURES, name): draw(results) for name, draw in CHARTS.items()})
    stale = []
    for path, text in files.items():
        if os.path.exists(path):
            if text_of(path) == text:
                continue
        stale.append(os.path.relpath(path))
        if not options.check:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w") as file:
                file.write(text)
    if stale:
        print(("out of date, run report.py: " if options.check else "wrote ") + ", ".join(stale))
    return 1 if stale and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
