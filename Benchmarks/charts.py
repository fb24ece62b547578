"""The charts of the performance page, as SVG with a background of its own that follows the reader's light or dark theme."""
import math
from xml.sax.saxutils import escape

FONT = "-apple-system, 'Segoe UI', 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif"
# Each color has a name, a value for the light theme, and a value for the dark theme.
COLOURS = {
    "card": ("#ffffff", "#161b22"), "edge": ("#d0d7de", "#30363d"), "text": ("#1f2328", "#e6edf3"),
    "dim": ("#59636e", "#9198a1"), "grid": ("#e4e8ec", "#2a313a"), "bar": ("#a8b3bf", "#57606a"),
    "ours": ("#d9480f", "#ff922b"),
    "s0": ("#1864ab", "#74c0fc"), "s1": ("#0b7285", "#66d9e8"), "s2": ("#862e9c", "#da77f2"),
    "s3": ("#5c940d", "#a9e34b"), "s4": ("#a61e4d", "#faa2c1"), "s5": ("#7d5a00", "#ffd43b"),
    "s6": ("#343a40", "#f1f3f5"),
}


def style():
    def rules(index):
        return "".join(
            f".{name}{{{'stroke' if name in ('edge', 'grid') else 'fill'}:{pair[index]}}}" for name, pair in COLOURS.items())

    return (
        f"<style>text{{font-family:{FONT};font-size:13px}}.title{{font-size:18px;font-weight:600}}"
        f".head{{font-size:14px;font-weight:600}}.small{{font-size:12px}}.strong{{font-weight:600}}"
        f".grid{{stroke-width:1}}{rules(0)}.edge{{fill:none}}"
        f"@media(prefers-color-scheme:dark){{{rules(1)}.edge{{fill:none}}}}</style>")


def text(x, y, content, classes="text", anchor="start"):
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{classes}" text-anchor="{anchor}">{escape(content)}</text>'


def card(width, height, title, subtitle, body):
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        f'aria-label="{escape(title)}">',
        style(),
        f'<rect x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="8" class="card"/>',
        f'<rect x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="8" class="edge"/>',
        text(24, 36, title, "text title"), text(24, 57, subtitle, "dim"), *body, "</svg>", ""])


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


# ---- bars ----

ROW, NAME, PANEL, GAP = 21, 190, 440, 24


def panel(x, y, title, unit, bars):
    """Horizontal bars that start at zero, with the name on the left and the value after each bar. Our bars are highlighted."""
    room = PANEL - NAME - 78
    most = max((value for _, value, _ in bars), default=1)
    parts = [text(x, y, title, "text head")]
    for index, (name, value, is_ours) in enumerate(bars):
        top = y + 14 + index * ROW
        emphasis = " strong" if is_ours else ""
        length = max(value / most * room, 1)
        parts.append(text(x + NAME - 8, top + 13, name, "text small" + emphasis, "end"))
        parts.append(
            f'<rect x="{x + NAME}" y="{top + 2}" width="{length:.1f}" height="{ROW - 6}" rx="2" class="{"ours" if is_ours else "bar"}"/>')
        parts.append(text(x + NAME + length + 6, top + 13, f"{number(value)} {unit}", ("text" if is_ours else "dim") + " small" + emphasis))
    return parts


def panels(title, subtitle, content, columns):
    """Panels side by side. Each row is as high as its tallest panel."""
    width = 24 + columns * (PANEL + GAP)
    body, y = [], 92
    for start in range(0, len(content), columns):
        row = content[start:start + columns]
        for column, (head, unit, bars) in enumerate(row):
            body += panel(24 + column * (PANEL + GAP), y, head, unit, bars)
        y += 14 + max(len(bars) for _, _, bars in row) * ROW + 34
    return card(width, y - 24, title, subtitle, body)


# ---- ratios ----

def shape(kind, x, y, colour):
    """One of seven shapes, so that marks differ by more than their color."""
    r = 5.5
    common = f'class="{colour}"'
    if kind == 0:
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r}" {common}/>'
    if kind == 1:
        return f'<rect x="{x - r + 0.5:.1f}" y="{y - r + 0.5:.1f}" width="{2 * r - 1}" height="{2 * r - 1}" {common}/>'
    points = {
        2: [(0, -r - 1), (r + 1, 0), (0, r + 1), (-r - 1, 0)],
        3: [(0, -r - 0.5), (r + 0.5, r - 0.5), (-r - 0.5, r - 0.5)],
        4: [(0, r + 0.5), (r + 0.5, -r + 0.5), (-r - 0.5, -r + 0.5)],
        5: [(-2, -6), (2, -6), (2, -2), (6, -2), (6, 2), (2, 2), (2, 6), (-2, 6), (-2, 2), (-6, 2), (-6, -2), (-2, -2)],
        6: [(-6.5, 0), (5, -6.5), (5, 6.5)],
    }[kind]
    return f'<polygon points="{" ".join(f"{x + dx:.1f},{y + dy:.1f}" for dx, dy in points)}" {common}/>'


def ratios(title, subtitle, rows, series):
    """A mark for each series in each row, on a logarithmic axis where 1 is ours."""
    left, right, row_height, width = 300, 40, 30, 928
    values = [value for _, points in series for value in points if value]
    # Outliers are drawn at the edge, with their value.
    low, high = max(min(values + [0.5]), 0.2) * 0.8, max(values + [2]) * 1.15
    scale = (width - left - right) / (math.log(high) - math.log(low))

    def at(value):
        return left + (math.log(value) - math.log(low)) * scale

    body, x, y = [], 24, 86
    for index, (name, _) in enumerate(series):  # the legend
        body += [shape(index, x + 6, y - 4, f"s{index}"), text(x + 18, y, name, "text small")]
        x += 38 + 6.9 * len(name)
    top, bottom = 128, 128 + row_height * len(rows)
    body += [text(at(1) - 10, top - 12, "← cheaper than swift-asyncio", "dim small", "end"),
             text(at(1) + 10, top - 12, "more expensive →", "dim small")]
    for tick in (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100):
        if low < tick < high:
            ours = tick == 1
            line = f'x1="{at(tick):.1f}" x2="{at(tick):.1f}" y1="{top - 4}" y2="{bottom}"'
            body.append(
                f'<rect x="{at(1) - 1:.1f}" y="{top - 4}" width="2" height="{bottom - top + 4}" class="ours"/>'
                if ours else f'<line {line} class="grid"/>')
            body.append(text(at(tick), bottom + 18, f"{tick:g} ×", ("ours strong" if ours else "dim") + " small", "middle"))
    for row, name in enumerate(rows):
        middle = top + row_height * row + row_height / 2
        body.append(f'<line x1="{left}" x2="{width - right}" y1="{middle}" y2="{middle}" class="grid"/>')
        body.append(text(left - 14, middle + 4.5, name, "text", "end"))
        edge = left + 2
        for index, (_, points) in enumerate(series):
            if not points[row]:
                continue
            if points[row] >= low:
                body.append(shape(index, at(points[row]), middle, f"s{index}"))
                continue
            body += [shape(index, edge, middle, f"s{index}"), text(edge + 10, middle + 4.5, f"{points[row]:.2f}", "dim small")]
            edge += 54
    return card(width, bottom + 36, title, subtitle, body)
