#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""symbols.py - are our names those of addr2line?

symbols.py [--build DIR] [-n COUNT] [--seed N] [--show N] FILE...

COUNT random addresses in each FILE's functions, asked of tests/programs/symbolize-print and of
`addr2line -i -f -C`. Prints for each file how many have the same functions, files and lines,
frame by frame, and the classes of those that don't, with examples. Where llvm-symbolizer is
installed it is asked about these too, and each class says how often it is on which side.
"""
import argparse, collections, os, random, re, shutil, subprocess, sys, time


def run(command, text):
    return subprocess.run(command, input=text, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          encoding="utf-8", errors="replace", check=True).stdout.splitlines()


def functions(path):
    """[start, end) of what the symbol table calls a function; what is between them is padding."""
    pattern = re.compile(r"\s*\d+: ([0-9a-f]+)\s+(0x[0-9a-f]+|\d+) FUNC\s+\w+\s+\w+\s+\d+ ")
    found = (pattern.match(line) for line in run(["readelf", "-sW", path], ""))
    return sorted({(int(m[1], 16), int(m[1], 16) + int(m[2], 0)) for m in found if m and int(m[2], 0)})


def choose(path, count, seed):
    spans, end = [], 0
    for low, high in functions(path):
        if high > end:
            spans.append((max(low, end), high))
            end = high
    sizes = [high - low for low, high in spans]
    if not sizes:
        sys.exit(f"{path}: no functions in its symbol table")
    generator, chosen = random.Random(seed), set()
    while len(chosen) < min(count, sum(sizes) // 2):
        low, high = generator.choices(spans, sizes)[0]
        chosen.add(generator.randrange(low, high))
    return sorted(chosen)


def place(text):
    """FILE:LINE in one form: plain path, 0 for an unknown line; addr2line adds a discriminator."""
    text = re.sub(r" \(discriminator \d+\)$", "", text)
    file, _, line = text.rpartition(":")
    line = int(line) if line.isdigit() else 0
    return ("??" if file in ("", "??") else os.path.normpath(file)), line


def ours(lines):
    frames, result = None, {}
    i = 0
    while i < len(lines):
        if re.fullmatch(r"0x[0-9a-f]+", lines[i]):
            frames = result[int(lines[i], 16)] = []
            i += 1
        else:
            frames.append((lines[i], *place(lines[i + 1])))
            i += 3
    return result


def theirs(lines):
    frames, result = None, {}
    i = 0
    while i < len(lines):
        if re.fullmatch(r"0x[0-9a-f]+", lines[i]):
            frames = result[int(lines[i], 16)] = []
            i += 1
        elif not lines[i]:
            i += 1
        else:
            frames.append((lines[i], *place(re.sub(r":\d+$", "", lines[i + 1]) if lines[i + 1].count(":") > 1
                                            and re.search(r":\d+:\d+$", lines[i + 1]) else lines[i + 1])))
            i += 2
    return result


def difference(a, b):
    """The first thing that differs, as the name of a class; "" for none."""
    if len(a) != len(b):
        return "number of inlined frames"
    for depth, (x, y) in enumerate(zip(a, b)):
        where = "inner" if depth + 1 < len(a) else "outer" if len(a) > 1 else "only"
        for what, p, q in zip(("function", "file", "line"), x, y):
            if p != q:
                note = ": none here" if p in ("??", 0) else ": none there" if q in ("??", 0) else ""
                return f"{what} of the {where} frame{note}"
    return ""


def ask(command, addresses, parse):
    begin = time.monotonic()
    return parse(run(command, "".join(f"0x{a:x}\n" for a in addresses))), time.monotonic() - begin


def show(frames):
    return " <- ".join(f"{f} {p}:{n}" for f, p, n in frames)


def compare(path, options):
    addresses = choose(path, options.count, options.seed)
    printer = os.path.join(options.build, "tests/programs/symbolize-print")
    we, our_s = ask([printer, path], addresses, ours)
    they, their_s = ask(["addr2line", "-a", "-i", "-f", "-C", "-e", path], addresses, theirs)
    classes = collections.defaultdict(list)
    for a in addresses:
        classes[difference(we.get(a, []), they.get(a, []))].append(a)
    same = len(classes.pop("", []))
    print(f"{path}: {same} of {len(addresses)} the same ({100 * same / len(addresses):.2f} %)   "
          f"here {our_s:.2f} s, addr2line {their_s:.2f} s")
    differ = sorted(a for c in classes.values() for a in c)
    third = {}
    if differ and shutil.which("llvm-symbolizer"):
        third, _ = ask(["llvm-symbolizer", "-a", "-i", "-f", "-C", "-e", path], differ, theirs)
    for name, members in sorted(classes.items(), key=lambda c: -len(c[1])):
        votes = collections.Counter(
            "with us" if not difference(we[a], third[a]) else
            "with addr2line" if not difference(they[a], third[a]) else "with neither" for a in members if a in third)
        print(f"  {len(members):5} {name}   (llvm-symbolizer: "
              + (", ".join(f"{n} {v}" for v, n in votes.most_common()) or "not asked") + ")")
        for a in members[:options.show]:
            print(f"        0x{a:x}\n          here       {show(we[a])}\n          addr2line  {show(they[a])}")
            if a in third:
                print(f"          llvm       {show(third[a])}")


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--build", default="build/dev")
parser.add_argument("-n", dest="count", type=int, default=10000)
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--show", type=int, default=2)
parser.add_argument("files", nargs="+", metavar="FILE")
arguments = parser.parse_args()
for file in arguments.files:
    compare(file, arguments)
