#!/usr/bin/env python3
"""Draws what tests/bench/measure.py measured, as SVG, with gnuplot.

    tests/bench/plot.py measured.json docs/performance
"""

import json
import pathlib
import statistics
import subprocess
import sys

from measure import Measured

STYLE = """
set terminal svg size 860,420 font "sans-serif,14" background "#ffffff"
set border 3 linecolor rgb "#8c959f"
set tics nomirror textcolor rgb "#24292f"
set grid ytics linecolor rgb "#d8dee4"
set bmargin 4
set key top left Left reverse
set style line 1 linecolor rgb "#0969da" linewidth 2 pointtype 7 pointsize 0.8
set style line 2 linecolor rgb "#afb8c1" linewidth 2 pointtype 7 pointsize 0.8
set style line 3 linecolor rgb "#bc4c00" linewidth 2 pointtype 7 pointsize 0.8
set style fill solid 1.0 noborder
set format y '%.0s%c'
"""

# From the least to the most of the rounds.
SPREAD = "with vectors heads size screen 0.005,90 linecolor rgb '#24292f' notitle"


def block(name, rows):
    lines = [" ".join(f'"{cell}"' if isinstance(cell, str) else f"{cell:g}" for cell in row) for row in rows]
    return f"${name} << END\n" + "\n".join(lines) + "\nEND\n"


def spread(values):
    return statistics.median(values), min(values), max(values)


def throughput(measured):
    """Beside the bare ring, each as a median with its least and most."""
    rows = []
    for name, title in (("noop@256", "noop\\nruns"), ("chain10@256", "chain10\\ntasks"),
                        ("steps10@256", "steps10\\nsteps"), ("fanout100@16", "fanout100\\ntasks")):
        mine, ring = measured.values(name, "tasks_per_s"), measured.values(name, "ring_tasks_per_s")
        if mine and ring:
            rows.append((len(rows), title, *spread(mine), *spread(ring)))
    if not rows:
        return None
    ticks = ", ".join(f'"{title}" {x}' for x, title, *_ in rows)
    bars = "($1{shift}) : {median} : (0.36) with boxes linestyle {style} title '{title}'"
    marks = "($1{shift}) : {least} : (0) : (${most}-${least}) " + SPREAD
    parts = []
    for shift, first, style, title in (("-0.19", 3, 1, "Perdure"), ("+0.19", 6, 2, "bare ring: the same frames and syncs, nothing else")):
        columns = {"shift": shift, "median": first, "least": first + 1, "most": first + 2, "style": style, "title": title}
        parts += ["$data using " + text.format(**columns).replace(" : ", ":") for text in (bars, marks)]
    return (
        block("data", rows)
        + 'set title "In a second, on two cores, fsync on"\n'
        + f"set xtics ({ticks})\nset xrange [-0.6:{len(rows) - 0.4}]\nset yrange [0:*]\nplot "
        + ", ".join(parts)
    )


def load(measured):
    """chain10: what more runs in flight bring, and cost."""
    rows = []
    for concurrency in (1, 4, 16, 64, 256, 1024):
        name = f"chain10@{concurrency}"
        tasks = measured.values(name, "tasks_per_s")
        if tasks:
            rows.append((concurrency, statistics.median(tasks), measured.median(name, lambda one: one["p50_ms"] / 10),
                         measured.median(name, lambda one: one["p99_ms"] / 10)))
    if len(rows) < 2:
        return None
    return (
        block("data", rows)
        + 'set title "chain10: ten tasks, one after the other"\n'
        + 'set xlabel "runs in flight"\nset logscale x 2\nset xrange [0.9:*]\nset yrange [0:*]\nset xtics ('
        + ", ".join(str(row[0]) for row in rows)
        + ')\nset ylabel "tasks in a second"\nset y2label "ms a task"\nset border 11 linecolor rgb "#8c959f"\n'
        + "set y2tics nomirror\nset y2range [0:*]\nset format y2 '%g'\n"
        + "plot $data using 1:2 with linespoints linestyle 1 title 'tasks in a second', "
        + "$data using 1:3 axes x1y2 with linespoints linestyle 3 title 'ms a task, p50', "
        + "$data using 1:4 axes x1y2 with linespoints linestyle 3 dashtype 2 title 'ms a task, p99'"
    )


def latency(measured):
    """One run at a time, beside what the disk and the bare ring need."""
    rows = []
    for name, title, share in (("noop@1", "noop, a run", 1), ("chain10@1", "chain10, a task", 10)):
        mine = measured.values(name, lambda one: one["p50_ms"] / share)
        if mine:
            rows.append((len(rows), title, *spread(mine), measured.median(name, lambda one: one["ring_p50_ms"] / share),
                         measured.median(name, "fdatasync_p50_ms"), measured.median(name, "fdatasync_overwrite_p50_ms")))
    if not rows:
        return None
    ticks = ", ".join(f'"{title}" {row[0]}' for row in rows for title in [row[1]])
    series = [(-0.3, 3, 1, "Perdure, p50"), (-0.1, 6, 2, "bare ring, p50"), (0.1, 7, 3, "one fdatasync, appending"),
              (0.3, 8, 3, "one fdatasync, over what is there")]
    parts = [f"$data using ($1+{shift}):{column}:(0.18) with boxes linestyle {style} "
             f"{'fillstyle pattern 1 ' if shift == 0.3 else ''}title '{title}'" for shift, column, style, title in series]
    parts.insert(1, "$data using ($1-0.3):4:(0):($5-$4) " + SPREAD)
    return (
        block("data", rows)
        + f"set title \"One run at a time\"\nset ylabel \"ms\"\nset format y '%.1f'\nset key outside bottom center horizontal\nset bmargin 5\nset xtics ({ticks})\n"
        + f"set xrange [-0.6:{len(rows) - 0.4}]\nset yrange [0:*]\nplot "
        + ", ".join(parts)
    )


PLOTS = {"throughput": throughput, "load": load, "latency": latency}


def main(argv):
    if len(argv) != 2:
        sys.exit(__doc__)
    measured = Measured(json.loads(pathlib.Path(argv[0]).read_text())["rounds"])
    target = pathlib.Path(argv[1])
    target.mkdir(parents=True, exist_ok=True)
    for name, draw in PLOTS.items():
        script = draw(measured)
        if script is None:
            print(f"{name}: not measured", file=sys.stderr)
            continue
        path = target / f"{name}.svg"
        text = f'{STYLE}\nset output "{path}"\n{script}\n'
        done = subprocess.run(["gnuplot"], input=text, text=True, stderr=subprocess.PIPE)
        if done.returncode != 0:
            sys.exit(f"plot.py: gnuplot failed on {name}: {done.stderr}")
        print(path)


if __name__ == "__main__":
    main(sys.argv[1:])
