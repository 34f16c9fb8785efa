#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""stacks.py - what call stacks cost, and whether the unwinder is right, as Markdown.

  stacks.py cost BUILD [-n ROUNDS] -- COMMAND...     bare, none, sampled and all, interleaved
  stacks.py compare BUILD -- COMMAND...              every stack against libunwind's

BUILD is the build directory, with "make check TESTS=" done. Wall and user + system time of
whole runs, as medians of interleaved rounds; the ratios are what counts on a busy machine.
Compare's command may be run by a shell, to add up several programs: its processes inherit the preload.
"""
import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time

WAYS = ["bare", "none", "sampled", "all"]


def run(argv):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    subprocess.run(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    wall = time.monotonic() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def argv_of(way, build, recording, command):
    if way == "bare":
        return command
    return [build + "/memwhy", "run", "-q", "--force", "-o", recording, "--stacks=" + way, "--"] + command


def cost(args):
    seen = {way: [] for way in WAYS}
    os.environ["MEMWHY_PROBE_LIB"] = args.build + "/.libs/libmemwhy-probe.so"
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(args.rounds):
            for way in WAYS:
                seen[way].append(run(argv_of(way, args.build, folder + "/a.rec", args.command)))
    medians = {way: [statistics.median(column) for column in zip(*seen[way])] for way in WAYS}
    print("| stacks | wall s | CPU s | wall / bare | wall / none | CPU / bare |\n|---|---|---|---|---|---|")
    for way, (wall, cpu) in medians.items():
        print("| %s | %.3f | %.3f | %.2f | %.2f | %.2f |" % (way, wall, cpu, wall / medians["bare"][0],
              wall / medians["none"][0], cpu / max(medians["bare"][1], 1e-9)))


def compare(args):
    sums = dict.fromkeys(["stacks", "frames", "kept", "different", "shorter"], 0)
    with tempfile.NamedTemporaryFile("r") as out:
        env = dict(os.environ, UNWIND_COMPARE=out.name, LD_PRELOAD=args.build + "/tests/programs/.libs/unwind-compare.so")
        subprocess.run(args.command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        for line in out:
            name, _, value = line.partition(" ")
            if name in sums:
                sums[name] += int(value)
    print("| " + " | ".join(sums) + " |\n|" + "---|" * len(sums))
    print("| " + " | ".join(str(v) for v in sums.values()) + " |")
    return 1 if sums["different"] or not sums["stacks"] else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["cost", "compare"])
    parser.add_argument("build", type=os.path.abspath)
    parser.add_argument("-n", "--rounds", type=int, default=5)
    parser.add_argument("command", nargs="+")
    args = parser.parse_args()
    return cost(args) if args.what == "cost" else compare(args)


if __name__ == "__main__":
    sys.exit(main())
