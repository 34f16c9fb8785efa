#!/bin/bash
# SPDX-License-Identifier: MIT
# top.sh - top, diff and the exports of call stacks: what can't be done is one line and a
# status; what a recording has is read by the formats' own readers.
. "${srcdir:-.}/tests/e2e/lib.sh"
cd "$tmp" || exit 99

# refused WHAT STATUS ARG...: one line, that status, nothing on standard output
refused() {
	local what=$1 status=$2
	shift 2
	run "$MEMWHY" "$@" > out 2> err < /dev/null
	is "$what: status" "$ended" "exit $status"
	is "$what: one line" "$(wc -l < err)" 1
	matches "$what: memwhy says it" err '^memwhy: '
	is "$what: no output" "$(wc -c < out)" 0
}
run "$MEMWHY" -q -o plain.rec --no-probe -- true
is "a recording without stacks is made" "$ended" "exit 0"
refused "top without stacks" 125 top plain.rec
matches "it says what to do" err '\-\-stacks'
for format in folded pprof speedscope; do
	refused "export $format without stacks" 125 export $format -o made plain.rec
	holds "export $format leaves no file behind" test ! -e made
done
refused "top of nothing" 125 top missing.rec
refused "--by temporary" 2 top --by temporary plain.rec
refused "an unknown --by" 2 top --by size plain.rec
refused "an unknown --by of export" 2 export folded --by size plain.rec
refused "a table that folded has not" 2 export folded --table samples plain.rec
refused "diff of one" 2 diff plain.rec
refused "diff with nothing" 125 diff plain.rec missing.rec
run "$MEMWHY" diff plain.rec plain.rec > out 2> err
is "diff without stacks goes on" "$ended" "exit 0"
matches "it says that stacks are missing" out 'no call stacks'

# With stacks.
run "$MEMWHY" -q --stacks=all -o stacks.rec -- "$programs/frag" > /dev/null
is "a recording with stacks is made" "$ended" "exit 0"
for by in live pinned peak total rounding dirty; do
	run "$MEMWHY" top --by $by stacks.rec > out 2> err
	is "top --by $by" "$ended" "exit 0"
	is "top --by $by fits 80 columns" "$(awk 'length > 80' out | wc -l)" 0
done
for format in folded pprof speedscope; do
	run "$MEMWHY" export $format -o "out.$format" stacks.rec
	is "export $format" "$ended" "exit 0"
done
# shellcheck disable=SC2016 # awk's
holds "every folded line is a stack and a number" awk '$NF !~ /^[0-9]+$/ || NF < 2 { exit 1 } END { exit NR == 0 }' out.folded
if command -v python3 > /dev/null; then
	holds "speedscope's frames and weights agree" python3 - out.speedscope <<-'PY'
		import json, sys
		d = json.load(open(sys.argv[1], encoding="utf-8"))
		frames = d["shared"]["frames"]
		assert all(isinstance(f["name"], str) for f in frames)
		assert 0 <= d["activeProfileIndex"] < len(d["profiles"])
		for p in d["profiles"]:
		    assert p["type"] == "sampled" and p["unit"] == "bytes"
		    assert len(p["samples"]) == len(p["weights"])
		    assert p["endValue"] - p["startValue"] == sum(p["weights"])
		    assert all(0 <= i < len(frames) for s in p["samples"] for i in s)
	PY
else
	left_out "no python3: speedscope's file is not read"
fi
if command -v go > /dev/null && go tool pprof -h > /dev/null 2>&1; then
	run env PPROF_TMPDIR="$tmp" go tool pprof -top out.pprof > out 2> err
	is "go tool pprof reads it" "$ended" "exit 0"
	is "and warns of nothing" "$(grep -icE 'warn|fail|error' err out | grep -vc ':0$')" 0
	matches "it shows live bytes" out '^Type: live_bytes'
else
	left_out "no go tool pprof"
fi
finish
