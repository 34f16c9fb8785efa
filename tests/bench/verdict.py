#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""verdict.py - the verdict against programs whose cause is known.

Model: tests/programs/causes/cases says what each case is run under, the rule that must come
first, and the fix. A case is judged by three things: the ledger has the shape that the cause
means (the program is right); `memwhy why` names the cause (the verdict is right; a healthy case
may not be blamed at all); run again with the fix, its figure changes by what the verdict
promised (the counterfactual is right), within 10 %. Where the fix is a setting, the finding's advice
has to name it, for it is the one that was measured. Figures of a process are without the
probe's own pages. Medians of --runs runs.

  verdict.py --build DIR [--quick] [--shape] [--runs N] [--jobs N] [--only TEXT]

--quick: one run of each, no fix (tests/e2e/verdict.sh). --shape: no verdict is asked for.
Status 1: a shape is wrong, a healthy case is blamed, an advice doesn't name the fix, or under 95 %
of the causes are named.
"""
import argparse
import collections
import concurrent.futures
import csv
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
CASES = os.path.join(HERE, "..", "programs", "causes", "cases")
LIBRARIES = {
    "glibc": [],
    "jemalloc": ["libjemalloc.so.2"],
    "mimalloc": ["libmimalloc.so.2", "libmimalloc.so.2.0"],
    "tcmalloc_minimal": ["libtcmalloc_minimal.so.4"],
}
FOLDERS = ["/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib", "/usr/local/lib"]
# Settings that a person may have set, and that would change what is measured.
UNSET = ["LD_PRELOAD", "MALLOC_CONF", "MALLOC_ARENA_MAX", "MALLOC_TOP_PAD_", "MALLOC_MMAP_THRESHOLD_",
         "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES"]
TERMS = {"live": "live_requested_resident", "dirty": "retained_dirty"}
RIGHT_SHARE = 0.95
SAVES_WITHIN = 0.10
TRIES = 2
HEALTHY = "live-is-it"
MIB = 1 << 20

Case = collections.namedtuple("Case", "causes anywhere program allocator settings fix moments shape")
Case.name = property(lambda c: "%s %s" % (c.program, c.allocator))


class Skipped(Exception):
    """The machine can't do this case; the text says why."""


def say(*parts):
    print(*parts, flush=True)


def environment(text):
    """"A=b,c:d,E=f" as a dictionary: only a comma before NAME= begins a new one."""
    return dict(s.split("=", 1) for s in re.split(r",(?=[A-Z_]+=)", text)) if text != "-" else {}


def read_cases(path):
    cases = []
    for line in open(path):
        if line.startswith("#") or not line.strip():
            continue
        cause, program, allocators, settings, fix, moments, shape = line.split()
        for allocator in allocators.split(","):
            cases.append(Case(cause.lstrip("+").split("|"), cause[0] == "+", program, allocator,
                              environment(settings), fix, moments.split(","), shape.split(",")))
    return cases


def library_of(allocator):
    if not LIBRARIES[allocator]:
        return None
    for name in LIBRARIES[allocator]:
        for folder in FOLDERS:
            if os.path.exists(os.path.join(folder, name)):
                return os.path.join(folder, name)
    raise Skipped("%s is not installed" % allocator)


class Runner:
    def __init__(self, build, folder):
        self.memwhy = os.environ.get("MEMWHY") or os.path.join(build, "memwhy")
        self.program = os.path.join(build, "tests", "programs", "cause")
        self.folder = folder

    def environment_of(self, case, fixed):
        env = {k: v for k, v in os.environ.items() if k not in UNSET}
        env.update(HOME=self.folder, XDG_STATE_HOME=self.folder, XDG_CACHE_HOME=self.folder, **case.settings)
        if fixed and case.fix != "fixed":
            env.update(environment(case.fix))
        library = library_of(case.allocator)
        if library:
            env["LD_PRELOAD"] = library
        return env

    def tell(self, *words):
        """memwhy's JSON about a recording."""
        env = {k: v for k, v in os.environ.items() if k not in UNSET}
        p = subprocess.run([self.memwhy, *words], env=env, capture_output=True, text=True, timeout=60)
        if p.returncode:
            raise RuntimeError("memwhy %s: %s" % (words[0], p.stderr.strip()))
        return json.loads(p.stdout)

    def record(self, case, fixed, number):
        base = os.path.join(self.folder, "%s-%s-%d-%d" % (case.program, case.allocator, fixed, number))
        words = [self.memwhy, "run", "-q", "--force", "-o", base + ".rec", "--csv", base + ".csv", "--",
                 self.program, case.program] + (["fixed"] if fixed and case.fix == "fixed" else [])
        p = subprocess.run(words, env=self.environment_of(case, fixed), capture_output=True, text=True, timeout=60)
        if p.returncode == 77:
            raise Skipped(p.stdout.strip())
        if p.returncode:
            raise RuntimeError("status %d: %s%s" % (p.returncode, p.stdout, p.stderr))
        return base


def curve_of(path):
    """(time, resident without the probe, live) of each row; what only snapshots know is carried on."""
    points, probe, live = [], 0, 0
    for row in csv.DictReader(open(path)):
        probe = int(row["probe_bytes"] or probe)
        live = int(row["live_requested_bytes"] or live)
        if row["rss_bytes"]:
            points.append((int(row["time_ns"]), int(row["rss_bytes"]) - probe, live))
    return points


def mean_of(points, column):
    area = sum((b[0] - a[0]) * a[column] for a, b in zip(points, points[1:]))
    return area / max(points[-1][0] - points[0][0], 1)


class Seen:
    """What one recording says."""

    def __init__(self, runner, base):
        report = runner.tell("report", "--format", "json", base + ".rec")
        self.ledgers = {m: self.plain(report["moments"][m]["ledger"]) for m in ("peak", "exit")}
        self.points = curve_of(base + ".csv")

    @staticmethod
    def plain(ledger):
        terms = {k[:-len("_bytes")]: v or 0 for k, v in ledger.items()}
        terms["net"] = terms["rss"] - terms["probe"]
        return terms

    def resident(self, moment):
        return mean_of(self.points, 1) if moment == "mean" else self.ledgers[moment]["net"]

    def per_cent(self, moment, terms):
        if moment == "mean":
            return 100 * mean_of(self.points, 2) / max(1, max(p[2] for p in self.points))
        ledger = self.ledgers[moment]
        live = ledger[TERMS["live"]]
        whole = ledger["net"] if terms[0] in ("live", "mapped") else ledger["net"] - live
        return 100 * sum(ledger[TERMS.get(t, t)] for t in terms) / max(1, whole)


def wrong_shape(case, seen):
    """"" or the condition that doesn't hold."""
    for condition in case.shape:
        moment, terms, compare, limit = re.fullmatch(r"(\w+)/([\w+]+)([<>]=)(\d+)", condition).groups()
        got = seen.per_cent(moment, terms.split("+"))
        if (got < float(limit)) if compare == ">=" else (got > float(limit)):
            return "%s, it is %.0f" % (condition, got)
    return ""


def finding_of(case, findings):
    """The finding that names the cause where it must, or None."""
    for f in findings if case.anywhere else findings[:1]:
        if f["rule"] in case.causes:
            return f
    return None


def parts_of(settings):
    """{(variable, part)}: MALLOC_CONF and GLIBC_TUNABLES have several parts."""
    separators = {"MALLOC_CONF": ",", "GLIBC_TUNABLES": ":"}
    return {(name, part) for name, value in settings.items()
            for part in (value.split(separators[name]) if name in separators else [value])}


def unadvised(case, finding):
    """What the fix sets and the advice doesn't name, in words; "" if it names all."""
    if case.fix in ("fixed", "-") or not finding:
        return ""
    missing = {"%s=%s" % (name, part) for name, part in parts_of(environment(case.fix)) - parts_of(case.settings)
               if not re.search(r"\b%s=\S*%s" % (re.escape(name), re.escape(part)), finding["advice"] or "")}
    return " ".join(sorted(missing))


def is_healthy(case):
    return case.causes == [HEALTHY]


def blamed(findings):
    return [f["rule"] for f in findings if f["rule"] != HEALTHY]


def list_of(findings):
    return " ".join("%s:%.1f/%s" % (f["rule"], (f["bytes"] or 0) / MIB, f["moment"]) for f in findings) or "nothing"


class Result:
    def __init__(self, case):
        self.case, self.skipped, self.shape, self.findings = case, "", "", []
        self.named, self.blame, self.unadvised = False, [], ""
        self.explained, self.promised, self.changed, self.moment = None, None, None, None


def change_of(before, after, moment):
    return (statistics.median(s.resident(moment) for s in before) -
            statistics.median(s.resident(moment) for s in after))


def judge_findings(result, all_findings):
    """By the first recording; the promise is the median over all that name the cause."""
    case, result.findings = result.case, all_findings[0]
    result.named = bool(finding_of(case, result.findings)) or (is_healthy(case) and not result.findings)
    result.blame = blamed(result.findings) if is_healthy(case) else []
    result.unadvised = unadvised(case, finding_of(case, result.findings))
    found = [f for f in (finding_of(case, fs) for fs in all_findings) if f]
    if not found or is_healthy(case) or case.anywhere:
        return
    result.moment = found[0]["moment"]
    result.explained = statistics.median(f["bytes"] for f in found)
    promises = [f["saves_bytes"] for f in found if f.get("saves_bytes") is not None]
    if promises:
        result.promised = statistics.median(promises)


def record_all(runner, case, runs):
    """The recordings, what they say, and what is wrong with the first one's shape."""
    bases = [runner.record(case, False, i) for i in range(runs)]
    before = [Seen(runner, b) for b in bases]
    return bases, before, wrong_shape(case, before[0])


def judge(runner, case, options):
    result = Result(case)
    runs = 1 if options.quick else options.runs
    try:
        for _ in range(TRIES):  # the shapes are of time as well, which a busy machine bends
            bases, before, result.shape = record_all(runner, case, runs)
            if not result.shape:
                break
        if not options.shape:
            judge_findings(result, [runner.tell("why", "--format", "json", b + ".rec")["findings"] for b in bases])
        if not options.quick and case.fix != "-":
            after = [Seen(runner, runner.record(case, True, i)) for i in range(runs)]
            result.moment = result.moment or case.moments[0]
            result.changed = change_of(before, after, result.moment)
    except Skipped as why:
        result.skipped = str(why)
    except (RuntimeError, subprocess.TimeoutExpired, KeyError, ValueError) as error:
        result.shape = "not judged: %s %s" % (type(error).__name__, error)
    return result


def is_near(result, bytes_or_none):
    """None where nothing was said, or nothing was run again."""
    if bytes_or_none is None or result.changed is None:
        return None
    return (abs(bytes_or_none - result.changed) <= SAVES_WITHIN * abs(result.changed)
            and result.moment in result.case.moments)


def count_near(ran, figure, what):
    """Says how many are near, and each that is not."""
    near = {r: is_near(r, getattr(r, figure)) for r in ran}
    near = {r: n for r, n in near.items() if n is not None}
    for r in (r for r, n in near.items() if not n):
        say("%s: %s %s at %s, really %s" % (r.case.name, what, mib(getattr(r, figure)), r.moment, mib(r.changed)))
    if near:
        say("%s within %d %% of the real change: %d of %d" % (
            what, 100 * SAVES_WITHIN, sum(near.values()), len(near)))


def mib(bytes_or_none):
    return "-" if bytes_or_none is None else "%.1f" % (bytes_or_none / MIB)


def show_table(results):
    say("| case | cause | shape | first findings | moment | explained, MiB | promised, MiB | really, MiB |")
    say("|---|---|---|---|---|---|---|---|")
    for r in results:
        say("| %s | %s | %s | %s | %s | %s | %s | %s |" % (
            r.case.name, "/".join(r.case.causes), r.skipped or r.shape or "right", list_of(r.findings[:2]),
            r.moment or "-", mib(r.explained), mib(r.promised), mib(r.changed)))


def show_wrong(results, options):
    """Each wrong one, then the totals; true if all is well enough."""
    ran = [r for r in results if not r.skipped]
    for r in results:
        if r.skipped:
            say("left out %s: %s" % (r.case.name, r.skipped))
    for r in ran:
        if r.shape:
            say("FAILED %s (%s): %s" % (r.case.name, "/".join(r.case.causes), r.shape))
    shapes = sum(not r.shape for r in ran)
    say("programs that show their cause: %d of %d" % (shapes, len(ran)))
    return (show_wrong_verdicts(ran) if not options.shape else True) and shapes == len(ran) > 0


def show_wrong_verdicts(ran):
    for r in ran:
        if not r.named:
            say("wrong %s: %s expected, got %s" % (r.case.name, "/".join(r.case.causes), list_of(r.findings[:3])))
        if r.blame:
            say("FAILED %s is healthy, and is blamed: %s" % (r.case.name, list_of(r.findings)))
        if r.unadvised:
            say("FAILED %s: the fix %s is not in the advice" % (r.case.name, r.unadvised))
    advised = not any(r.unadvised for r in ran)
    named, blame = sum(r.named for r in ran), sum(bool(r.blame) for r in ran)
    say("verdicts right: %d of %d; healthy cases blamed: %d" % (named, len(ran), blame))
    count_near(ran, "promised", "promised")
    count_near(ran, "explained", "explained")
    return named >= RIGHT_SHARE * len(ran) and not blame and advised


def arguments():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--build", default=".", help="the build directory (memwhy and tests/programs/cause)")
    p.add_argument("--quick", action="store_true", help="one run of each, no fix")
    p.add_argument("--shape", action="store_true", help="only whether the programs show their causes")
    p.add_argument("--runs", type=int, default=3)
    p.add_argument("--jobs", type=int, default=1, help="cases at a time")
    p.add_argument("--only", default="", help="cases whose cause or name holds this")
    return p.parse_args()


def main():
    options = arguments()
    for needed in ("memwhy", "tests/programs/cause"):
        if not os.path.exists(os.path.join(options.build, needed)):
            sys.exit("verdict.py: no %s in %s; --build names the build directory" % (needed, options.build))
    cases = [c for c in read_cases(CASES) if options.only in " ".join(c.causes + [c.name])]
    with tempfile.TemporaryDirectory() as folder:
        runner = Runner(os.path.abspath(options.build), folder)
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            results = list(pool.map(lambda c: judge(runner, c, options), cases))
    if not options.quick:
        show_table(results)
    return 0 if show_wrong(results, options) else 1


if __name__ == "__main__":
    sys.exit(main())
