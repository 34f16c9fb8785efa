#!/bin/bash
# SPDX-License-Identifier: MIT
# stacks.sh - call stacks of allocations: their totals are the counters, in real programs and where
# a stack is hard to walk; the unwinder names the frames that libunwind names; the target says
# and ends as without.
. "${srcdir:-.}/tests/e2e/lib.sh"
need awk
libs=$programs/.libs

# value NAME FILE: of its last line of that name
value() {
	awk -v name="$1" '$1 == name { v = $2 } END { print v }' "$2"
}

# total NAME FILE: the sum over processes
total() {
	awk -v name="$1" '$1 == name { s += $2 } END { print s + 0 }' "$2"
}

# looked NAME HOW COMMAND...: run with --stacks=HOW and stack-look beside the probe
looked() {
	local name=$1 how=$2
	shift 2
	rm -f "$tmp/$name.look"
	probed "$name" "--stacks=$how" -- env "LD_PRELOAD=$libs/stack-look.so" "STACK_LOOK=$tmp/$name.look" "$@"
}

# whole NAME: every allocation is in some stack's total
whole() {
	local f=$tmp/$1.look
	is "$1: allocations by stack" "$(total counted "$f")" "$(total allocations "$f")"
	is "$1: bytes by stack" "$(total counted_bytes "$f")" "$(total allocated_bytes "$f")"
	is "$1: stacks that found no room or could not be taken" "$(total lost "$f") $(total failed "$f")" "0 0"
	is "$1: nodes that lead nowhere, blocks without a stack" "$(total broken "$f") $(total wrong_heads "$f")" "0 0"
	holds "$1: there were allocations" test "$(total allocations "$f")" -gt 0
}

for part in early signal alternate jump deep tiny context fork "plugin $plugin"; do
	name=${part%% *}
	# shellcheck disable=SC2086 # words of it are arguments
	bare "$name-bare" "$programs/stack-odd" $part
	bare_ended=$ended
	# shellcheck disable=SC2086
	looked "$name" all "$programs/stack-odd" $part
	is "$name: ends as without memwhy" "$ended" "$bare_ended"
	same_file "$name: says the same" "$tmp/$name.out" "$tmp/$name-bare.out"
	whole "$name"
done
is "deep: recursion is folded, all but the 20 + 20 that are too deep even so are whole" \
	"$(value folded "$tmp/deep.look") $(value cut "$tmp/deep.look")" "60 40"
is "signal: no stack ends for want of tables" "$(value no_tables "$tmp/signal.look")" 0
is "fork: the child has its parent's stacks and its own" "$(grep -c '^counted ' "$tmp/fork.look")" 2

if command -v python3 > /dev/null; then
	looked python all python3 -c 'import json, ast; print(len(json.dumps([str(i) for i in range(20000)])))'
	is "python3: ended" "$ended" "exit 0"
	whole python
	looked sampled sampled:2K python3 -c 'print(sum(len(str(i)) for i in range(20000)))'
	is "sampled: ended" "$ended" "exit 0"
	holds "sampled: fewer stacks than allocations" test "$(total taken "$tmp/sampled.look")" -lt "$(total allocations "$tmp/sampled.look")"
	# the standard error is sqrt(2 KiB x bytes), about 2 %: this is ten times that
	awk -v seen="$(total counted_bytes "$tmp/sampled.look")" -v true="$(total allocated_bytes "$tmp/sampled.look")" \
		'BEGIN { exit !(seen > 0.8 * true && seen < 1.2 * true) }'
	is "sampled: the estimate of all bytes is near them" $? 0
	looked none none python3 -c 'print(1)'
	is "none: no stack is taken" "$(total taken "$tmp/none.look")" 0
else
	left_out "python3 is not installed"
fi
if command -v sqlite3 > /dev/null; then
	looked sqlite all sqlite3 :memory: 'create table t(a); insert into t values(1); select * from t'
	is "sqlite3: its output" "$(cat "$tmp/sqlite.out")" 1
	whole sqlite
fi

# compared NAME COMMAND...: by libunwind, at each allocation
compared() {
	local name=$1 f=$tmp/$1.compare
	shift
	rm -f "$f"
	run env "LD_PRELOAD=$libs/unwind-compare.so" "UNWIND_COMPARE=$f" UNWIND_COMPARE_LIMIT=60000 "$@" > "$tmp/out" 2> "$tmp/err"
	holds "$name: stacks were compared" test "$(total stacks "$f")" -gt 0
	holds "$name: and frames were taken over from the last walk" test "$(total kept "$f")" -gt "$(($(total stacks "$f") / 2))"
	is "$name: stacks that libunwind sees otherwise, or longer" "$(total different "$f") $(total shorter "$f")" "0 0"
}
if [ -e "$libs/unwind-compare.so" ]; then
	compared python env PYTHONMALLOC=malloc python3 -c 'import ast, json; ast.parse(open(ast.__file__).read())'
	compared sqlite sqlite3 :memory: 'with recursive c(x) as (select 1 union all select x + 1 from c where x < 3000) select count(group_concat(x)) from c group by x % 7'
	compared cxx "$programs/cxx-new" pattern
	compared signal "$programs/stack-odd" signal
	compared plugin "$programs/stack-odd" plugin "$plugin"
	compared fork "$programs/stack-odd" fork
else
	left_out "libunwind is not installed"
fi

# bad TEXT
bad() {
	run "$MEMWHY" run "--stacks=$1" -- true > "$tmp/out" 2> "$tmp/err"
	is "--stacks=$1: status" "$ended" "exit 2"
	is "--stacks=$1: one line" "$(wc -l < "$tmp/err")" 1
}
for text in "" some sampled: sampled:0 sampled:x sampled:-1 sampled:1T sampled:1025G sampled:99999999999999999999 all:1; do
	bad "$text"
done
finish
