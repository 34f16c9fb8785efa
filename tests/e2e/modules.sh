#!/bin/bash
# SPDX-License-Identifier: MIT
# modules.sh - allocators that are linked into shared objects: loaded and unloaded again and
# again while threads run, or a dependency of the program. Live bytes to the byte, nothing
# unknown, blocks of constructors among them.
. "${srcdir:-.}/tests/e2e/lib.sh"
need awk objcopy strip sqlite3
cd "$tmp" || exit 99
cc=${CC:-cc}
programs_source=$top_srcdir/tests/programs
archive=/usr/lib/x86_64-linux-gnu/libjemalloc_pic.a
[ -e "$archive" ] || skip "libjemalloc-dev is not installed"

names=
for name in malloc calloc realloc free posix_memalign aligned_alloc memalign valloc; do
	names="$names --redefine-sym $name=x_$name"
done

compile() {
	"$cc" -std=gnu11 -D_GNU_SOURCE -O2 "$@"
}

# module OUTPUT FLAGS...
module() {
	local output=$1
	shift
	compile -fno-builtin -fPIC -fvisibility=hidden -shared -include "$programs_source/linked-names.h" "$@" -o "$output" \
		"$programs_source/module-work.c" renamed.a -Wl,--exclude-libs,ALL -lstdc++ -lm -lpthread -ldl
}

# exact NAME HEAPS COMMAND...: what the work leaves is live, to the byte; HEAPS are linked in
exact() {
	local name=$1 heaps=$2
	shift 2
	bare "$name-bare" "$@"
	local bare_ended=$ended
	probed "$name-idle" -- "$@" idle
	probed "$name" -- "$@"
	is "$name: ends as without memwhy" "$ended" "$bare_ended"
	is "$name: ends well" "$ended" "exit 0"
	same_file "$name: says the same" "$name.out" "$name-bare.out"
	local counter value
	while read -r line counter value; do
		[ "$line" = counter ] || continue
		is "$name: $counter" "$(($(csv_value "$name.csv" "$counter") - $(csv_value "$name-idle.csv" "$counter")))" "$value"
	done < "$name.out"
	sound "$name" "$name.csv"
	balanced "$name" "$name.csv"
	is "$name: its heaps" "$(sqlite3 "$name.rec" "select count(*) from heap where name = 'jemalloc' and found = 'behaviour'")" "$heaps"
}

# shellcheck disable=SC2086 # a list of options
if ! objcopy $names "$archive" renamed.a || ! module ./work.so -s || ! compile -o host "$programs_source/module-host.c" -ldl -lpthread ||
	! compile -DLINKED -o linked-host "$programs_source/module-host.c" ./work.so -ldl -lpthread; then
	failed "the modules were not built"
	finish
fi
cp work.so other.so
# the archive's TLS is static, and more than what the loader keeps free
export GLIBC_TUNABLES=glibc.rtld.optional_static_tls=65536
exact once 1 ./host ./work.so 1
exact fifty 1 ./host ./work.so 50
exact dependency 1 ./linked-host - 50
is "a dependency: its path" "$(sqlite3 dependency.rec "select path from heap where name = 'jemalloc'" | sed 's|.*/||')" work.so

# the second run takes what the first one found
run "$MEMWHY" --force -o again.rec -- ./host ./work.so 2 > again.out 2> again.err
is "the second run does not look" "$(grep -c '^memwhy: looked' again.err)" 0
# turned off: what is live is not known, and the program is as it was
probed off --no-identify -- ./host ./work.so 2
is "--no-identify: ends well" "$ended" "exit 0"
is "--no-identify: live is unknown at the exit" "$(exit_value off.csv live_requested_bytes)" ""
finish
