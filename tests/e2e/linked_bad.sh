#!/bin/bash
# SPDX-License-Identifier: MIT
# linked_bad.sh - executables with an allocator of their own that are damaged, huge, packed, or have
# somebody else's build id; cache folders that are of no use; pages that may not be made
# executable; a stray variable of memwhy's. The program says and ends the same each time, memwhy
# says one line at most, and the figures are right or absent.
. "${srcdir:-.}/tests/e2e/lib.sh"
need awk objcopy python3 sqlite3
cd "$tmp" || exit 99
cc=${CC:-cc}
archive=/usr/lib/x86_64-linux-gnu/libjemalloc_pic.a
[ -e "$archive" ] || skip "libjemalloc-dev is not installed"
cache=$XDG_CACHE_HOME/memwhy

names=
for name in malloc calloc realloc free posix_memalign aligned_alloc memalign valloc; do
	names="$names --redefine-sym $name=x_$name"
done
# shellcheck disable=SC2086 # a list of options
objcopy $names "$archive" renamed.a || skip "objcopy cannot rename what is in $archive"

# 10000 blocks, of which 6000 stay: LIVE bytes.
cat > small.c << 'C'
#include <stdio.h>
#include <unistd.h>
static char *block[10000];
int main(void)
{
	for (int i = 0; i < 10000; i++)
		block[i] = i % 3 ? malloc(100) : i % 2 ? calloc(10, 10) : realloc(malloc(10), 100);
	for (int i = 0; i < 4000; i++)
		free(block[i]);
	puts("here" SUFFIX);
	fflush(stdout);
	_exit(3);
}
C
live=600000

# built OUTPUT FLAG...
built() {
	local output=$1
	shift
	"$cc" -std=gnu11 -D_GNU_SOURCE -O1 -fno-builtin -w -s -Wl,--build-id -include "$top_srcdir/tests/programs/linked-names.h" \
		-DSUFFIX='""' "$@" -o "$output" small.c renamed.a -lstdc++ -lm -lpthread -ldl
}
# named OUTPUT FLAG...: under malloc's own names, which .dynsym keeps: quickly identified
named() {
	local output=$1
	shift
	"$cc" -std=gnu11 -D_GNU_SOURCE -O1 -fno-builtin -w -s -Wl,--build-id -include stdlib.h -DSUFFIX='""' "$@" \
		-o "$output" small.c "$archive" -lstdc++ -lm -lpthread -ldl
}
built small || skip "no program can be built"

# right_or_absent NAME CSV: live bytes are LIVE (libc's stdio buffer apart), or unknown
right_or_absent() {
	local seen
	seen=$(csv_value "$2" live_requested_bytes)
	if [ -z "$seen" ] || { [ "$seen" -ge "$live" ] && [ "$seen" -le $((live + 100000)) ]; }; then
		ok "$1: live is '$seen'"
	else
		failed "$1: live is '$seen', expected $live or nothing"
	fi
}

# tried NAME COMMAND...: as without memwhy, and a line at most; $seen is live
tried() {
	local name=$1 bare_ended
	shift
	bare "$name-bare" "$@"
	bare_ended=$ended
	probed "$name" -- "$@"
	is "$name: ends as without memwhy" "$ended" "$bare_ended"
	same_file "$name: says the same" "$name.out" "$name-bare.out"
	is "$name: a line at most" "$(($(wc -l < "$name.err") <= 1))" 1
	sound "$name" "$name.csv"
	[ "$(ledger_rows "$name.csv")" = 0 ] || balanced "$name" "$name.csv"
	right_or_absent "$name" "$name.csv"
	seen=$(csv_value "$name.csv" live_requested_bytes)
}

# exact NAME COMMAND...: and live is known
exact() {
	tried "$@"
	is "$1: live is known" "${seen:+known}" known
}
exact small ./small

# --- an .eh_frame_hdr that lies -----------------------------------------------------------------
# Nothing of it is used at run time by a C program that throws nothing.
cat > damage.py << 'P'
import random, struct, sys
source, target, seed = sys.argv[1], sys.argv[2], int(sys.argv[3])
data, r = bytearray(open(source, 'rb').read()), random.Random(seed)
phoff, phnum = struct.unpack_from('<Q', data, 32)[0], struct.unpack_from('<H', data, 56)[0]
for i in range(phnum):
    at = phoff + 56 * i
    if struct.unpack_from('<I', data, at)[0] == 0x6474e550:
        break
offset, size = struct.unpack_from('<Q', data, at + 8)[0], struct.unpack_from('<Q', data, at + 32)[0]
frame = offset + 4 + struct.unpack_from('<i', data, offset + 4)[0]
count = struct.unpack_from('<I', data, offset + 8)[0]
kind = seed % 10
def noise(start, length, n):
    for _ in range(n):
        data[start + r.randrange(length)] = r.randrange(256)
if kind == 0:
    noise(offset + 12, size - 12, size // 20)
elif kind == 1:
    struct.pack_into('<I', data, offset + 8, r.choice([0, 1, count * 2, 0x7fffffff, 0xffffffff]))
elif kind == 2: # addresses exchanged: no longer sorted, lengths of others
    for _ in range(count // 4):
        a, b = (offset + 12 + 8 * r.randrange(count) for _ in range(2))
        data[a:a + 8], data[b:b + 8] = data[b:b + 8], data[a:a + 8]
elif kind == 3: # functions begin a few bytes later or earlier
    for i in range(count):
        place = offset + 12 + 8 * i
        struct.pack_into('<i', data, place, struct.unpack_from('<i', data, place)[0] + r.choice([0, 0, 0, 1, -1, 7, 64]))
elif kind == 4:
    noise(frame, 20 * count, count)
elif kind == 5:
    struct.pack_into('<i', data, offset + 4, r.randrange(-1 << 31, 1 << 31))
elif kind == 6:
    data[offset:offset + 4] = bytes(r.randrange(256) for _ in range(4))
elif kind == 7: # the program header: elsewhere, huge, empty
    struct.pack_into('<QQ', data, at + 32, *[r.choice([0, 1, size, 1 << 40, (1 << 64) - 1]) for _ in range(2)])
    struct.pack_into('<Q', data, at + 8, r.choice([offset, 0, len(data), 1 << 50]))
    struct.pack_into('<Q', data, at + 16, r.choice([0, offset, 1 << 60, (1 << 64) - 8]))
elif kind == 8: # all functions are one, or all lie in a place that has no code
    for i in range(count):
        struct.pack_into('<i', data, offset + 12 + 8 * i, r.choice([0, -offset]) if seed % 20 < 10 else -offset + 64)
else: # section headers are another part that nobody needs at run time
    struct.pack_into('<Q', data, 40, r.choice([0, 1, len(data) - 1, 1 << 63]))
    struct.pack_into('<H', data, 60, 0xffff)
    noise(offset, size, 200)
open(target, 'wb').write(data)
P
known=0
for seed in $(seq 1 "${MEMWHY_TEST_DAMAGES:-14}"); do
	python3 damage.py small "damaged-$seed" "$seed" && chmod +x "damaged-$seed"
	rm -rf "$cache"
	tried "damaged-$seed" "./damaged-$seed"
	[ -z "$seen" ] || known=$((known + 1))
	rm -f "damaged-$seed"
done
echo "# live was known in $known of them"

# --- a text of 200 MB ---------------------------------------------------------------------------
# Calls and moves, over and over, without a function's start: all of it has to be read.
printf '\t.section .note.GNU-stack,"",@progbits\n\t.section .text.big,"ax",@progbits\n\t.fill 25000000, 8, 0x90c3000010e80000\n' > big.s
if "$cc" -c -o big.o big.s && built big big.o; then
	begin=$(date +%s)
	tried big ./big
	took=$(($(date +%s) - begin))
	is "a text of 200 MB: done after $took s" "$((took <= 20))" 1
	rm -f big big.o
else
	failed "a text of 200 MB was not built"
fi

# --- packed ---------------------------------------------------------------------------------------
python3 -c 'import sys; sys.stdout.buffer.write(bytes(b ^ 255 for b in open("small", "rb").read()))' > payload
if "$cc" -std=gnu11 -D_GNU_SOURCE -O1 -static -s -DPAYLOAD='"payload"' -o packed "$top_srcdir/tests/programs/packed.c" 2> /dev/null; then
	tried packed ./packed
	echo "# packed: live is '${seen:-unknown}'"
else
	left_out "no static libc: the packed executable is not tried"
fi

# --- one build id, two files -----------------------------------------------------------------------
named names && named other -O3 -fno-pie -no-pie -falign-functions=64 &&
	objcopy --dump-section .note.gnu.build-id=id names /dev/null &&
	objcopy --update-section .note.gnu.build-id=id other || failed "the second file was not built"
rm -rf "$cache"
exact "first of one build id" ./names
exact "second of one build id" ./other
# larger than one that says that there is none, as of libraries
is "both have one plan in the cache" "$(find "$cache" -name '*.plan' -size +2k | wc -l)" 1
exact "first again" ./names

# --- cache folders of no use ------------------------------------------------------------------------
rm -rf "$cache"
exact "before somebody else's" ./names
if [ "$(id -u)" = 0 ]; then
	chown 65534 "$cache"/*.plan
	exact "an entry of somebody else's" ./names
	chown -R 65534 "$cache"
	exact "a folder of somebody else's" ./names
	if command -v setpriv > /dev/null; then
		mkdir -p theirs && chown 65534 theirs && chmod 755 "$tmp" "$XDG_CACHE_HOME"
		chown -R 0 "$cache" && chmod 700 "$cache"
		run setpriv --reuid 65534 --regid 65534 --clear-groups env HOME="$tmp/theirs" "$MEMWHY" run -q --force \
			-o theirs/a.rec --csv theirs/a.csv -- ./names > user.out 2> user.err
		is "a folder of root's: ends well" "$ended" "exit 3"
		is "a folder of root's: a line at most" "$(($(wc -l < user.err) <= 1))" 1
		right_or_absent "a folder of root's" theirs/a.csv
	fi
	# with_cache NAME MOUNT...: $cache is such a file system, for one launch
	with_cache() {
		local name=$1
		shift
		rm -rf "$cache" && mkdir -p "$cache"
		# shellcheck disable=SC2016 # that shell's words
		run unshare -m sh -c 'cache=$1 memwhy=$2 name=$3; shift 3
			"$@" "$cache" && exec "$memwhy" run -q --force -o "$name.rec" --csv "$name.csv" -- ./names' sh \
			"$cache" "$MEMWHY" "$name" "$@" > "$name.out" 2> "$name.err"
		is "$name: ends well" "$ended" "exit 3"
		is "$name: says what it says" "$(cat "$name.out")" here
		is "$name: a line at most" "$(($(wc -l < "$name.err") <= 1))" 1
		[ -e "$name.csv" ] && plain_lines "$name.csv" && right_or_absent "$name" "$name.csv"
	}
	if unshare -m mount -t tmpfs -o size=4k none "$XDG_CACHE_HOME" 2> /dev/null; then
		with_cache full mount -t tmpfs -o size=4k none
		with_cache read-only mount -t tmpfs -o ro none
		with_cache no-inodes mount -t tmpfs -o nr_inodes=1 none
	else
		left_out "no mounts here: a full cache is not tried"
	fi
else
	left_out "not root: caches of other owners are not tried"
fi

# --- no page may be made executable -------------------------------------------------------------------
rm -rf "$cache"
if "$programs/no-exec-pages" true; then
	bare execmem-bare "$programs/no-exec-pages" ./small
	probed execmem -- "$programs/no-exec-pages" ./small
	is "execmem: ends well" "$ended" "exit 3"
	same_file "execmem: says the same" execmem.out execmem-bare.out
	is "execmem: a line at most" "$(($(wc -l < execmem.err) <= 1))" 1
	sound execmem execmem.csv
	echo "# execmem: $(sqlite3 execmem.rec "select probe_state from process where exe like '%/small'")"
	[ "$(sqlite3 execmem.rec "select count(*) from process where exe like '%/small' and allocations > 0")" = 1 ] ||
		is "execmem: the reason is in the recording" \
		"$(sqlite3 execmem.rec "select count(*) from process where exe like '%/small' and probe_state like '%not followed%'")" 1
else
	left_out "no seccomp here: denied pages are not tried"
fi

# --- memwhy's own variable, by chance in the user's environment ---------------------------------------
for value in 1 2 "2:$$" 2:1 ""; do
	export MEMWHY_IDENTIFY=$value
	exact "stray-$value" ./names
	probed "stray" -- sh -c 'echo "<${MEMWHY_IDENTIFY-none}>"; ./names'
	is "stray '$value': the target does not have it" "$(head -n 1 stray.out)" "<none>"
	unset MEMWHY_IDENTIFY
done
finish
