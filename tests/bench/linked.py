#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""linked.py - allocators that are linked into published programs, as Markdown tables.

Model: a program is a pinned version that pip or npm downloads into a folder, and a run of it
over a tree of source files. "found" asks memwhy doctor each time with an empty cache; "real"
runs it whole under memwhy and reads what the recording says; "overhead" runs it bare and
under memwhy in turn, with the allocator already known. Medians of one session, no limits:
figures are for people to judge. Only public tools: pip, npm, the programs, and recordings as
memwhy-recording(5) documents them.

  linked.py found|real|overhead|all --folder DIR [options]     (see --help)
"""
import argparse
import glob
import os
import re
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tarfile
import time
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
PLATFORMS = ["manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"]
OLD_RUFF = ["-n", "--exit-zero", "{python}"]
RUFF = ["check", "-n", "--exit-zero", "{python}"]
LINT = ["lint", "--max-diagnostics=5", "{js}"]

# name: how it is had, package, version, the file in the package, its arguments
PROGRAMS = {
    "ruff-0.0.247": ("pip", "ruff", "0.0.247", "*/scripts/ruff", OLD_RUFF),
    "ruff-0.0.250": ("pip", "ruff", "0.0.250", "*/scripts/ruff", OLD_RUFF),
    "ruff-0.4.0": ("pip", "ruff", "0.4.0", "*/scripts/ruff", RUFF),
    "ruff-0.9.0": ("pip", "ruff", "0.9.0", "*/scripts/ruff", RUFF),
    "ruff-0.17.6": ("pip", "ruff", "0.17.6", "*/scripts/ruff", RUFF),
    "biome-1.9.4": ("npm", "@biomejs/cli-linux-x64", "1.9.4", "package/biome", LINT),
    "biome-2.6.8": ("npm", "@biomejs/cli-linux-x64", "2.6.8", "package/biome", LINT),
    "rome-12.1.3": ("npm", "@rometools/cli-linux-x64", "12.1.3", "package/rome", ["check", "--max-diagnostics=5", "{js}"]),
    "oxlint-1.10.0": ("npm", "@oxlint/linux-x64-gnu", "1.10.0", "package/oxlint", ["--quiet", "{js}"]),
    "ty-0.0.105": ("pip", "ty", "0.0.105", "*/scripts/ty", ["check", "--exit-zero", "-q", "{python}/email"]),
    "pyrefly-1.4.1": ("pip", "pyrefly", "1.4.1", "*/scripts/pyrefly", ["check", "{python}/email"]),
    "uv-0.8.0": ("pip", "uv", "0.8.0", "*/scripts/uv", ["venv", "--offline", "--clear", "{folder}/venv"]),
}
TREE = ("npm", "three", "0.160.0", "package", [])


def say(*parts):
    print(*parts, flush=True)


def table(title, heads, rows):
    say("\n### " + title + "\n")
    say("| " + " | ".join(heads) + " |")
    say("|" + "---|" * len(heads))
    for row in rows:
        say("| " + " | ".join(str(c) for c in row) + " |")


# ---- what is downloaded --------------------------------------------------------------

def download(how, package, version, folder):
    if how == "pip":
        argv = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:", "-d", folder]
        for platform in PLATFORMS:
            argv += ["--platform", platform]
        subprocess.run(argv + ["%s==%s" % (package, version)], check=True, stdout=sys.stderr)
    else:
        subprocess.run(["npm", "pack", "--silent", "%s@%s" % (package, version)], cwd=folder, check=True, stdout=sys.stderr)


def unpack(folder):
    for path in glob.glob(folder + "/*.whl"):
        with zipfile.ZipFile(path) as z:
            z.extractall(folder)
    for path in glob.glob(folder + "/*.tgz"):
        with tarfile.open(path) as t:
            t.extractall(folder)


def fetch(bench, name, what):
    """The file of a package, downloaded once; a folder is there whole or not at all."""
    how, package, version, member, _ = what
    folder = os.path.join(bench.folder, name)
    if not os.path.isdir(folder):
        part = folder + ".part"
        shutil.rmtree(part, ignore_errors=True)
        os.makedirs(part)
        download(how, package, version, part)
        unpack(part)
        os.rename(part, folder)
    found = glob.glob(os.path.join(folder, member))
    if not found:
        raise RuntimeError("%s: there is no %s in the package" % (name, member))
    if os.path.isfile(found[0]):
        os.chmod(found[0], 0o755)
    return found[0]


class Bench:
    def __init__(self, options):
        self.options, self.memwhy, self.folder = options, options.memwhy, os.path.abspath(options.folder)
        os.makedirs(self.folder, exist_ok=True)
        self.env = dict(os.environ, XDG_CACHE_HOME=self.folder + "/cache", XDG_STATE_HOME=self.folder + "/state")
        self.names = options.program or list(PROGRAMS)
        self.places = {"python": options.python, "folder": self.folder}

    def command(self, name):
        what = PROGRAMS[name]
        if any("{js}" in word for word in what[4]):
            self.places["js"] = self.options.js or fetch(self, "tree", TREE)
        return [fetch(self, name, what)] + [word.format(**self.places) for word in what[4]]

    def run(self, argv):
        """Seconds, and seconds of CPU of all that it started and waited for."""
        cwd = self.folder if "js" not in self.places else self.places["js"]
        start = time.monotonic()
        with open(self.folder + "/last.err", "wb") as err:
            p = subprocess.Popen(argv, env=self.env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=err)
            _, status, usage = os.wait4(p.pid, 0)
        p.returncode = os.waitstatus_to_exitcode(status)
        if p.returncode not in (0, 1):
            raise RuntimeError("%s: status %d, see last.err" % (argv[0], p.returncode))
        return time.monotonic() - start, usage.ru_utime + usage.ru_stime


# ---- found -----------------------------------------------------------------------------

def identify(bench, program):
    """One identification from nothing: the entries as text, forks, seconds."""
    shutil.rmtree(bench.folder + "/cache/memwhy", ignore_errors=True)
    out = subprocess.run([bench.memwhy, "doctor", "--", program], env=bench.env, capture_output=True, text=True).stdout
    looked = re.search(r"looked for just now: ([0-9.]+) s, ([0-9]+) candidates, ([0-9]+) forks", out)
    entries = re.findall(r"^  (\S+)\s+(\S.*?)\s+(0x[0-9a-f]+)\s+by (?:its )?(\w+)", out, re.M)
    if not looked:
        return entries, 0, 0.0
    return entries, int(looked.group(3)), float(looked.group(1))


def burn():
    return [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count() or 1)]


def found_row(bench, name):
    program = bench.command(name)[0]
    answers = []
    for i in range(bench.options.identifications):
        loads = burn() if bench.options.load and i % 2 else []
        try:
            answers.append(identify(bench, program))
        finally:
            for p in loads:
                p.kill()
                p.wait()
    entries, how = answers[0][0], {e[3] for e in answers[0][0]}
    same = sum(a[0] == entries for a in answers)
    quiet = answers[::2] if bench.options.load else answers
    return [name, len(entries), ", ".join("%s" % e[1] for e in entries), "/".join(sorted(how)),
            statistics.median(a[1] for a in answers), "%.2f" % statistics.median(a[2] for a in quiet),
            "%.2f" % max(a[2] for a in answers), "%d of %d" % (same, len(answers))]


def do_found(bench):
    rows = [found_row(bench, name) for name in bench.names]
    table("Entries found, from an empty cache" + (" (every other time with all cores loaded)" if bench.options.load else ""),
          ["program", "entries", "kinds", "by", "forks", "seconds", "most", "same answer"], rows)


# ---- real --------------------------------------------------------------------------------

def read_recording(path):
    db = sqlite3.connect(path)
    sums = db.execute("select sum(allocations), sum(unknown_frees), sum(unknown_reallocs), sum(double_allocations), "
                      "sum(before_hooks_frees) from process").fetchone()
    heaps = db.execute("select name, version from heap where found <> 'preload' group by name, version").fetchall()
    db.close()
    return sums, ", ".join(("%s %s" % h).strip() for h in heaps)


def do_real(bench):
    rows = []
    for name in bench.names:
        argv, most = bench.command(name), None
        for _ in range(bench.options.runs):
            record = bench.folder + "/real.rec"
            bench.run([bench.memwhy, "-q", "--force", "-o", record, "--"] + argv)
            sums, heaps = read_recording(record)
            most = sums if most is None else [max(a or 0, b or 0) for a, b in zip(most, sums)]
        rows.append([name, heaps] + list(most))
    table("Whole runs: the most of %d" % bench.options.runs,
          ["program", "heaps", "allocations", "unknown frees", "unknown reallocs", "double allocations", "before the hooks"], rows)


# ---- overhead ------------------------------------------------------------------------------

def do_overhead(bench):
    rows = []
    for name in bench.names:
        argv = bench.command(name)
        ways = [argv, [bench.memwhy, "-q", "--force", "-o", bench.folder + "/real.rec", "--"] + argv]
        took = [[], []]
        for way in ways: # the files are in memory and the allocator is known
            bench.run(way)
        for i in range(2 * bench.options.runs):
            way = (i + i // 2) % 2
            took[way].append(bench.run(ways[way]))
        wall = [statistics.median(t[0] for t in w) for w in took]
        cpu = [statistics.median(t[1] for t in w) for w in took]
        rows.append([name] + ["%.2f" % v for v in (wall[0], wall[1], wall[1] / wall[0], cpu[0], cpu[1], cpu[1] / cpu[0])])
    table("Bare and under memwhy, in turn, medians of %d" % bench.options.runs,
          ["program", "bare s", "memwhy s", "ratio", "bare CPU s", "memwhy CPU s", "CPU ratio"], rows)


TABLES = {"found": do_found, "real": do_real, "overhead": do_overhead}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("table", choices=list(TABLES) + ["all"])
    p.add_argument("--folder", required=True, help="for downloads, caches and recordings")
    p.add_argument("--memwhy", default=os.path.join(HERE, "../../build/dev/memwhy"))
    p.add_argument("--program", action="append", choices=list(PROGRAMS), help="may be repeated; default: all")
    p.add_argument("--runs", type=int, default=3, help="of each program and way")
    p.add_argument("--identifications", type=int, default=10, help="of each program")
    p.add_argument("--load", action="store_true", help="every other identification with all cores loaded")
    p.add_argument("--python", default="/usr/lib/python3.11", help="Python files to check")
    p.add_argument("--js", help="JavaScript files to check; default: a package from npm")
    bench = Bench(p.parse_args())
    bench.memwhy = os.path.abspath(bench.memwhy)
    for name in TABLES if bench.options.table == "all" else [bench.options.table]:
        TABLES[name](bench)


if __name__ == "__main__":
    main()
