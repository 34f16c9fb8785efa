#!/bin/bash
# SPDX-License-Identifier: MIT
# compare.sh - memwhy compare: figures against the kernel's, marks, allocators, settings,
# failures, time limits, Ctrl-C, bad input.
. "${srcdir:-.}/tests/e2e/lib.sh"
need awk pgrep
cd "$tmp" || exit 99

# field CSV ROW COLUMN
field() {
	tr -d '\r' < "$1" | awk -F, -v row="$2" -v column="$3" '
		NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next } $1 == row { print $at[column] }'
}
# about WHAT SEEN EXPECTED PERCENT
about() {
	if awk -v a="$2" -v b="$3" -v p="$4" 'BEGIN { exit !(a != "" && a >= b * (1 - p / 100) && a <= b * (1 + p / 100)) }'; then
		ok "$1: $2, expected $3 within $4 %"
	else
		failed "$1: $2, expected $3 within $4 %"
	fi
}
compare() {
	run "$MEMWHY" compare "$@" > out 2> err < /dev/null
}

# dirty is 160 MiB of blocks, frag another program: what is known of them has to come out.
compare --runs 5 --format csv "$programs/dirty" "$programs/frag"
is "two programs" "$ended" "exit 0"
cp out two.csv
is "nothing on standard error without a terminal" "$(cat err)" ""
is "five clean runs" "$(field two.csv 1 wall_ns_runs)" 5
is "five recorded runs" "$(field two.csv 2 live_bytes_runs)" 5
about "live at the peak is what dirty asked for" "$(field two.csv 1 live_bytes)" $((160 << 20)) 1
about "the kernel's peak is that and a little" "$(field two.csv 1 peak_rss_bytes)" $((162 << 20)) 2
is "peaks that differ are marked" "$(field two.csv 2 peak_rss_bytes_differs)" 1
is "the first row is not" "$(field two.csv 1 peak_rss_bytes_differs)" 0
holds "a purge gives dirty's pages back" test "$(field two.csv 1 purgeable_bytes)" -gt $((64 << 20))
matches "the allocator's name is the recording's" <(field two.csv 1 allocator) '^glibc'
is "recordings are kept" "$(find "$XDG_STATE_HOME" -name '*.memwhy' | wc -l)" 10
run "$MEMWHY" report > out 2> err
is "the last one can be reported" "$ended" "exit 0"
if [ -x /usr/bin/time ]; then
	/usr/bin/time -f %M -o peak "$programs/dirty" > /dev/null
	about "peak RSS beside time -v's" "$(field two.csv 1 peak_rss_bytes)" "$(($(tail -n 1 peak) * 1024))" 2
fi
if command -v strip > /dev/null; then
	strip -o stripped "$(readlink -f "$programs/dirty")"
	about "stripped size beside strip's" "$(field two.csv 1 stripped_bytes)" "$(stat -c %s stripped)" 1
fi

# A row against itself: the peak of a program that does the same each time.
compare --runs 6 --columns live,rss_over_live,peak_rss --format csv "$programs/frag" "$programs/frag"
is "the same has no other live bytes" "$(field out 2 live_bytes_differs)" 0
is "nor another peak" "$(field out 2 peak_rss_bytes_differs)" 0
is "columns in the order that was asked for" "$(head -n 1 out | tr -d '\r' | cut -d, -f5,9,13)" "live_bytes,rss_over_live,peak_rss_bytes"

compare --runs 5 --recorded 1 --sort peak_rss --keep kept --env MALLOC_ARENA_MAX=1,2 -- "$programs/frag"
is "settings" "$ended" "exit 0"
is "text fits 100 columns" "$(awk 'length > 100' out)" ""
matches "a row for each value" out '^  2  MALLOC_ARENA_MAX=2 '
is "--keep" "$(cd kept && echo *)" "row1-run1.memwhy row2-run1.memwhy"
matches "it is marked as what it is" <("$MEMWHY" report kept/row1-run1.memwhy) 'frag'

names=$(allocators | cut -d' ' -f1 | sed 's/_minimal//' | paste -sd,)
compare --runs 1 --recorded 1 --format csv --allocator "$names" -- "$programs/dirty"
is "allocators $names" "$ended" "exit 0"
row=0
for name in ${names//,/ }; do
	row=$((row + 1))
	matches "row $row has $name" <(field out $row allocator) "^$name"
done
compare --runs 1 --recorded 0 --allocator "$plugin" -- "$programs/dirty"
is "a library that replaces nothing" "$ended" "exit 2"
matches "is told so" err 'does not replace malloc'
if echo 'int main(void) { return 0; }' > static.c && ${CC:-cc} -static -o static static.c 2> /dev/null; then
	compare --runs 1 --allocator glibc -- ./static
	is "a static program has no other allocator" "$ended" "exit 1"
	matches "and is told why" out 'row 1 is left out: its allocator cannot be exchanged: statically linked'
fi
jemalloc=/usr/lib/x86_64-linux-gnu/libjemalloc.a
if [ -e $jemalloc ] && echo '#include <stdlib.h>
int main(int n, char **v) { for (int i = 0; i < 1000; i++) free(calloc(n, 100)); return v[0] == 0; }' > linked.c &&
	${CC:-cc} -o linked linked.c $jemalloc -lm -lpthread -lstdc++ -ldl 2> /dev/null; then
	compare --runs 1 --allocator glibc,jemalloc -- ./linked
	is "an allocator that is linked in" "$ended" "exit 1"
	matches "is told by its name" out 'row 2 is left out: its allocator is linked in \(jemalloc\)'
fi

compare --runs 2 --recorded 1 --timeout 1s true false ./none 'sleep 60' "sh -c 'kill -9 \$\$'"
is "rows that fail" "$ended" "exit 1"
matches "a status" out '^row 2 is left out: exit status 1'
matches "not there" out '^row 3 is left out: command not found'
matches "a time limit" out '^row 4 is left out: still running after 1 s'
matches "a signal" out '^row 5 is left out: killed by signal 9'
matches "the rest is measured" out '^  1 .* ms \(.*%\) ' 
compare --runs 2 --recorded 1 --ignore-failure --format csv false
is "--ignore-failure" "$ended" "exit 0"
is "counts them" "$(field out 1 wall_ns_runs)" 2

# shellcheck disable=SC2016 # for its own shell
compare --runs 2 --recorded 0 --warmup 0 --prepare 'echo x >> prepared' --shell --output inherit 'echo $((1 + 1))'
is "--shell and --output" "$(grep -c '^2$' out)" 2
is "--prepare ran before each" "$(wc -l < prepared)" 2
compare --runs 1 --prepare 'exit 3' true
matches "--prepare that fails" out 'left out: --prepare: exit status 3'
compare --runs 2 --recorded 0 --output written 'echo it'
is "--output to a file" "$(cat written)" "it"

compare --budget 1s --recorded 1 'sleep 0.2'
is "a budget" "$ended" "exit 0"
matches "that ends it" out 'Not finished: the time was up'

# Ctrl-C in the second command: what there is is printed, and memwhy dies of it.
: > prepared
"$MEMWHY" compare --runs 100 --recorded 0 --warmup 0 --prepare 'echo x >> prepared' true 'sleep 97.125' > out 2> err < /dev/null &
pid=$!
for ((i = 0; i < 300; i++)); do
	pgrep -f '^sleep 97.125' > /dev/null && break
	sleep 0.1
done
is "both were begun" "$(wc -l < prepared)" 2
# a shell's background job ignores INT, and so does memwhy then
kill -TERM $pid
wait $pid
is "interrupted: dies of the signal" "$?" 143
matches "and what was measured is printed" out '^Medians of 1 clean'
matches "with that word" out 'Not finished: it was interrupted'
is "and nothing runs on" "$(pgrep -f '^sleep 97.125')" ""

compare --format json --runs 1 --recorded 1 "$programs/frag" false
if command -v python3 > /dev/null; then
	holds "JSON" python3 -c '
import json; j = json.load(open("out")); a, b = j["rows"]
assert a["columns"]["wall_ns"]["kind"] == "clean" and a["columns"]["live_bytes"]["kind"] == "recorded"
assert len(a["recordings"]) == 1 and b["left_out"].startswith("exit status 1") and not b["columns"]'
fi
compare --format markdown --runs 1 --recorded 0 "$programs/frag"
is "Markdown: each line of the table has as many cells" "$(grep '^|' out | tr -cd '|\n' | sort -u | wc -l)" 1

for bad in "" "--runs 0 true" "--runs x true" "--columns nothing true" "--sort nothing true" "--format xml true" \
	"--env NAME true" "--allocator none true" "--allocator ./none.so true" "--budget never true" "true --runs 3" "--shell -- true"; do
	# shellcheck disable=SC2086 # words
	compare $bad
	is "compare $bad: status" "$ended" "exit 2"
	is "compare $bad: one line" "$(wc -l < err)" 1
done
compare "'true"
is "a quote without an end" "$ended" "exit 2"
finish
