#!/bin/bash
# SPDX-License-Identifier: MIT
# causes.sh - programs that make one cause each, and know its size, against the ledger.
. "${srcdir:-.}/tests/e2e/lib.sh"
need awk

# cause NAME PROGRAM [ARG...]
cause() {
	local name=$1
	shift
	probed "$name" -- "$@"
	case $ended in
	"exit 77") left_out "$name: $(cat "$tmp/$name.out")"; return ;;
	esac
	is "$name: ends well" "$ended" "exit 0"
	as_expected "$name" "$tmp/$name.out" "$tmp/$name.csv"
	balanced "$name" "$tmp/$name.csv"
	sound "$name" "$tmp/$name.csv"
	unexplained=$(exit_value "$tmp/$name.csv" unexplained_bytes)
	rss=$(exit_value "$tmp/$name.csv" rss_bytes)
	# The exit is a held moment; the floor of 64 KiB is what a small process may differ by.
	allowed=$((rss / 200 > 65536 ? rss / 200 : 65536))
	if [ "${unexplained#-}" -le "$allowed" ]; then
		ok "$name: unexplained at exit $unexplained of $rss"
	else
		failed "$name: unexplained at exit $unexplained of $rss"
	fi
}

while read -r allocator library; do
	export LD_PRELOAD="${library:-}"
	cause "$allocator-frag" "$programs/frag"
	cause "$allocator-dirty" "$programs/dirty"
	cause "$allocator-mmap-own" "$programs/mmap-own"
	cause "$allocator-stacks" "$programs/stacks"
	unset LD_PRELOAD
done < <(allocators)
cause shm "$programs/shm"
cause huge-mmap "$programs/huge" mmap
GLIBC_TUNABLES=glibc.malloc.hugetlb=1 cause huge-heap "$programs/huge" heap
cause dlopen "$programs/dlopen-loop" "$plugin"
finish
