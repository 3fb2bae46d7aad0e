#!/usr/bin/env python3
"""Measures all of docs/performance.md with perdure-bench, and prints it as Markdown.

    tests/bench/measure.py --out measured.json                 five rounds of 2 s, about a quarter of an hour
    tests/bench/measure.py --out measured.json --rounds 1 --only chain10@256,noop@1

A round runs each experiment once, with the machine's limits at its start, and the bare ring right behind each
workload that has one. So a ratio is always of figures from one round, and a figure is the median over the rounds.
After each round the file holds all that was measured; tests/bench/plot.py draws from it.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys

MIB = 1 << 20


class Experiment:
    """One call of perdure-bench in each round."""

    def __init__(self, name, *args, seconds=True, ring=False, settle=False):
        self.name, self.args = name, args
        self.seconds, self.ring, self.settle = seconds, ring, settle


def loop(workload, concurrency, **more):
    return Experiment(f"{workload}@{concurrency}", workload, "--concurrency", str(concurrency), **more)


def experiments(options):
    sweep = [loop("chain10", n) for n in (4, 16, 64, 1024)]
    return [
        Experiment("limits", "limits"),
        loop("noop", 1, ring=True),
        loop("chain10", 1, ring=True),
        loop("noop", 256, ring=True),
        loop("chain10", 256, ring=True),
        loop("steps10", 256, ring=True),
        loop("fanout100", 16, ring=True),
        loop("fanout10000", 1),
        loop("signal", 256),
        *sweep,
        Experiment("recovery", "recovery", "--count", str(options.in_flight), seconds=False),
        Experiment("sleepers", "sleepers", "--count", str(options.sleepers), seconds=False, settle=True),
        Experiment("few stored", "chain10", "--concurrency", "64", "--stored", "1000"),
        Experiment("many stored", "chain10", "--concurrency", "64", "--stored", str(options.stored)),
    ]


def run(options, experiment):
    command = [options.bench, *experiment.args, "--json", "--dir", options.dir]
    if experiment.seconds:
        command += ["--seconds", str(options.seconds)]
    if experiment.ring:
        command += ["--ring"]
    if experiment.settle:
        command += ["--settle", str(options.settle)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"measure.py: failed with status {done.returncode}: {' '.join(command)}\n{done.stdout}")
    return json.loads(done.stdout)


class Measured:
    """What the rounds came to."""

    def __init__(self, rounds):
        self.rounds = rounds

    def values(self, name, figure):
        """`figure` of each round: a key, or a function of the round's report."""
        of = figure if callable(figure) else lambda report: report.get(figure)
        found = [of(one[name]) for one in self.rounds if name in one]
        return [value for value in found if value is not None]

    def median(self, name, figure):
        values = self.values(name, figure)
        return statistics.median(values) if values else None

    def names(self):
        return set().union(*self.rounds)

    def ratios(self, over, under, figure):
        """Of two experiments, round by round."""
        pairs = [(one[over].get(figure), one[under].get(figure)) for one in self.rounds if over in one and under in one]
        return [a / b for a, b in pairs if a and b]


def per_task(report):
    return report["p50_ms"] / 10


def latency_bound(report):
    """Twice the fdatasync of the same run, and 0.4 ms."""
    return 2 * report["fdatasync_p50_ms"] + 0.4


def growth_mb(report):
    return report["rss_growth_mib"] * MIB / 1e6


# name in the table, experiment, figure, unit and digits, target, "least" or "most" of what is allowed.
TARGETS = [
    ("noop, 1 at a time: p50", "noop@1", "p50_ms", "ms", 2, latency_bound, "most"),
    ("chain10, 1 at a time: p50 a task", "chain10@1", per_task, "ms", 2, latency_bound, "most"),
    ("noop, 256", "noop@256", "workflows_per_s", "runs/s", 0, 10_000, "least"),
    ("noop, 256: of the bare ring", "noop@256", "of_ring", "", 2, 0.7, "least"),
    ("chain10, 256", "chain10@256", "tasks_per_s", "tasks/s", 0, 18_000, "least"),
    ("chain10, 256: daemon CPU a task", "chain10@256", "server_cpu_us_per_task", "us", 1, 55, "most"),
    ("chain10, 256: of the bare ring", "chain10@256", "of_ring", "", 2, 0.6, "least"),
    ("steps10, 256", "steps10@256", "tasks_per_s", "steps/s", 0, 26_000, "least"),
    ("steps10, 256: of the bare ring", "steps10@256", "of_ring", "", 2, 0.7, "least"),
    ("fanout100, 16", "fanout100@16", "tasks_per_s", "tasks/s", 0, 25_000, "least"),
    ("fanout10000, 1", "fanout10000@1", "tasks_per_s", "tasks/s", 0, None, None),
    ("signal, 256", "signal@256", "workflows_per_s", "runs/s", 0, None, None),
    ("sleepers: memory over idle", "sleepers", growth_mb, "MB", 0, 200, "most"),
    ("sleepers: disk a run", "sleepers", "disk_bytes_per_run", "bytes", 0, 600, "most"),
    ("sleepers: restart after SIGKILL", "sleepers", "crash_restart_ms", "ms", 0, 3_000, "most"),
    ("sleepers: started", "sleepers", "starts_per_s", "/s", 0, 20_000, "least"),
    ("recovery: all go on after SIGKILL", "recovery", "all_go_on_ms", "ms", 0, 1_000, "most"),
    ("chain10: bytes on disk a task, payloads too", "chain10@256", "stored_bytes_per_task", "bytes", 0, 150, "most"),
    ("chain10: bytes written a task, payloads too", "chain10@256", "disk_bytes_per_task", "bytes", 0, None, None),
]


def number(value, digits):
    return f"{value:,.{digits}f}"


def row(measured, target):
    title, name, figure, unit, digits, wanted, kind = target
    values = measured.values(name, figure)
    if not values:
        return None
    median = statistics.median(values)
    bound = measured.median(name, wanted) if callable(wanted) else wanted
    verdict = ""
    if bound is not None:
        reached = median <= bound if kind == "most" else median >= bound
        verdict = f"at {kind} {number(bound, digits)}: {'yes' if reached else '**no**'}"
    spread = f"{number(min(values), digits)} to {number(max(values), digits)}"
    return f"| {title} | {number(median, digits)} {unit} | {spread} | {verdict} |"


def scale_row(measured):
    ratios = measured.ratios("many stored", "few stored", "server_cpu_us_per_task")
    if not ratios:
        return None
    median = statistics.median(ratios)
    stored = measured.median("many stored", "stored")
    return (
        f"| scale: CPU a task with {number(stored, 0)} runs stored, against 1,000 | {median:.2f} "
        f"| {min(ratios):.2f} to {max(ratios):.2f} | at most 1.30: {'yes' if median <= 1.3 else '**no**'} |"
    )


LIMITS = [
    ("fdatasync of 4 KiB, appending: p50", "fdatasync_p50_ms", "ms", 3),
    ("the same over what is there", "fdatasync_overwrite_p50_ms", "ms", 3),
    ("RocksDB, one entry a commit: p50", "store_commit_p50_ms", "ms", 3),
    ("RocksDB, 64 entries a commit", "store_entries_per_s", "entries/s", 0),
    ("stream, there and back: p50", "stream_round_trip_p50_ms", "ms", 3),
    ("bare ring, noop at 1: p50", "ring_noop_p50_ms", "ms", 2),
    ("bare ring, chain10 at 1: p50 a task", "ring_chain10_task_p50_ms", "ms", 2),
    ("bare ring, noop at 256", "ring_noop_runs_per_s", "runs/s", 0),
    ("bare ring, chain10 at 256", "ring_chain10_tasks_per_s", "tasks/s", 0),
    ("bare ring, steps10 at 256", "ring_steps10_steps_per_s", "steps/s", 0),
    ("bare ring, fanout100 at 16", "ring_fanout100_tasks_per_s", "tasks/s", 0),
]


def markdown(measured):
    lines = ["| | median | rounds | target |", "| --- | --- | --- | --- |"]
    lines += [line for line in (row(measured, target) for target in TARGETS) if line]
    lines += [line for line in [scale_row(measured)] if line]
    lines += ["", "| the machine allows | median | rounds |", "| --- | --- | --- |"]
    for title, key, unit, digits in LIMITS:
        values = measured.values("limits", key)
        if values:
            median = number(statistics.median(values), digits)
            lines.append(f"| {title} | {median} {unit} | {number(min(values), digits)} to {number(max(values), digits)} |")
    steal = [one.get("steal_pct") for round_ in measured.rounds for one in round_.values()]
    steal = [value for value in steal if value is not None]
    if steal:
        lines += ["", f"{len(measured.rounds)} rounds; the host took {statistics.median(steal):.1f} % of the machine "
                      f"(median; {max(steal):.1f} % at worst)."]
    return "\n".join(lines)


def parse(argv):
    here = pathlib.Path(__file__).resolve().parents[2]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True, help="file for what was measured, JSON")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4, help="of each experiment in a loop [4]")
    parser.add_argument("--sleepers", type=int, default=1_000_000, help="runs asleep [1000000]")
    parser.add_argument("--settle", type=float, default=6, help="as perdure-bench sleepers [6]")
    parser.add_argument("--stored", type=int, default=1_000_000, help="closed runs for 'many stored' [1000000]")
    parser.add_argument("--in-flight", type=int, default=2_000, help="runs of recovery [2000]")
    parser.add_argument("--only", help="names of experiments, with commas")
    parser.add_argument("--skip", default="", help="names of experiments, with commas")
    parser.add_argument("--dir", default=".", help="where to make data directories: a disk [.]")
    parser.add_argument("--bench", default=str(here / "build/release/bin/perdure-bench"))
    return parser.parse_args(argv)


def selected(options):
    every = experiments(options)
    names = {experiment.name for experiment in every}
    only = set(options.only.split(",")) if options.only else names
    skip = set(options.skip.split(",")) if options.skip else set()
    if unknown := (only | skip) - names:
        sys.exit(f"measure.py: no experiment is called {', '.join(sorted(unknown))}; there are: {', '.join(sorted(names))}")
    return [experiment for experiment in every if experiment.name in only - skip]


def main(argv):
    options = parse(argv)
    chosen = selected(options)
    rounds = []
    for number_ in range(options.rounds):
        rounds.append({})
        for experiment in chosen:
            print(f"round {number_ + 1} of {options.rounds}: {experiment.name}", file=sys.stderr)
            rounds[-1][experiment.name] = run(options, experiment)
            pathlib.Path(options.out).write_text(json.dumps({"rounds": rounds}, indent=1) + "\n")
    print(markdown(Measured(rounds)))


if __name__ == "__main__":
    main(sys.argv[1:])
