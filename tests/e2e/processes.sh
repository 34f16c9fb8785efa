#!/bin/bash
# SPDX-License-Identifier: MIT
# processes.sh - processes, threads, signals and modules: each program says the same and ends the
# same under memwhy, the books are sound, and forked children have ledgers of their own.
. "${srcdir:-.}/tests/e2e/lib.sh"
need awk

# alike NAME PROGRAM [ARG...]
alike() {
	local name=$1
	shift
	bare "$name-bare" "$@"
	local bare_ended=$ended
	probed "$name" -- "$@"
	is "$name: ends as without memwhy" "$ended" "$bare_ended"
	same_file "$name: says the same" "$tmp/$name.out" "$tmp/$name-bare.out"
	same_file "$name: nothing new on standard error" "$tmp/$name.err" "$tmp/$name-bare.err"
	sound "$name" "$tmp/$name.csv"
	balanced "$name" "$tmp/$name.csv"
}

for mode in nested exec-chain vfork spawn shells daemon fork-in-handler killed orphan failed-exec exec-family; do
	alike "$mode" "$programs/fork-tree" "$mode"
done

probed inherit -- "$programs/fork-tree" inherit
is "inherit: ends well" "$ended" "exit 0"
pids=$(awk -F, 'NR > 1 { print $2 }' "$tmp/inherit.csv" | sort -un | tr '\n' ' ')
read -r parent child rest <<< "$pids"
is "inherit: two processes" "${child:+two}${rest:-}" two
as_expected "inherit, parent" "$tmp/inherit.out" "$tmp/inherit.csv" "$parent"
sed -n 's/^child: //p' "$tmp/inherit.out" > "$tmp/child.out"
as_expected "inherit, child" "$tmp/child.out" "$tmp/inherit.csv" "$child"
sound inherit "$tmp/inherit.csv"
balanced inherit "$tmp/inherit.csv"

probed alone --no-follow -- "$programs/fork-tree" inherit
is "--no-follow: one process" "$(awk -F, 'NR > 1 { print $2 }' "$tmp/alone.csv" | sort -u | wc -l)" 1
sound "--no-follow" "$tmp/alone.csv"

# the parent, its forked child, and the 13 images which that becomes
probed chain -- "$programs/fork-tree" exec-chain
is "exec in place: every image is recorded" \
	"$("$MEMWHY" export csv --table processes "$tmp/chain.rec" | tail -n +2 | wc -l)" 15

for mode in storm jump map fork; do
	alike "signals-$mode" "$programs/signal-malloc" "$mode"
done
is "signals: live bytes" "$(($(csv_value "$tmp/signals-storm.csv" live_requested_bytes) - \
	$(sed -n 's/^counter live_requested_bytes //p' "$tmp/signals-storm.out")))" 0

alike threads "$programs/threads-churn" "${MEMWHY_TEST_THREADS:-10000}"
as_expected threads "$tmp/threads.out" "$tmp/threads.csv"
alike dlopen "$programs/dlopen-loop" "$plugin"

while read -r allocator library; do
	[ -n "${library:-}" ] || continue
	export LD_PRELOAD=$library
	alike "$allocator-threads" "$programs/threads-churn" 2000
	alike "$allocator-storm" "$programs/signal-malloc" storm
	alike "$allocator-nested" "$programs/fork-tree" nested
	alike "$allocator-killed" "$programs/fork-tree" killed
	alike "$allocator-exec" "$programs/fork-tree" exec-chain
	unset LD_PRELOAD
done < <(allocators)
finish
