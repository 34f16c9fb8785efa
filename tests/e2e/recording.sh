#!/bin/bash
# SPDX-License-Identifier: MIT
# recording.sh - recordings: refusing to overwrite, names, damage of every kind, and that a killed
# memwhy or a killed target leaves what was committed. A few hundred mutations of a real
# recording must give an answer or one clear line, never a crash or a hang.
. "${srcdir:-.}/tests/e2e/lib.sh"
need sqlite3
cd "$tmp" || exit 99
mutations=${MEMWHY_TEST_MUTATIONS:-200}

run "$MEMWHY" -q -o good.rec -- "$programs/frag" > /dev/null 2> err
is "a recording is made" "$ended" "exit 0"
is "nothing beside it stays" "$(echo good.rec*)" good.rec
is "it is a sound database" "$(sqlite3 good.rec 'pragma integrity_check')" ok
version=$(sqlite3 good.rec 'pragma user_version')
cp good.rec before
run "$MEMWHY" -o good.rec -- touch ran > out 2> err
is "an existing recording is refused" "$ended" "exit 125"
matches "and --force is named" err '^memwhy: .*--force'
holds "and nothing ran" test ! -e ran
same_file "and it stays as it was" good.rec before
run "$MEMWHY" -q --force -o good.rec -- true
is "--force" "$ended" "exit 0"
cp before good.rec
run "$MEMWHY" -q -o 'named-%n-%p.rec' -- true
is "%n and %p expand" "$(echo named-*.rec | grep -cE '^named-true-[0-9]+\.rec$')" 1
run "$MEMWHY" -q -- true
run "$MEMWHY" report > out 2> err
is "no RECORDING means the last one" "$ended" "exit 0"
for _ in $(seq 24); do "$MEMWHY" -q -- true; done
is "the newest 20 are kept" "$(find "$XDG_STATE_HOME/memwhy" -name '*.memwhy' | wc -l)" 20

# Reports of all kinds read it.
for at in peak live-peak exit 0.01; do
	run "$MEMWHY" report --at "$at" good.rec > out 2> err
	is "report --at $at" "$ended" "exit 0"
done
run "$MEMWHY" report --format json good.rec > out.json 2> err
is "report --format json" "$ended" "exit 0"
if command -v python3 > /dev/null; then
	holds "it is JSON" python3 -c 'import json,sys; json.load(open(sys.argv[1]))' out.json
fi
for table in samples ledger processes mappings; do
	run "$MEMWHY" export csv --table $table good.rec > out.csv 2> err
	is "export csv --table $table" "$ended" "exit 0"
	holds "$table has rows" awk -F, 'NR == 1 { n = NF } END { exit !(NR > 1 && n > 2) }' out.csv
done
run "$MEMWHY" export csv --table samples good.rec > out.csv 2> err
is "every line ends with CR LF" "$(grep -vc $'\r$' out.csv)" 0
plain_lines out.csv
balanced "exported" out.csv

# refused WHAT FILE [ARG...]: not 0, one line, no crash
refused() {
	local what=$1
	shift
	run "$MEMWHY" "$@" > out 2> err < /dev/null
	case $ended in
	"exit 0" | signal* | hang) failed "$what: $ended" ;;
	*) ok "$what: $ended" ;;
	esac
	is "$what: one line" "$(wc -l < err)" 1
	matches "$what: memwhy says it" err '^memwhy: '
}
head -c 1000 /dev/urandom > garbage.rec
: > empty.rec
head -c 3000 good.rec > short.rec
head -c $(($(stat -c %s good.rec) / 2)) good.rec > half.rec
echo "just text" > text.rec
sqlite3 other.rec 'create table t(x); insert into t values (1)'
cp good.rec newer.rec
sqlite3 newer.rec "pragma user_version = $((version + 1))"
mkdir folder.rec
for file in garbage.rec empty.rec short.rec text.rec other.rec newer.rec folder.rec missing.rec; do
	refused "report $file" report "$file"
	refused "export $file" export csv "$file"
done
refused "a bad TIME" report --at yesterday good.rec
refused "a negative TIME" report --at -1 good.rec
refused "a bad format" report --format xml good.rec
refused "a bad table" export csv --table nothing good.rec
refused "a bad export format" export tarball good.rec
matches "newer: says version" <(run "$MEMWHY" report newer.rec 2>&1) 'version|newer'

# Hostile contents: types and sizes that no memwhy wrote.
n=0
for table in $(sqlite3 good.rec "select name from sqlite_master where type = 'table' and name not like 'sqlite%'"); do
	for column in $(sqlite3 good.rec "select name from pragma_table_info('$table')"); do
		for value in NULL -1 9223372036854775807 "'text'" "zeroblob(100000)" 1e308; do
			n=$((n + 1))
			[ $((n % 3)) -eq 0 ] || continue
			cp good.rec hostile.rec
			sqlite3 hostile.rec "update or ignore \"$table\" set \"$column\" = $value" 2> /dev/null || continue
			run "$MEMWHY" report hostile.rec > out 2> err
			case $ended in
			signal* | hang | lost) failed "$table.$column = $value: $ended"; continue ;;
			esac
			run "$MEMWHY" export csv hostile.rec > out 2> err
			case $ended in
			signal* | hang | lost) failed "$table.$column = $value, export: $ended" ;;
			esac
		done
	done
done
ok "$n hostile values tried"

# Bytes changed at random (seeded, so a failure can be had again), file cut at random.
RANDOM=1
size=$(stat -c %s good.rec)
bad=0
for i in $(seq "$mutations"); do
	cp good.rec mutant.rec
	for _ in 1 2 3 4 5 6 7 8; do
		# half of them in the first pages, where the structure is
		at=$(((RANDOM * 32768 + RANDOM) % (RANDOM % 2 ? size : 8192)))
		printf '%b' "\\x$(printf %02x $((RANDOM % 256)))" |
			dd of=mutant.rec bs=1 seek="$at" conv=notrunc status=none
	done
	[ $((i % 5)) -eq 0 ] && truncate -s $(((RANDOM * 32768 + RANDOM) % size)) mutant.rec
	if [ $((i % 2)) -eq 0 ]; then
		run "$MEMWHY" report mutant.rec > out 2> err
	else
		run "$MEMWHY" export csv mutant.rec > out 2> err
	fi
	case $ended in
	signal* | hang | lost) bad=$((bad + 1)); echo "# mutation $i: $ended" ;;
	esac
	rm -f mutant.rec*
done
is "$mutations mutations: no crash, no hang" "$bad" 0

# kill -9 of memwhy: the recording is readable, the target goes on undisturbed.
rm -f killed.rec target-done
# shellcheck disable=SC2016 # for the inner shell
"$MEMWHY" -q -o killed.rec -- sh -c 'i=0; while [ $i -lt 15 ]; do sleep 0.1; i=$((i+1)); done; echo fine > target-done' &
pid=$!
sleep 0.9
kill -9 "$pid"
wait "$pid" 2> /dev/null
run "$MEMWHY" report killed.rec > out 2> err
is "kill -9 of memwhy: the recording is readable" "$ended" "exit 0"
rows=$("$MEMWHY" export csv --table samples killed.rec | wc -l)
holds "and has samples ($rows)" test "$rows" -gt 10
for _ in $(seq 50); do [ -e target-done ] && break; sleep 0.1; done
is "and the target went on" "$(cat target-done 2>&1)" fine

# the same while the target is inside malloc all the time, and asks for snapshots
rm -f busy.rec
"$MEMWHY" -q -o busy.rec -- "$programs/signal-malloc" storm > busy.out 2>&1 &
pid=$!
sleep 0.15
kill -9 "$pid"
wait "$pid" 2> /dev/null
bare busy-bare "$programs/signal-malloc" storm
for _ in $(seq 100); do [ -s busy.out ] && break; sleep 0.1; done
same_file "kill -9 of memwhy: a busy target ends well" busy.out busy-bare.out

# kill -9 of the target: what was committed is there.
"$MEMWHY" -q -o victim.rec -- sleep 30 &
pid=$!
sleep 0.7
victim=$(pgrep -P "$pid" -x sleep)
kill -9 "$victim"
wait "$pid" 2> /dev/null
status=$?
is "kill -9 of the target is passed on" "$status" 137
run "$MEMWHY" report victim.rec > out 2> err
is "kill -9 of the target: a report" "$ended" "exit 0"
finish
