#!/bin/bash
# SPDX-License-Identifier: MIT
# linked_heal.sh - an entry point that identification missed: the run says that its figures are not
# exact, keeps the callers in the recording, and the next run looks again and has it right. Missed
# is what is taken out of the cache here. A program that stays doubtful is not looked at for ever.
. "${srcdir:-.}/tests/e2e/lib.sh"
need objcopy python3 sqlite3
cd "$tmp" || exit 99
archive=/usr/lib/x86_64-linux-gnu/libjemalloc_pic.a
[ -e "$archive" ] || skip "libjemalloc-dev is not installed"

names=
for name in malloc calloc realloc free posix_memalign aligned_alloc memalign valloc; do
	names="$names --redefine-sym $name=x_$name"
done
# shellcheck disable=SC2086 # a list of options
objcopy $names "$archive" renamed.a || skip "objcopy cannot rename what is in $archive"
${CC:-cc} -std=gnu11 -D_GNU_SOURCE -O1 -fno-builtin -w -s -Wl,--build-id -include "$top_srcdir/tests/programs/linked-names.h" \
	-o linked "$top_srcdir/tests/programs/linked.c" renamed.a -lstdc++ -lm -lpthread -ldl || skip "no program can be built"

# Takes the first entry of a kind (enum wire_entry_kind) out of the one plan in the cache;
# of libraries the cache says that there is none.
cat > forget.py << 'P'
import glob, os, struct, sys
path, kind = max(glob.glob(sys.argv[1] + '/*.plan'), key=os.path.getsize), int(sys.argv[2])
HEAD, PLAN, ENTRIES, ENTRY = 32, 32 + 176 + 528, 32 + 176 + 528 + 192, 320
data = bytearray(open(path, 'rb').read())
assert data[PLAN:PLAN + 4] == b'PLAN'
count = struct.unpack_from('<I', data, PLAN + 8)[0]
at = next(a for a in range(ENTRIES, ENTRIES + count * ENTRY, ENTRY) if struct.unpack_from('<I', data, a + 16)[0] == kind)
del data[at:at + ENTRY]
struct.pack_into('<I', data, PLAN + 8, count - 1)
sum = 0xcbf29ce484222325
for b in data[HEAD:]:
    sum = (sum ^ b) * 0x100000001b3 % (1 << 64)
struct.pack_into('<Q', data, 8, sum)
struct.pack_into('<I', data, 24, len(data) - HEAD)
open(path, 'wb').write(data)
P

# looked NAME: one run; $looks is how often it looked for the allocator, $misses what it missed
looked() {
	run "$MEMWHY" --force -o "$1.rec" -- ./linked > "$1.out" 2> "$1.err"
	is "$1: ends well" "$ended" "exit 0"
	looks=$(grep -c '^memwhy: looked' "$1.err")
	misses=$(sqlite3 "$1.rec" 'select unknown_frees + unknown_reallocs + double_allocations from process')
}
looked first
is "the first run looks" "$looks" 1
is "the first run misses nothing" "$misses" 0

python3 forget.py "$XDG_CACHE_HOME/memwhy" 2 || failed "calloc could not be forgotten"
looked damaged
is "without calloc: taken from the cache" "$looks" 0
is "without calloc: misses" "$((misses > 0))" 1
matches "without calloc: the summary says so" damaged.err '^live is (nearly exact|UNRELIABLE): '
is "the callers are kept, all of them" "$(sqlite3 damaged.rec 'select sum(count) from unknown')" "$misses"
is "a caller lies in the program" \
	"$(sqlite3 damaged.rec "select count(*) > 0 from unknown where module like '%/linked' and offset > 0")" 1
run "$MEMWHY" report -v damaged.rec > report.out 2> report.err
matches "report -v names the callers" report.out '^  unknown (free|realloc) by linked\+0x[0-9a-f]+: '
run "$MEMWHY" report damaged.rec > report.out 2> report.err
is "report alone does not" "$(grep -c 'unknown free by' report.out)" 0

looked healed
is "the next run looks again" "$looks" 1
is "the next run misses nothing" "$misses" 0
looked after
is "the one after it does not look" "$looks" 0
is "the one after it misses nothing" "$misses" 0

# twice more, and then it stays as it is
for i in 2 3; do
	python3 forget.py "$XDG_CACHE_HOME/memwhy" 2
	looked "damaged-$i"
	looked "healed-$i"
	is "time $i: looks again" "$looks" 1
done
python3 forget.py "$XDG_CACHE_HOME/memwhy" 2
looked damaged-4
looked hopeless
is "time 4: it stays as it is" "$looks" 0
is "time 4: and says so" "$((misses > 0))" 1

# -q is silent, also when it looks; nothing comes between what the program writes
rm -rf "$XDG_CACHE_HOME/memwhy"
probed quiet -- ./linked
is "-q: says nothing" "$(wc -c < quiet.err)" 0
rm -rf "$XDG_CACHE_HOME/memwhy"
run "$MEMWHY" --force -o child.rec -- sh -c 'echo one >&2; ./linked; echo two >&2' > child.out 2> child.err
is "a child: the target's lines come first, then one of memwhy's" "$(head -n 3 child.err | cut -d: -f1 | tr '\n' ' ')" "one two memwhy "
matches "a child: what was looked for" child.err '^memwhy: looked for the allocator in linked meanwhile: [0-9.]+ s, once for this build$'
for option in --no-identify --identify=off; do
	rm -rf "$XDG_CACHE_HOME/memwhy"
	run "$MEMWHY" --force "$option" -o off.rec -- ./linked > off.out 2> off.err
	is "$option: does not look" "$(grep -c '^memwhy: looked' off.err)" 0
	is "$option: leaves no plan" "$(find "$XDG_CACHE_HOME" -name '*.plan' | wc -l)" 0
done
finish
