#!/bin/bash
# SPDX-License-Identifier: MIT
# linked_life.sh - the programs of processes.sh and chaos.sh with jemalloc linked in and stripped:
# processes in every way, threads by the thousand, signals inside malloc, every kind of end. Under
# a name of its own (found by behaviour) and under malloc's (found by symbols). Each says and ends
# the same as without memwhy, and the books are sound. MEMWHY_TEST_LAUNCHES: chaos by seed (100).
. "${srcdir:-.}/tests/e2e/lib.sh"
need awk objcopy strip sqlite3
cd "$tmp" || exit 99
cc=${CC:-cc}
archive=/usr/lib/x86_64-linux-gnu/libjemalloc_pic.a
[ -e "$archive" ] || skip "libjemalloc-dev is not installed"
launches=${MEMWHY_TEST_LAUNCHES:-100}

names=
for name in malloc calloc realloc free posix_memalign aligned_alloc memalign valloc; do
	names="$names --redefine-sym $name=x_$name"
done
# shellcheck disable=SC2086 # a list of options
objcopy $names "$archive" renamed.a || skip "objcopy cannot rename what is in $archive"

# built OUTPUT PROGRAM ARCHIVE FLAG...
built() {
	local output=$1 program=$2 from=$3
	shift 3
	"$cc" -std=gnu11 -D_GNU_SOURCE -O1 -fno-builtin -w -s "$@" -o "$output" "$top_srcdir/tests/programs/$program.c" \
		"$from" -lstdc++ -lm -lpthread -ldl || failed "$output was not built"
}
for program in fork-tree threads-churn signal-malloc chaos how-ended exact-live; do
	built "$program-own" "$program" renamed.a -include "$top_srcdir/tests/programs/linked-names.h"
	built "$program-malloc" "$program" "$archive"
done

# alike NAME PROGRAM [ARG...]
alike() {
	local name=$1
	shift
	bare "$name-bare" "$@"
	local bare_ended=$ended
	probed "$name" -- "$@"
	is "$name: ends as without memwhy" "$ended" "$bare_ended"
	same_file "$name: says the same" "$name.out" "$name-bare.out"
	same_file "$name: nothing new on standard error" "$name.err" "$name-bare.err"
	sound "$name" "$name.csv"
	balanced "$name" "$name.csv"
}

for kind in own malloc; do
	found=behaviour
	[ "$kind" = malloc ] && found=symbols
	for mode in nested exec-chain vfork spawn shells fork-in-handler killed orphan failed-exec; do
		alike "$kind-$mode" "./fork-tree-$kind" "$mode"
	done
	is "$kind: every image has the allocator" "$(sqlite3 "$kind-exec-chain.rec" \
		"select count(*) from process p where exe like '%fork-tree-$kind' and not exists
		(select 1 from heap where process_id = p.id and name = 'jemalloc' and found = '$found')")" 0

	probed "$kind-inherit" -- "./fork-tree-$kind" inherit
	is "$kind-inherit: ends well" "$ended" "exit 0"
	pids=$(awk -F, 'NR > 1 { print $2 }' "$kind-inherit.csv" | sort -un | tr '\n' ' ')
	read -r parent child rest <<< "$pids"
	is "$kind-inherit: two processes" "${child:+two}${rest:-}" two
	as_expected "$kind-inherit, parent" "$kind-inherit.out" "$kind-inherit.csv" "$parent"
	sed -n 's/^child: //p' "$kind-inherit.out" > child.out
	as_expected "$kind-inherit, child" child.out "$kind-inherit.csv" "$child"
	sound "$kind-inherit" "$kind-inherit.csv"

	alike "$kind-threads" "./threads-churn-$kind" 2000
	# not fork: jemalloc takes its locks before it, and hangs in a handler that came inside malloc
	for mode in storm jump map; do
		alike "$kind-signals-$mode" "./signal-malloc-$kind" "$mode"
	done
	for end in _exit kill term segv abrt; do
		alike "$kind-$end" "./exact-live-$kind" "$end"
	done
	# A middle process with the allocator that only waits, with a time limit, and kills.
	probed "$kind-middle" -- "./how-ended-$kind" middle 1 sleep 20
	is "$kind: a middle process that kills at its limit" "$(cat middle)" hang
	sound "$kind-middle" "$kind-middle.csv"
done

# seeds KIND: one line for each seed that differs; how many were unsound
seeds() {
	local seed expected seen kind=$1 folder=$tmp/seeds-$1
	mkdir -p "$folder"
	for ((seed = 1; seed <= launches / 2; seed++)); do
		"$programs/how-ended" "$folder/ended" 30 "./chaos-$kind" "$seed" "$plugin" > "$folder/out" 2> /dev/null
		expected=$(cat "$folder/ended" "$folder/out")
		"$programs/how-ended" "$folder/ended" 30 "$MEMWHY" -q --force -o "$folder/rec" -- \
			"./chaos-$kind" "$seed" "$plugin" > "$folder/out" 2> "$folder/err"
		seen=$(cat "$folder/ended" "$folder/out" "$folder/err")
		[ "$seen" = "$expected" ] || echo "seed $seed: '${seen//$'\n'/ }', without memwhy '${expected//$'\n'/ }'"
		[ "$(sqlite3 "$folder/rec" 'select total(unknown_frees) + total(unknown_reallocs) +
			total(double_allocations) from process')" = 0.0 ] || echo "seed $seed: unsound"
	done
}
for kind in own malloc; do
	seeds "$kind" > "differing-$kind" &
done
wait
cat differing-*
is "$launches launches of chaos: what differs" "$(cat differing-* | wc -l)" 0
finish
