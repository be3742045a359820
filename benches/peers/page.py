"""Writes docs/benchmarks.md from the raw results that lie beside it; with `--check`, says whether the page is what they
say. Nothing on the page is typed by hand but the sentences that hold for every result.

`page.py [--check]`"""

import json
import statistics
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent.parent / "docs" / "benchmarks.md"
PEERS, BARS = HERE / "peers.json", HERE / "bars.json"
REBUILD = "drift2parquet rebuild"

# What `rebuild` is to be against each peer: times as fast by wall time and by CPU time, at least and as the aim.
RATIOS = {
    "DuckDB, typed": ((1.6, 2.1), (1.5, 1.85)),
    "DuckDB, typed, from bodies": ((12, 15), None),
    "Polars, typed": ((5.5, 8), None),
    "pyarrow, typed": ((3.3, 4.7), None),
    "arrow-json + ArrowWriter": ((1.3, 1.8), None),
    "dlt": ((35, 50), None),
}
CPU_BAR = (1.9, 1.4)

FORMS = {
    "archive": "the archive of raw pages",
    "ndjson": "ready NDJSON of each table (a head start)",
    "bodies": "page bodies, one a line",
}
TITLES = {
    "dense-500": "Full pages, 500 MB, most rows are conversations without messages",
    "full-500": "Full pages, 500 MB, nearly all bytes are messages",
    "dense-100": "Full pages, 100 MB, for peers that take long",
    "real-500": "Pages as accounts have them, 500 MB, without a bar",
}


def figures(rounds, name):
    values = [one[name] for one in rounds]
    return min(values), statistics.median(values), max(values)


def median(rounds, name):
    return figures(rounds, name)[1]


def number(value):
    return f"{value:,.2f}" if value < 100 else f"{value:,.0f}"


def spread(rounds, name):
    low, middle, high = figures(rounds, name)
    return f"{number(low)} / **{number(middle)}** / {number(high)}"


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "|".join(" --- " for _ in head) + "|"]
    return "\n".join(lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows])


def chart(values, unit):
    """Bars of text, the longest of 40 blocks, in eighths of a block."""
    most, widest = max(values.values()), max(map(len, values))
    def bar(value):
        eighths = max(1, round(value / most * 320))
        return "█" * (eighths // 8) + ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")[eighths % 8]
    lines = [f"{name:<{widest}}  {bar(value):<40} {number(value)} {unit}" for name, value in values.items()]
    return "```text\n" + "\n".join(line.rstrip() for line in lines) + "\n```"


def verdict(value, bar, at_most=False):
    least, aim = bar
    met = value <= least if at_most else value >= least
    reached = value <= aim if at_most else value >= aim
    return "**not met**" if not met else "met, and the aim" if reached else "met"


def set_section(name, one):
    about, all_figures = one["about"], one["figures"]
    megabytes = about["body_bytes"] / 1e6
    rows = about["conversations"] + about["messages"]
    order = sorted(all_figures, key=lambda peer: median(all_figures[peer], "wall_s"))
    lines = [
        f"## {TITLES[name]}",
        "",
        f"{rows:,} rows: {about['conversations']:,} conversations of {about['conversation_bytes'] / about['conversations']:.0f} bytes and"
        f" {about['messages']:,} messages of {about['message_bytes'] / max(1, about['messages']):.0f} bytes;"
        f" {megabytes:.0f} MB in {about['pages']:,} pages as the peers read them."
        f" {len(all_figures[REBUILD])} rounds; minimum / **median** / maximum.",
        "",
        table(
            ("", "reads", "wall s", "CPU s", "MB/s", "peak MB", "Parquet MB"),
            (
                (
                    peer,
                    FORMS[one["forms"][peer]],
                    spread(all_figures[peer], "wall_s"),
                    spread(all_figures[peer], "cpu_s"),
                    number(megabytes / median(all_figures[peer], "wall_s")),
                    f"{figures(all_figures[peer], 'peak_mb')[2]:.0f}",
                    f"{one['cells'][peer]['bytes'] / 1e6:.1f}",
                )
                for peer in order
            ),
        ),
        "",
        "Wall time, median:",
        "",
        chart({peer: median(all_figures[peer], "wall_s") for peer in order}, "s"),
        "",
        "CPU time, median:",
        "",
        chart({peer: median(all_figures[peer], "cpu_s") for peer in order}, "s"),
        "",
        cells(one),
        "",
    ]
    return lines


def cells(one):
    differ = {name: cell["differ"] for name, cell in one["cells"].items() if cell["differ"]}
    if not differ:
        return f"All {len(one['cells'])} outputs hold equal cells in every compared column."
    return "Not equal: " + "; ".join(f"{name} in {', '.join(columns)}" for name, columns in differ.items()) + "."


def ratio_rows(sets):
    for peer, (wall, cpu) in RATIOS.items():
        for name, one in sets.items():
            if peer not in one["figures"] or name.startswith("real"):
                continue
            mine, theirs = one["figures"][REBUILD], one["figures"][peer]
            for measure, word, bar in (("wall_s", "wall", wall), ("cpu_s", "CPU", cpu)):
                if bar:
                    ratio = median(theirs, measure) / median(mine, measure)
                    yield (peer, f"{word}, {name}", f"{bar[0]} ×", f"{bar[1]} ×", f"{ratio:.2f} ×", verdict(ratio, bar))


def own_rows(sets):
    for name, large in sets.items():
        if not name.endswith("-500") or name.startswith("real"):
            continue
        value = median(large["figures"][REBUILD], "cpu_s") * 500e6 / large["about"]["body_bytes"]
        yield ("own CPU of `rebuild`", f"per 500 MB, {name}", f"{CPU_BAR[0]} s", f"{CPU_BAR[1]} s", f"{value:.2f} s", verdict(value, CPU_BAR, True))


def bar_rows(bars):
    for bar in (bar for measured in bars["measured"].values() for bar in measured["bars"]):
        least, aim = bar["least"], bar["aim"]
        outcome = verdict(bar["value"], (least, aim), bar["at_most"])
        unit = bar["unit"]
        yield (bar["name"], bar["how"], f"{least:g} {unit}", f"{aim:g} {unit}", f"{bar['value']:,.4g} {unit}", outcome)


HEAD = """<!-- Generated by benches/peers/page.py from peers.json and bars.json beside it; do not edit. -->

# Benchmarks

Two figures that are never mixed: how many megabytes of JSON a core turns into Parquet, which this page measures on
`rebuild`, and how well the rate that Drift allows is used, which decides how long a sync takes.

```sh
make bench-data     # makes the pages
make bench-peers    # runs everything in interleaved rounds, compares the cells, and writes this page
make bench-bars     # measures the bars that have no peer, and writes this page
make bench          # decode, encode, fold, rebuild and sync by themselves (criterion)
```
"""

FAIR = """## What is measured, and who has a head start

Each contender is a process of its own, started in turn with the others, each round in another order; wall time, CPU
time (user and system) and peak memory are those that the kernel counts for the process. All input lies in the page
cache. Everyone writes zstd-1 Parquet with the same typed columns (`benches/peers/columns.py`).

For the peers:

- Those that read *ready NDJSON* get the records of each table already taken out of their pages.
- Those that read *page bodies* get them as lines of a few large files, and where pages are full also 100 whole
  conversations in a page; Drift gives one a call, and so the archive holds them.
- None sorts, splits rows into months, computes checksums, syncs files to the disk, or keeps what no column names.
  None writes the raw text of `context` and `attributes`, the ledger, `_extra`, `_synced_at` and `_deleted_at`, which
  the lake has besides; *DuckDB, typed, with raw text* writes the first two.
- pyarrow and arrow-json write one file for each piece of work, so that all cores are busy.
- dlt leaves times as integers, lists and objects as JSON text, and compresses as it does by default.

For `rebuild`: its archive is compressed (zstd), so it reads fewer bytes, which it has to decompress. It is run with
`--without-archive`, since no peer copies its input. It and arrow-json are built as what is distributed (profile `dist`).

The cells are compared by DuckDB: the number of rows, and for each column the number of values and the sum of the
hashes of key and value, over a read that brings names, times and lists into one form.
"""


def page():
    lines = [HEAD]
    results = json.loads(PEERS.read_text()) if PEERS.exists() else {"sets": {}}
    bars = json.loads(BARS.read_text()) if BARS.exists() else {"measured": {}}
    rows = [*ratio_rows(results["sets"]), *own_rows(results["sets"]), *bar_rows(bars)]
    if rows:
        lines += ["## The bars", "", table(("against, or what", "how", "at least", "aim", "measured", ""), rows), ""]
    for name, one in results["sets"].items():
        lines += set_section(name, one)
    lines += [FAIR]
    if results["sets"]:
        machine, versions = results["machine"], results["versions"]
        lines += [
            "## The machine and the versions",
            "",
            f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB, {machine['system']};"
            f" load average before: {machine['load_before']}. Measured {results['date']}.",
            "",
            ", ".join(f"{name} {value}" for name, value in versions.items()) + ".",
            "",
        ]
    return "\n".join(lines).rstrip() + "\n"


def main():
    text = page()
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(text)
    elif not PAGE.exists() or PAGE.read_text() != text:
        raise SystemExit("docs/benchmarks.md is not what the results beside benches/peers/page.py say; run that")


if __name__ == "__main__":
    main()
