#!/bin/bash
# SPDX-License-Identifier: MIT
# identify.sh - an allocator that is linked into a program is found: by its names, and where
# they were stripped the same functions by what they do. The program itself never runs.
. "${srcdir:-.}/tests/e2e/lib.sh"
need cc nm strip awk sort

probe=$builddir/.libs/libmemwhy-probe.so
archive=$(cc -print-file-name=libjemalloc.a)
[ "${archive#/}" != "$archive" ] || skip "libjemalloc.a is not installed"

# Its symbols stay the program's own: nothing of them in .dynsym.
cc -O1 -fno-builtin -o "$tmp/named" "$top_srcdir/tests/programs/linked.c" "$archive" -Wl,--exclude-libs,ALL \
	-lstdc++ -lm -lpthread -ldl || skip "libjemalloc.a can't be linked"
strip -o "$tmp/stripped" "$tmp/named"

# found FILE KIND FUNCTION HOW: the entry is there.
found() {
	local address
	address=$(nm "$tmp/named" | awk -v name="$3" '$3 == name { sub(/^0+/, "", $1); print $1 }')
	matches "$1: $3 by its $4" "$tmp/$1.out" "^entry $2 $address jemalloc $4\$"
}

for file in named stripped; do
	how=symbol
	[ $file = named ] || how=behaviour
	"$programs/identify-print" "$tmp/$file" "$probe" > "$tmp/$file.out" 2> "$tmp/$file.err"
	is "$file: status" $? 0
	for name in malloc calloc realloc free; do
		found $file $name $name $how
	done
	matches "$file: the version" "$tmp/$file.out" '^version jemalloc [0-9]'
	is "$file: says nothing" "$(cat "$tmp/$file.err")" ""
	is "$file: has not run" "$(grep -c 'main ran' "$tmp/$file.out")" 0
done

found named mallocx mallocx symbol
found named rallocx rallocx symbol
found named free sdallocx symbol

"$programs/identify-print" /bin/true "$probe" > "$tmp/true.out"
is "a program without one: status" $? 1
matches "a program without one: nothing is called" "$tmp/true.out" '^forks 0 '

finish
