#!/bin/bash
# SPDX-License-Identifier: MIT
# symbolize.sh - memwhy symbolize on recordings made for it: names from DWARF, from a stripped
# file, from a debug file that came later; modules that are gone or were replaced; wrong use.
. "${srcdir:-.}/tests/e2e/lib.sh"
need sqlite3 gcc objcopy nm readelf
cd "$tmp" || exit 99

cat > program.c <<'C'
#include <stdlib.h>
static inline __attribute__((always_inline)) void *inner(int n) { return malloc(n * 3 + 1); } /* line 2 */
__attribute__((noinline)) void *outer(int n)
{
	void *p = inner(n); /* line 5 */
	if (p)
		*(int *)p = n;
	return p;
}
int main(int argc, char **argv) { return outer(argc) == argv; }
C
build() { # NAME: a program with debug information, and $id
	gcc -g -O2 -Wl,--build-id=sha1 -o "$1" "${2:-program.c}" || skip "gcc makes no program here"
	id=$(readelf -n "$1" | sed -n 's/.*Build ID: *//p')
}
# Every address of outer.
addresses() {
	nm -S "$1" | awk '$4 == "outer" { print $1, $2 }' | {
		read -r start size
		for i in $(seq 0 $((0x$size - 1))); do printf '%x\n' $((0x$start + i)); done
	}
}
# query WHAT EXPECTED SQL
query() {
	is "$1" "$(sqlite3 a.rec "$3")" "$2"
}
record() { # of "$tmp/program" as it was built
	addresses whole | "$programs/make-stacks" a.rec "$tmp/program" "$id"
}

build whole
cp whole program
record
frames=$(sqlite3 a.rec 'select count(*) from frame')
holds "there are frames" test "$frames" -gt 8
run "$MEMWHY" symbolize a.rec > out 2> err
is "symbolize: status" "$ended" "exit 0"
is "symbolize: nothing to complain of" "$(cat err)" ""
matches "symbolize: says how many" out "^a\.rec: $frames of $frames frames have names"
query "each frame ends in outer" "$frames" "select count(distinct frame_id) from symbol s where function = 'outer'
	and source = 'dwarf' and depth = (select max(depth) from symbol t where t.frame_id = s.frame_id)"
query "inner is inlined at line 5" "1" "select count(*) > 0 from symbol i join symbol o on o.frame_id = i.frame_id
	and o.depth = 1 where i.depth = 0 and i.function = 'inner' and i.line = 2 and o.line = 5
	and o.file = '$tmp/program.c'"
is "nothing beside the recording" "$(echo a.rec*)" a.rec
run "$MEMWHY" report a.rec > out 2> err
is "the recording is still one" "$ended" "exit 0"
sqlite3 a.rec 'pragma integrity_check' > out
is "and a sound database" "$(cat out)" ok

# Stripped, and the debug file later.
objcopy --strip-all whole program
record
run "$MEMWHY" symbolize a.rec > out 2> err
start=$(nm whole | awk '$3 == "outer" { sub(/^0*/, "", $1); print $1 }')
query "stripped: the function's start" "program+0x$start" "select group_concat(distinct function) from symbol"
sed 's/n \* 3 + 1/n * 77/' program.c > changed.c
build other changed.c
id=$(readelf -n whole | sed -n 's/.*Build ID: *//p')
mkdir -p wrong right/.build-id/"${id:0:2}"
objcopy --only-keep-debug other wrong/program.debug
run "$MEMWHY" symbolize --debug-dir wrong a.rec > out 2> err
matches "a debug file of another build is named" err '^memwhy: .*wrong/program\.debug is of another build'
query "and not used" "program+0x$start" "select group_concat(distinct function) from symbol"
objcopy --only-keep-debug whole "right/.build-id/${id:0:2}/${id:2}.debug"
run "$MEMWHY" symbolize --debug-dir wrong --debug-dir right a.rec > out 2> err
is "a debug file: status" "$ended" "exit 0"
query "a debug file: names" "$frames" "select count(distinct frame_id) from symbol where function = 'outer' and source = 'dwarf'"

# Gone and replaced: the names stay; without names none are made up.
cp other program
run "$MEMWHY" symbolize --force a.rec > out 2> err
matches "replaced: said" err '^memwhy: .*1 of 1 modules were replaced or deleted'
is "replaced: one line" "$(wc -l < err)" 1
query "replaced: the names stay" "$frames" "select count(distinct frame_id) from symbol where function = 'outer'"
record
run "$MEMWHY" symbolize a.rec > out 2> err
is "replaced: status" "$ended" "exit 0"
query "replaced: no names are made up" 0 "select count(*) from symbol"
rm program
run "$MEMWHY" symbolize a.rec > out 2> err
matches "gone: said" err '^memwhy: .*replaced or deleted'
query "gone: no names are made up" 0 "select count(*) from symbol"

# refused WHAT STATUS ARG...
refused() {
	local what=$1 status=$2
	shift 2
	run "$MEMWHY" symbolize "$@" > out 2> err < /dev/null
	is "$what: status" "$ended" "exit $status"
	is "$what: one line" "$(wc -l < err)" 1
	matches "$what: memwhy says it" err '^memwhy: '
}
head -c 5000 /dev/urandom > garbage.rec
sqlite3 other.rec 'create table frame(x)'
"$programs/make-stacks" none.rec /bin/x "" < /dev/null
mkdir folder.rec
for file in garbage.rec other.rec none.rec folder.rec missing.rec /dev/null; do
	refused "$file" 125 "$file"
done
refused "no recording at all" 125
refused "--debug-dir that isn't there" 2 --debug-dir nowhere a.rec
refused "--debug-dir that is a file" 2 --debug-dir a.rec a.rec
refused "--debug-dir without one" 2 --debug-dir
refused "two recordings" 2 a.rec a.rec

# A run names its stacks by itself, and one without any says nothing of it.
run "$MEMWHY" -q -o run.rec -- true > out 2> err
is "a run: nothing to say" "$(cat err)" ""

# A recording with impossible values is refused or skipped, never the end of memwhy.
cp whole program
for change in "update frame set address = -1" "update frame set address = 'x'" "update frame set module_id = 99" \
	"update module set path = 17" "update module set path = zeroblob(70000)" "update module set path = '/dev/zero'" \
	"update module set path = '$tmp'" "update module set build_id = null" "update module set build_id = '%n%s'" \
	"delete from module" "drop table symbol" "drop table module" "insert into symbol select 1, id, 0, 7, 8, 'x', 9 from frame" \
	"create trigger t before insert on symbol begin select raise(abort, 'no'); end"; do
	record
	sqlite3 a.rec "$change"
	run "$MEMWHY" symbolize a.rec > out 2> err
	case $ended in
	"exit 0" | "exit 125") ok "$change: $ended" ;;
	*) failed "$change: $ended" ;;
	esac
	holds "$change: one line at most" test "$(wc -l < err)" -le 1
done
finish
