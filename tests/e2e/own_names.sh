#!/bin/bash
# SPDX-License-Identifier: MIT
# own_names.sh - an allocator called by its own names is followed to the byte, and a program
# that asks through weak symbols whether it runs on one is not fooled by the probe.
. "${srcdir:-.}/tests/e2e/lib.sh"
need awk cc

# one ALLOCATOR COMPILER-ARGS...
one() {
	local name=own-$1 line counter value
	shift
	cc -O1 -fno-builtin -o "$tmp/$name" "$top_srcdir/tests/programs/own-names.c" "$@" || {
		failed "$name: compiles"
		return
	}
	bare "$name-bare" "$tmp/$name" pattern
	probed "$name-base" -- "$tmp/$name" baseline
	probed "$name" -- "$tmp/$name" pattern
	is "$name: ends well" "$ended" "exit 0"
	same_file "$name: says the same" "$tmp/$name.out" "$tmp/$name-bare.out"
	while read -r line counter value; do
		[ "$line" = counter ] || continue
		is "$name: $counter" "$(($(csv_value "$tmp/$name.csv" "$counter") - $(csv_value "$tmp/$name-base.csv" "$counter")))" "$value"
	done < "$tmp/$name.out"
	sound "$name" "$tmp/$name.csv"
	balanced "$name" "$tmp/$name.csv"
}

one none
matches "nobody provides the names" "$tmp/own-none.out" '^weak 0 0 0$'
while read -r allocator library; do
	family=${allocator%%_*} # tcmalloc_minimal has tcmalloc's names
	[ "$family" = glibc ] || one "$allocator" "-D${family^^}" "$library"
done < <(allocators)

finish
