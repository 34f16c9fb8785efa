#!/bin/bash
# SPDX-License-Identifier: MIT
# pins.sh - who pins the pages: survivors that a program plants come out on top, within 1 % of
# what they hold, under each allocator and in a stripped program with its allocator linked in;
# and what all stacks pin is the ledger's fragmentation, to the byte.
. "${srcdir:-.}/tests/e2e/lib.sh"
need sqlite3
cd "$tmp" || exit 99

# pinned NAME COMMAND...
pinned() {
	local name=$1
	shift
	run "$MEMWHY" -q --stacks=all --no-purge -o "$name.rec" -- "$@" > "$name.out" 2> "$name.err"
	is "$name: ends well" "$ended" "exit 0"
	local want top sum
	want=$(sed -n 's/^pinned //p' "$name.out")
	local figures="from stack_figure f join snapshot s on s.id = f.snapshot_id where s.trigger = 'exit'"
	top=$(sqlite3 "$name.rec" "select max(pinned_bytes) $figures")
	is "$name: the planted stack pins what it holds ($top of $want)" \
		"$(awk "BEGIN { print ($top >= 0.99 * $want && $top <= 1.01 * $want) }")" 1
	sum=$(sqlite3 "$name.rec" "select sum(pinned_bytes) $figures")
	is "$name: all stacks together pin the fragmentation" "$sum" \
		"$(sqlite3 "$name.rec" "select fragmentation_bytes from snapshot where trigger = 'exit'")"
}

while read -r allocator library; do
	export LD_PRELOAD="${library:-}"
	pinned "$allocator" "$programs/pin"
	unset LD_PRELOAD
	run "$MEMWHY" top --by pinned --at exit -n 1 "$allocator.rec" > "$allocator.top" 2> err
	is "$allocator: top" "$ended" "exit 0"
	matches "$allocator: names it" "$allocator.top" "% .* planted_keep$"
done < <(allocators)

archive=$(cc -print-file-name=libjemalloc_pic.a)
if [ "${archive#/}" != "$archive" ] && cc -O1 -s -o linked "$top_srcdir/tests/programs/pin.c" \
	-Wl,--whole-archive "$archive" -Wl,--no-whole-archive -lstdc++ -lm -lpthread -ldl 2> cc.err; then
	pinned linked "$PWD/linked"
else
	left_out "jemalloc can't be linked in here"
fi
finish
