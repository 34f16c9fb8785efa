#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""bench.py - what memwhy costs and how true it is, as Markdown tables.

Model: a workload is a command with an allocator preloaded; a tool is what it is run under
(nothing, memwhy, heaptrack). Runs of all tools are interleaved and the order rotates, so that
a slow minute hits all of them; what is printed are medians and ratios of one session. There
are no limits here: figures are for people to judge. Only public tools: the programs, GNU
time, and recordings read as memwhy-recording(5) documents them.

  bench.py hotpair|macro|truth|peaks|observer|cost|counts|all [options]     (see --help)
"""
import argparse
import os
import random
import re
import select
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
LIBRARY_DIRS = ["/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib", "/usr/local/lib"]
ALLOCATOR_FILES = {"glibc": [], "jemalloc": ["libjemalloc.so.2"],
                   "mimalloc": ["libmimalloc.so.2", "libmimalloc.so.2.0"],
                   "tcmalloc": ["libtcmalloc_minimal.so.4"]}
MIB = 1 << 20


def say(*parts):
    print(*parts, flush=True)


def table(title, heads, rows):
    say("\n### " + title + "\n")
    say("| " + " | ".join(heads) + " |")
    say("|" + "---|" * len(heads))
    for row in rows:
        say("| " + " | ".join(str(c) for c in row) + " |")


def allocator_library(name):
    for file in ALLOCATOR_FILES[name]:
        for folder in LIBRARY_DIRS:
            if os.path.exists(os.path.join(folder, file)):
                return os.path.join(folder, file)
    return None


# ---- workloads -----------------------------------------------------------------------

class Workload:
    """A command that runs to its end by itself."""
    def __init__(self, name, argv, env=None):
        self.name, self.argv, self.env = name, argv, env or {}

    def run(self, bench, wrapper, env):
        """Runs it under wrapper (a list of words); returns seconds."""
        start = time.monotonic()
        p = subprocess.run(wrapper + self.argv, env=env, cwd=bench.tmp, stdin=subprocess.DEVNULL,
                           stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        took = time.monotonic() - start
        if p.returncode not in (0, 1):
            raise RuntimeError("%s: status %d: %s" % (self.name, p.returncode, p.stderr[-300:].decode("utf-8", "replace")))
        return took


class Redis(Workload):
    """redis-server under redis-benchmark, with an AOF rewrite; the time is the benchmark's."""
    def __init__(self, scale):
        super().__init__("redis", [])
        self.requests = int(1000000 * scale / 5)

    def client(self, port, *words):
        return subprocess.run(["redis-cli", "-p", str(port)] + list(words), capture_output=True, text=True).stdout

    def serve(self, bench, wrapper, env):
        for _ in range(5):
            port = random.randint(20000, 45000)
            conf = os.path.join(bench.tmp, "redis.conf")
            with open(conf, "w") as f:
                f.write('bind 127.0.0.1\nport %d\nsave ""\nappendonly no\ndir %s\nlogfile redis.log\n' % (port, bench.tmp))
            p = subprocess.Popen(wrapper + ["redis-server", conf], env=env, cwd=bench.tmp, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for _ in range(300):
                if self.client(port, "ping").strip() == "PONG":
                    return p, port
                if p.poll() is not None:
                    break
                time.sleep(0.05)
            p.kill()
            p.wait()
        raise RuntimeError("redis-server does not answer")

    def run(self, bench, wrapper, env):
        server, port = self.serve(bench, wrapper, env)
        start = time.monotonic()
        subprocess.run(["redis-benchmark", "-p", str(port), "-n", str(self.requests), "-r", "100000", "-d", "64", "-P", "4",
                        "-t", "set,get,lpush,sadd,hset", "-q"], stdout=subprocess.DEVNULL, check=True)
        self.client(port, "bgrewriteaof")
        while "aof_rewrite_in_progress:1" in self.client(port, "info", "persistence"):
            time.sleep(0.05)
        took = time.monotonic() - start
        self.client(port, "shutdown", "nosave")
        server.wait(timeout=60)
        return took


C_FUNCTION = """int f%(i)d(int *a, int n, char *s) { int x = n; for (int i = 0; i < n; i++) {
 a[i] += x * %(i)d; if (a[i] %% 7 == %(m)d) { x ^= a[i] << 2; s[i %% 7] = (char)x; }
 else if (strlen(s) > %(m)d) x += puts(s); switch (x & 15) { case 1: x += a[0]; break; case 2: x -= n; break; case 9: x *= 3; } }
 return x + a[0]; }
"""
PYTHON_SCRIPT = """
import sys
table = {}
for i in range(%d):
    key = 'k%%d' %% (i * 7919 %% 100003)
    table.setdefault(key, []).append((i, str(i), [i]))
    if i %% 3 == 0:
        table.pop('k%%d' %% (i * 31 %% 100003), None)
print(len(table))
"""


def find_ruff(bench):
    if bench.options.ruff:
        return bench.options.ruff
    folder = os.path.join(bench.tmp, "wheel")
    subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:", "-d", folder, "ruff==0.0.246"],
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for wheel in os.listdir(folder) if os.path.isdir(folder) else []:
        subprocess.run([sys.executable, "-m", "zipfile", "-e", os.path.join(folder, wheel), folder], check=True)
    for path, _, files in os.walk(folder):
        if "ruff" in files:
            os.chmod(os.path.join(path, "ruff"), 0o755)
            return os.path.join(path, "ruff")
    return None


def make_workloads(bench):
    scale, tmp, found = bench.options.scale, bench.tmp, []
    python_library = bench.options.python_library
    ruff = find_ruff(bench)
    if ruff and os.path.isdir(python_library):
        for threads in ("2", "10"):
            found.append(Workload("ruff-" + threads, [ruff, "-n", "--exit-zero", python_library], {"RAYON_NUM_THREADS": threads}))
    else:
        say("no ruff 0.0.246 or no Python library: left out")
    if shutil.which("redis-server") and shutil.which("redis-benchmark"):
        found.append(Redis(scale))
    if shutil.which("sqlite3"):
        script = os.path.join(tmp, "index.sql")
        with open(script, "w") as f:
            f.write("create table t(a integer, b text);\nwith recursive n(i) as (select 1 union all select i + 1 from n where i < %d) "
                    "insert into t select i * 7919 %% 1000003, 'row number ' || i from n;\n"
                    "create index i on t(b, a); select count(*), sum(a) from t;\n" % int(1000000 * scale))
        found.append(Workload("sqlite3", ["sqlite3", ":memory:", "-batch", ".read " + script]))
    cc1 = subprocess.run(["gcc", "-print-prog-name=cc1"], capture_output=True, text=True).stdout.strip() if shutil.which("gcc") else ""
    if os.path.exists(cc1):
        source = os.path.join(tmp, "large.c")
        with open(source, "w") as f:
            f.write("#include <stdio.h>\n#include <string.h>\n")
            f.writelines(C_FUNCTION % {"i": i, "m": i % 7} for i in range(int(400 * scale)))
        found.append(Workload("cc1", [cc1, "-quiet", "-O2", "-imultiarch", "x86_64-linux-gnu", source, "-o", "/dev/null"]))
    python = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable
    script = os.path.join(tmp, "script.py")
    with open(script, "w") as f:
        f.write(PYTHON_SCRIPT % int(1000000 * scale))
    found.append(Workload("python3", [python, script], {"PYTHONMALLOC": "malloc"}))
    return [w for w in found if not bench.options.programs or w.name in bench.options.programs]


# ---- runs ----------------------------------------------------------------------------

class Bench:
    def __init__(self, options):
        self.options = options
        self.tmp = tempfile.mkdtemp(prefix="memwhy-bench.")
        self.allocators = [a for a in options.allocators if a == "glibc" or allocator_library(a)]

    def build(self):
        for source, extra in (("hotpair", []), ("forwarder", ["-shared", "-fPIC"])):
            subprocess.run(["cc", "-std=gnu11", "-D_GNU_SOURCE", "-O2", "-fno-builtin", *extra, "-o", os.path.join(self.tmp, source),
                            os.path.join(HERE, source + ".c"), "-lpthread"], check=True)

    def env(self, workload, allocator, preload=()):
        env = {k: v for k, v in os.environ.items() if k not in ("LD_PRELOAD", "PYTHONMALLOC")}
        env.update(workload.env)
        libraries = list(preload) + ([allocator_library(allocator)] if allocator_library(allocator) else [])
        if libraries:
            env["LD_PRELOAD"] = ":".join(libraries)
        return env

    def recording(self):
        return os.path.join(self.tmp, "run.memwhy")

    def wrapper(self, tool, extra=()):
        if tool == "native":
            return []
        if tool == "memwhy":
            return [self.options.memwhy, "-q", "--force", "-o", self.recording(), *extra, "--"]
        if tool == "heaptrack":
            for f in os.listdir(self.tmp):
                if f.startswith("heaptrack."):
                    os.unlink(os.path.join(self.tmp, f))
            return ["heaptrack", "-r", "-o", os.path.join(self.tmp, "heaptrack.data")]
        raise ValueError(tool)

    def record(self, workload, allocator, extra=()):
        workload.run(self, self.wrapper("memwhy", extra), self.env(workload, allocator))
        return sqlite3.connect(self.recording())

    def combinations(self):
        for workload in self.workloads:
            for allocator in self.allocators:
                yield workload, allocator


def one(db, sql):
    row = db.execute(sql).fetchone()
    return row[0] if row else None


# The process with the largest resident peak, memwhy's share taken off, as the report chooses it.
MAIN = ("(select process_id from snapshot group by process_id "
        "order by max(rss_bytes - coalesce(probe_bytes, 0)) desc limit 1)")
# Its true peak. Not ru_maxrss where VmHWM was read: that is of its children too.
TRUE_PEAK = "select case when vm_hwm_bytes > 0 then vm_hwm_bytes else ru_maxrss_bytes end from process where id = " + MAIN


def percent(x, digits=2):
    return "-" if x is None else "%.*f %%" % (digits, 100 * x)


# ---- subcommands ---------------------------------------------------------------------

def bench_hotpair(bench):
    """ns for a malloc+free pair, and what each tool adds to the bare forwarder."""
    bench.build()
    program, forwarder = os.path.join(bench.tmp, "hotpair"), os.path.join(bench.tmp, "forwarder")
    tools = ["native", "forwarder", "memwhy"] + (["heaptrack"] if shutil.which("heaptrack") else [])
    rows = []
    for allocator in bench.allocators:
        for threads in (1, 2):
            ns = {t: [] for t in tools}
            for r in range(bench.options.runs):
                for tool in tools[r % len(tools):] + tools[:r % len(tools)]:
                    load = Workload("hotpair", [program, "pair", str(threads), "1" if tool == "heaptrack" else "30"])
                    env = bench.env(load, allocator, [forwarder] if tool == "forwarder" else [])
                    wrapper = bench.wrapper("native" if tool == "forwarder" else tool)
                    p = subprocess.run(wrapper + load.argv, env=env, cwd=bench.tmp, capture_output=True, text=True)
                    found = re.findall(r"^(\d+\.\d+)$", p.stdout, re.M)
                    if found:
                        ns[tool].append(float(found[-1]))
            medians = {t: statistics.median(v) if v else None for t, v in ns.items()}
            def added(tool):
                return "-" if medians.get(tool) is None else "%+.1f" % (medians[tool] - medians["forwarder"])
            rows.append([allocator, threads] + ["-" if medians[t] is None else "%.1f" % medians[t] for t in tools] +
                        [added("memwhy")] + ([added("heaptrack")] if "heaptrack" in tools else []))
    table("Hot malloc+free pair, ns (median of %d)" % bench.options.runs,
          ["allocator", "threads"] + tools + [t + " over forwarder" for t in tools[2:]], rows)


def bench_macro(bench):
    """Wall time of real programs under each tool."""
    tools = ["native", "memwhy"] + (["heaptrack"] if shutil.which("heaptrack") and not bench.options.no_heaptrack else [])
    times = {}
    for r in range(bench.options.runs):
        for workload, allocator in bench.combinations():
            # heaptrack is several times slower: once is enough beside the others' medians
            now = [t for t in tools if t != "heaptrack" or r == 0]
            for tool in now[r % len(now):] + now[:r % len(now)]:
                try:
                    took = workload.run(bench, bench.wrapper(tool), bench.env(workload, allocator))
                except (RuntimeError, subprocess.SubprocessError) as e:
                    say("<!-- %s %s %s: %s -->" % (workload.name, allocator, tool, e))
                    continue
                times.setdefault((workload.name, allocator, tool), []).append(took)
    rows = []
    for workload, allocator in bench.combinations():
        native, ours, theirs = (times.get((workload.name, allocator, t), []) for t in ("native", "memwhy", "heaptrack"))
        if not native or not ours:
            rows.append([workload.name, allocator, "-", "-", "-", "-", "-"])
            continue
        base = statistics.median(native)
        rows.append([workload.name, allocator, "%.2f" % base, "%.2f" % statistics.median(ours), "%.3f" % (statistics.median(ours) / base),
                     "%.3f" % max(b / a for a, b in zip(native, ours)), "%.2f" % (theirs[0] / base) if theirs else "-"])
    table("Wall time, s (medians of %d, interleaved)" % bench.options.runs,
          ["program", "allocator", "native", "memwhy", "ratio", "worst pair", "heaptrack ratio"], rows)


def bench_truth(bench):
    """|unexplained| / rss over every snapshot of every process; soundness of the books."""
    rows = []
    for workload, allocator in bench.combinations():
        for hold in ("stop", "soft"):
            db = bench.record(workload, allocator, ["--hold=" + hold])
            cells = []
            for which in ("hold = 'stopped'", "hold <> 'stopped'"):
                n, worst, big = db.execute(
                    "select count(*), max(1.0 * abs(unexplained_bytes) / rss_bytes), "
                    "max(case when rss_bytes >= 8388608 then 1.0 * abs(unexplained_bytes) / rss_bytes end) "
                    "from snapshot where rss_bytes > 0 and " + which).fetchone()
                cells += [n, percent(worst, 3), percent(big, 3)]
            unbalanced = one(db, "select count(*) from snapshot where unexplained_bytes is null")
            bad = db.execute("select max(unknown_frees), max(unknown_reallocs), max(double_allocations), max(lost_events) from process").fetchone()
            rows.append([workload.name, allocator, hold] + cells + [unbalanced, " / ".join(str(b) for b in bad)])
    table("Unexplained share of RSS, worst snapshot (second figure: of those of 8 MiB and more)",
          ["program", "allocator", "--hold", "stopped: n", "worst", "worst >= 8 MiB", "others: n", "worst", "worst >= 8 MiB", "no ledger",
           "unknown frees / reallocs / double / lost events"], rows)


def peak_figures(db):
    """Live peak caught, resident-peak snapshot against the kernel's VmHWM."""
    live_peak = one(db, "select live_peak_bytes from process where id = " + MAIN)
    live_seen = one(db, "select max(live_requested_bytes) from snapshot where process_id = " + MAIN)
    true_peak = one(db, TRUE_PEAK)
    seen = one(db, "select max(rss_bytes) from snapshot where process_id = " + MAIN)
    return (live_seen / live_peak if live_peak and live_seen else None, seen / true_peak if true_peak and seen else None)


def bench_peaks(bench):
    rows = []
    for workload, allocator in bench.combinations():
        live, resident = [], []
        for _ in range(bench.options.runs):
            a, b = peak_figures(bench.record(workload, allocator))
            live += [a] if a else []
            resident += [b] if b else []
        rows.append([workload.name, allocator] + [percent(f(x)) if x else "-" for x in (live, resident) for f in (min, statistics.median)])
    table("Peaks caught by a snapshot (%d runs)" % bench.options.runs,
          ["program", "allocator", "live peak: worst", "median", "resident peak: worst", "median"], rows)


def bench_observer(bench):
    """ru_maxrss of a clean run against the probed run's less the probe term at its peak."""
    clock = "/usr/bin/time"
    if not os.path.exists(clock):
        return say("GNU time is not installed: the observer effect is left out")
    rows, out = [], os.path.join(bench.tmp, "maxrss")
    for workload, allocator in bench.combinations():
        clean, probed, less = [], [], []
        for _ in range(bench.options.runs):
            workload.run(bench, [clock, "-q", "-f", "%M", "-o", out], bench.env(workload, allocator))
            with open(out) as f:
                clean.append(int(f.read().split()[-1]) * 1024)
            db = bench.record(workload, allocator)
            peak = one(db, TRUE_PEAK)
            probe = one(db, "select probe_bytes from snapshot where process_id = %s order by rss_bytes desc limit 1" % MAIN) or 0
            probed.append(peak)
            less.append(peak - probe)
        a, b, c = (statistics.median(x) for x in (clean, probed, less))
        rows.append([workload.name, allocator, "%.1f" % (a / MIB), "%.1f" % (b / MIB), "%.1f" % (c / MIB), "%+.2f %%" % (100 * (c - a) / a)])
    table("Observer effect, MiB (medians of %d)" % bench.options.runs,
          ["program", "allocator", "clean ru_maxrss", "probed", "less the probe", "difference"], rows)


def latency(bench, workload, allocator):
    """Seconds from the target's death to memwhy's, the summary printed in between."""
    argv = [bench.options.memwhy, "--force", "-o", bench.recording(), "--"] + workload.argv
    p = subprocess.Popen(argv, env=bench.env(workload, allocator), cwd=bench.tmp, stdin=subprocess.DEVNULL,
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    child = None
    while child is None and p.poll() is None:
        for task in os.listdir("/proc/%d/task" % p.pid) if os.path.isdir("/proc/%d/task" % p.pid) else []:
            try:
                with open("/proc/%d/task/%s/children" % (p.pid, task)) as f:
                    words = f.read().split()
                child = int(words[0]) if words else child
            except OSError:
                pass
    try:
        handle = os.pidfd_open(child)
        select.select([handle], [], [])
        ended = time.monotonic()
        os.close(handle)
    except (OSError, TypeError):
        ended = None
    p.wait()
    return None if ended is None else time.monotonic() - ended


def bench_cost(bench):
    """Snapshot cost for each GiB of live heap, probe memory against the heap, summary latency."""
    rows = []
    heap = "(live_requested_resident_bytes + rounding_bytes + fragmentation_bytes + retained_dirty_bytes + coalesce(retained_muzzy_bytes, 0) + allocator_metadata_bytes)"
    bench.build()
    loads = [Workload("heap-%d-MiB" % m, [os.path.join(bench.tmp, "hotpair"), "heap", str(m)]) for m in (256, 1024)] + bench.workloads
    for workload in loads:
        for allocator in bench.allocators:
            db = bench.record(workload, allocator)
            n, total, worst = db.execute("select count(*), sum(duration_ns) / 1e6, max(duration_ns) / 1e6 from snapshot").fetchone()
            per_gib = [r[0] for r in db.execute("select duration_ns / 1e6 / (live_requested_bytes / 1073741824.0) from snapshot where live_requested_bytes > 67108864")]
            share, excess = db.execute("select max(1.0 * probe_bytes / %s), max(probe_bytes - 8388608 - 0.27 * %s) from snapshot "
                                       "where probe_bytes is not null and %s > 0" % (heap, heap, heap)).fetchone()
            late = [x for x in (latency(bench, workload, allocator) for _ in range(3)) if x is not None] if not isinstance(workload, Redis) else []
            rows.append([workload.name, allocator, n, "%.0f" % (total or 0), "%.1f" % (worst or 0),
                         "%.0f / %.0f" % (statistics.median(per_gib), max(per_gib)) if per_gib else "-", percent(share, 1),
                         "-" if excess is None else "%+.1f MiB" % (excess / MIB), "%.0f" % (1000 * statistics.median(late)) if late else "-"])
    table("Cost of looking",
          ["program", "allocator", "snapshots", "sum, ms", "longest, ms", "ms per GiB live (median / worst)", "probe / heap, worst",
           "over 27 % + 8 MiB", "summary after, ms"], rows)


def bench_counts(bench):
    """Allocations against heaptrack's count; live bytes against the allocator's own."""
    bench.build()
    rows = []
    for workload in [w for w in bench.workloads if w.name.startswith("ruff")][:1] if shutil.which("heaptrack") else []:
        db = bench.record(workload, "glibc")
        ours = one(db, "select allocations from process where id = " + MAIN)
        wrapper = ["heaptrack", "-o", os.path.join(bench.tmp, "heaptrack.data")]
        bench.wrapper("heaptrack") # removes the last one
        p = subprocess.run(wrapper + workload.argv, env=bench.env(workload, "glibc"), cwd=bench.tmp, capture_output=True, text=True)
        theirs = re.search(r"allocations:\s+(\d+)", p.stdout + p.stderr)
        theirs = int(theirs.group(1)) if theirs else None
        rows.append([workload.name, ours, theirs or "-", "%+.4f %%" % (100 * (ours - theirs) / theirs) if theirs else "-"])
    if rows:
        table("Allocations, against heaptrack", ["program", "memwhy", "heaptrack", "difference"], rows)
    rows = []
    program = Workload("heap", [os.path.join(bench.tmp, "hotpair"), "heap", "256"])
    for allocator in bench.allocators:
        p = subprocess.run(bench.wrapper("memwhy") + program.argv, env=bench.env(program, allocator), cwd=bench.tmp, capture_output=True, text=True)
        own = re.search(r"own (-?\d+)", p.stdout)
        own = int(own.group(1)) if own else -1
        db = sqlite3.connect(bench.recording())
        live, rounding = db.execute("select live_requested_bytes, rounding_bytes from snapshot order by time_ns desc limit 1").fetchone()
        rows.append([allocator, live, rounding, own if own >= 0 else "-", "%+.3f %%" % (100 * (live + rounding - own) / own) if own > 0 else "-"])
    table("Live bytes, against the allocator's own count (usable bytes)",
          ["allocator", "live", "rounding", "its own", "live + rounding against it"], rows)


COMMANDS = {"hotpair": bench_hotpair, "macro": bench_macro, "truth": bench_truth, "peaks": bench_peaks,
            "observer": bench_observer, "cost": bench_cost, "counts": bench_counts}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("command", choices=list(COMMANDS) + ["all"])
    parser.add_argument("--memwhy", default="./memwhy", help="the memwhy to measure [./memwhy]")
    parser.add_argument("--runs", type=int, default=5, help="runs of each [5]")
    parser.add_argument("--scale", type=float, default=1.0, help="size of the programs' work [1.0]")
    parser.add_argument("--programs", nargs="*", help="only these: ruff-2 ruff-10 redis sqlite3 cc1 python3")
    parser.add_argument("--allocators", nargs="*", default=list(ALLOCATOR_FILES), choices=list(ALLOCATOR_FILES))
    parser.add_argument("--ruff", help="a ruff 0.0.246 [its wheel, by pip download]")
    parser.add_argument("--python-library", default="/usr/lib/python3.11")
    parser.add_argument("--no-heaptrack", action="store_true")
    bench = Bench(parser.parse_args())
    bench.options.memwhy = os.path.abspath(bench.options.memwhy)
    if bench.options.ruff:
        bench.options.ruff = os.path.abspath(bench.options.ruff)
    try:
        bench.workloads = [] if bench.options.command == "hotpair" else make_workloads(bench)
        for name in COMMANDS if bench.options.command == "all" else [bench.options.command]:
            COMMANDS[name](bench)
    finally:
        shutil.rmtree(bench.tmp, ignore_errors=True)


if __name__ == "__main__":
    main()
