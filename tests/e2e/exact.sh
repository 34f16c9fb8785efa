#!/bin/bash
# SPDX-License-Identifier: MIT
# exact.sh - live bytes and block counts to the byte, under each allocator and each way to end;
# what libc and the allocator hold for themselves is measured by a baseline run and subtracted.
. "${srcdir:-.}/tests/e2e/lib.sh"
need awk

# counters NAME BASELINE: the "counter" lines of NAME.out against both recordings
counters() {
	local line name value
	while read -r line name value; do
		[ "$line" = counter ] || continue
		is "$1: $name" "$(($(csv_value "$tmp/$1.csv" "$name") - $(csv_value "$tmp/$2.csv" "$name")))" "$value"
	done < "$tmp/$1.out"
}

# one ALLOCATOR LIBRARY PROGRAM BASELINE-ARGS -- ARGS
one() {
	local name="$1-$3" library=$2 program=$3 base=$4
	shift 5
	LD_PRELOAD=$library bare "$name-bare" "$programs/$program" "$@"
	local bare_ended=$ended
	# shellcheck disable=SC2086 # words of it are arguments
	LD_PRELOAD=$library probed base -- "$programs/$program" $base
	LD_PRELOAD=$library probed "$name" -- "$programs/$program" "$@"
	is "$name $*: ends as without memwhy" "$ended" "$bare_ended"
	same_file "$name $*: says the same" "$tmp/$name.out" "$tmp/$name-bare.out"
	counters "$name" base
	sound "$name" "$tmp/$name.csv"
	balanced "$name" "$tmp/$name.csv"
}

while read -r allocator library; do
	one "$allocator" "${library:-}" exact-live "_exit baseline" -- _exit
	throw=
	[ "$allocator" = mimalloc ] && throw=no-throw
	# shellcheck disable=SC2086 # no argument at all where $throw is empty
	one "$allocator" "${library:-}" cxx-new "baseline $throw" -- pattern $throw
done < <(allocators)

for ending in return exit _Exit quick_exit abort thread; do
	one glibc "" exact-live "$ending baseline" -- "$ending"
done
one glibc "" exact-live "_exit baseline" -- _exit pvalloc

# A death that no hook sees: the counters survive it, in shared memory.
# final NAME COLUMN: of the one process
final() {
	"$MEMWHY" export csv --table processes "$tmp/$1.rec" | tr -d '\r' |
		awk -F, -v column="$2" 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next } { print $at[column] }'
}
for ending in kill term segv; do
	probed death -- "$programs/exact-live" "$ending"
	probed death-base -- "$programs/exact-live" "$ending" baseline
	while read -r line name value; do
		case "$line $name" in
		"counter allocations" | "counter frees") ;;
		*) continue ;;
		esac
		is "death by $ending: $name" "$(($(final death "$name") - $(final death-base "$name")))" "$value"
	done < "$tmp/death.out"
done

# An independent witness, where it is installed: the same bytes in use at exit.
if command -v valgrind > /dev/null; then
	valgrind --leak-check=no "$programs/exact-live" _exit > "$tmp/vg.out" 2> "$tmp/vg.err"
	witness=$(sed -n 's/.*in use at exit: \([0-9,]*\) bytes.*/\1/p' "$tmp/vg.err" | tr -d ,)
	probed glibc -- "$programs/exact-live" _exit
	is "valgrind counts the same live bytes" "$(csv_value "$tmp/glibc.csv" live_requested_bytes)" "$witness"
fi
finish
