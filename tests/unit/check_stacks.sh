#!/bin/sh
# SPDX-License-Identifier: MIT
# The golden speedscope file against what its published schema asks of a sampled profile, and
# against the folded one: the same stacks with the same bytes.
command -v python3 >/dev/null || { echo "no python3 here"; exit 77; }
exec python3 - "${srcdir:-.}/tests/golden/stacks.speedscope.json" "${srcdir:-.}/tests/golden/stacks.folded" <<'EOF_PY'
import json, sys

file = json.load(open(sys.argv[1], encoding="utf-8"))
assert file["$schema"].endswith("/file-format-schema.json")
assert 0 <= file["activeProfileIndex"] < len(file["profiles"])
frames = file["shared"]["frames"]
for f in frames:
    assert isinstance(f["name"], str) and set(f) <= {"name", "file", "line", "col"}, f
    assert isinstance(f.get("line", 1), int) and isinstance(f.get("file", ""), str), f
for p in file["profiles"]:
    assert set(p) == {"type", "name", "unit", "startValue", "endValue", "samples", "weights"}, set(p)
    assert p["type"] == "sampled" and p["unit"] == "bytes"
    assert len(p["samples"]) == len(p["weights"]) > 0
    assert p["endValue"] - p["startValue"] == sum(p["weights"])
    assert all(0 <= i < len(frames) for s in p["samples"] for i in s)
live = file["profiles"][0]
lines = {f"{';'.join(frames[i]['name'] for i in s)} {w}" for s, w in zip(live["samples"], live["weights"])}
assert lines == set(open(sys.argv[2], encoding="utf-8").read().splitlines()), lines
print("speedscope's file is sound and says what the folded one says")
EOF_PY
