#!/bin/bash
# SPDX-License-Identifier: MIT
# linked.sh - allocators that are linked into the program: live bytes to the byte, found by
# symbols and, in stripped programs, by behaviour; the second run takes what the first one
# found. What is in the way of it costs one line and changes nothing else.
. "${srcdir:-.}/tests/e2e/lib.sh"
need awk objcopy strip
cd "$tmp" || exit 99
cc=${CC:-cc}
libraries=/usr/lib/x86_64-linux-gnu

names=
for name in malloc calloc realloc free posix_memalign aligned_alloc memalign valloc; do
	names="$names --redefine-sym $name=x_$name"
done

# linked OUTPUT ARCHIVE FLAGS...: exact-live with this allocator under its usual names
linked() {
	local output=$1 archive=$2
	shift 2
	"$cc" -std=gnu11 -D_GNU_SOURCE -O2 -fno-builtin "$@" -o "$output" "$top_srcdir/tests/programs/exact-live.c" \
		"$archive" -lstdc++ -lm -lpthread -ldl
}

# renamed OUTPUT ARCHIVE FLAGS...: under names of its own, so that libc keeps its malloc
renamed() {
	local output=$1 archive=$2
	shift 2
	# shellcheck disable=SC2086 # a list of options
	objcopy $names "$archive" renamed.a &&
		"$cc" -std=gnu11 -D_GNU_SOURCE -O2 -fno-builtin -include "$top_srcdir/tests/programs/linked-names.h" "$@" \
			-o "$output" "$top_srcdir/tests/programs/exact-live.c" renamed.a -lstdc++ -lm -lpthread -ldl
}

# exact NAME PROGRAM FOUND FAMILY: to the byte, and how it was found
exact() {
	local name=$1 program=$2 found=$3 family=$4 line counter value
	bare "$name-bare" "$program" _exit
	local bare_ended=$ended
	probed base -- "$program" _exit baseline
	probed "$name" -- "$program" _exit
	is "$name: ends as without memwhy" "$ended" "$bare_ended"
	same_file "$name: says the same" "$name.out" "$name-bare.out"
	while read -r line counter value; do
		[ "$line" = counter ] || continue
		is "$name: $counter" "$(($(csv_value "$name.csv" "$counter") - $(csv_value base.csv "$counter")))" "$value"
	done < "$name.out"
	sound "$name" "$name.csv"
	balanced "$name" "$name.csv"
	is "$name: how it was found" "$(sqlite3 "$name.rec" "select found from heap where name = '$family' and found <> 'preload'")" "$found"
}

need sqlite3
archive=$libraries/libjemalloc_pic.a
if [ -e "$archive" ]; then
	linked je-symbols "$archive" && exact je-symbols ./je-symbols symbols jemalloc
	linked je-exported "$archive" -s && exact je-exported ./je-exported symbols jemalloc
	for kind in -pie -no-pie; do
		fpic=-fPIE
		[ "$kind" = -no-pie ] && fpic=-fno-pie
		renamed "je$kind" "$archive" "$kind" "$fpic" -s || failed "je$kind: was not built"
		rm -rf "$XDG_CACHE_HOME/memwhy"
		run "$MEMWHY" --force -o first.rec -- "./je$kind" _exit > first.out 2> first.err
		matches "je$kind: the first run says that it looked" first.err '^memwhy: looked for the allocator in je.*: [0-9.]* s'
		matches "je$kind: the summary names who keeps what is dirty" first.err '^  dirty .*free, kept by jemalloc$'
		exact "je$kind" "./je$kind" behaviour jemalloc
		run "$MEMWHY" --force -o second.rec -- "./je$kind" _exit > second.out 2> second.err
		is "je$kind: the second run does not look" "$(grep -c '^memwhy: looked' second.err)" 0
	done
	run "$MEMWHY" doctor -- ./je-pie > doctor.out 2> doctor.err
	is "doctor -- je-pie" "$ended" "exit 0"
	for entry in malloc calloc realloc free; do
		matches "doctor names $entry" doctor.out "jemalloc +$entry +0x[0-9a-f]+ +by behaviour +followed"
	done
	# a child of a shell, found when it says hello
	rm -rf "$XDG_CACHE_HOME/memwhy"
	probed child -- sh -c './je-pie _exit; exit $?'
	is "a child: ends well" "$ended" "exit 3"
	sound "a child" child.csv
	is "a child: how it was found" "$(sqlite3 child.rec "select found from heap where name = 'jemalloc'")" behaviour
	# turned off
	for option in --no-identify --identify=symbols; do
		probed off "$option" -- ./je-pie _exit
		is "$option: ends well" "$ended" "exit 3"
		is "$option: live is unknown" "$(csv_value off.csv live_requested_bytes)" ""
	done
	# the cache: damaged, of another program, read-only, a file where its folder should be
	probed fill -- ./je-pie _exit
	for entry in "$XDG_CACHE_HOME"/memwhy/*.plan; do
		head -c 9000 /dev/urandom | dd of="$entry" bs=1 seek=300 conv=notrunc status=none
	done
	exact "a damaged cache" ./je-pie behaviour jemalloc
	chmod 500 "$XDG_CACHE_HOME/memwhy"
	exact "a cache that cannot be written" ./je-pie behaviour jemalloc
	chmod 700 "$XDG_CACHE_HOME/memwhy"
	rm -rf "$XDG_CACHE_HOME/memwhy"
	touch "$XDG_CACHE_HOME/memwhy"
	exact "a file where the cache should be" ./je-pie behaviour jemalloc
	rm -f "$XDG_CACHE_HOME/memwhy"
	run "$MEMWHY" doctor --forget > forget.out 2> forget.err
	is "doctor --forget" "$ended" "exit 0"
else
	left_out "libjemalloc-dev is not installed"
fi

archive=$libraries/libtcmalloc_minimal.a
if [ -e "$archive" ]; then
	linked tc-symbols "$archive" && exact tc-symbols ./tc-symbols symbols tcmalloc
else
	left_out "libgoogle-perftools-dev is not installed"
fi
finish
