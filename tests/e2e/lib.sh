# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034 # the scripts use what isn't used here
# lib.sh - what the end-to-end scripts share. A script runs in the build directory with
# $srcdir set (as automake does), sources this, makes checks, and calls `finish` last.
#
# A check prints "ok" or "FAILED" with what was seen; finish turns any failure into status 1.
# Nothing outside $tmp is written: HOME, TMPDIR and the recordings' default place lie there.
# Every launch has a time limit (how-ended); a hang is a failure.
set -u
export LC_ALL=C
builddir=$PWD
top_srcdir=${srcdir:-.}
top_srcdir=$(cd "$top_srcdir" && pwd)
MEMWHY=${MEMWHY:-$builddir/memwhy}
programs=$builddir/tests/programs
plugin=$programs/.libs/plugin.so
limit=${MEMWHY_TEST_LIMIT:-60} # seconds for one launch
failures=0
checks=0
left_outs=

tmp=$(mktemp -d "${TMPDIR:-/tmp}/memwhy-e2e.XXXXXX") || exit 99
export TMPDIR=$tmp HOME=$tmp/home XDG_STATE_HOME=$tmp/state XDG_CACHE_HOME=$tmp/cache
mkdir -p "$HOME" "$XDG_STATE_HOME" "$XDG_CACHE_HOME"
cleanup() {
	cd / || return
	rm -rf --one-file-system "$tmp"
}
trap cleanup EXIT
# The user's own Python settings and preloads would change what is measured.
unset LD_PRELOAD NO_COLOR PYTHONMALLOC MALLOC_ARENA_MAX GLIBC_TUNABLES

skip() {
	echo "skip: $*"
	exit 77
}

# The system's own: what comes first in PATH may be a wrapper of many processes.
# shellcheck disable=SC2034 # for the scripts that source this
python=/usr/bin/python3
[ -x "$python" ] || python=$(command -v python3)

need() {
	local p
	for p in "$@"; do
		command -v "$p" > /dev/null || skip "$p is not installed"
	done
}

ok() {
	checks=$((checks + 1))
	echo "ok $checks - $*"
}

failed() {
	checks=$((checks + 1))
	failures=$((failures + 1))
	echo "FAILED $checks - $*"
}

# is WHAT SEEN EXPECTED
is() {
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		failed "$1: got '$2', expected '$3'"
	fi
}

# same_file WHAT SEEN EXPECTED: byte for byte
same_file() {
	if cmp -s "$2" "$3"; then
		ok "$1"
	else
		failed "$1: differs"
		diff "$3" "$2" | head -n 20
	fi
}

# matches WHAT FILE PATTERN
matches() {
	if grep -qE -e "$3" "$2"; then
		ok "$1"
	else
		failed "$1: no line matches '$3' in:"
		head -n 5 "$2"
	fi
}

# holds WHAT COMMAND...: the command succeeds
holds() {
	local what=$1
	shift
	if "$@"; then
		ok "$what"
	else
		failed "$what"
	fi
}

# left_out WHY: a part that this machine can't do; the script goes on, and ends as skipped if
# all the rest is well.
left_out() {
	echo "# left out: $*"
	left_outs="${left_outs:+$left_outs; }$*"
}

finish() {
	echo "$checks checks, $failures failed"
	[ "$failures" -eq 0 ] || exit 1
	[ -z "$left_outs" ] || skip "in part: $left_outs"
	exit 0
}

# run COMMAND...: with the time limit; $ended is "exit N", "signal N" or "hang".
# Standard streams are the caller's.
run() {
	rm -f "$tmp/ended"
	"$programs/how-ended" "$tmp/ended" "$limit" "$@"
	ended=$(cat "$tmp/ended" 2> /dev/null || echo "lost")
}

# probed NAME ARG...: memwhy with a recording $tmp/NAME.rec and $tmp/NAME.csv, output in
# $tmp/NAME.out and $tmp/NAME.err; ARGs are memwhy's (with --).
probed() {
	local name=$1
	shift
	run "$MEMWHY" run -q --force -o "$tmp/$name.rec" --csv "$tmp/$name.csv" "$@" \
		> "$tmp/$name.out" 2> "$tmp/$name.err"
	[ -e "$tmp/$name.csv" ] && plain_lines "$tmp/$name.csv"
}

# RFC 4180 ends lines with CR LF; awk is happier without.
plain_lines() {
	tr -d '\r' < "$1" > "$1.plain" && mv "$1.plain" "$1"
}

# bare NAME COMMAND...
bare() {
	local name=$1
	shift
	run "$@" > "$tmp/$name.out" 2> "$tmp/$name.err"
}

# The ledger's SUM terms, in one line, read from the list that memwhy is built from.
sum_terms() {
	sed -n 's/^TERM(\([a-z_]*\), *SUM,.*/\1/p' "$top_srcdir/src/ledger_terms.def" | tr '\n' ' '
}

# Rows of a CSV that carry a ledger.
ledger_rows() {
	awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
		$at["unexplained_bytes"] != "" { n++ } END { print n + 0 }' "$1"
}

# balanced WHAT CSV: in every row with a ledger, the SUM terms are rss, and the live terms
# live_requested. There must be such a row.
balanced() {
	local verdict
	verdict=$(awk -F, -v terms="$(sum_terms)" '
		NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; n = split(terms, term, " "); next }
		$at["unexplained_bytes"] == "" { next }
		{
			rows++; sum = 0
			for (i = 1; i <= n; i++) {
				if (!((term[i] "_bytes") in at)) { print "no column " term[i]; exit }
				sum += $at[term[i] "_bytes"]
			}
			if (sum != $at["rss_bytes"]) {
				printf "line %d: the terms sum to %.0f, rss is %.0f\n", NR, sum, $at["rss_bytes"]; exit
			}
			live = $at["live_requested_resident_bytes"] + $at["live_untouched_bytes"] + $at["live_swapped_bytes"]
			if ($at["live_requested_bytes"] != "" && $at["live_requested_bytes"] != live) {
				printf "line %d: the live terms do not sum\n", NR; exit
			}
		}
		END { if (rows == 0) print "no row has a ledger" }' "$2")
	is "$1: every ledger row is balanced" "$verdict" ""
}

# csv_value CSV COLUMN [PID]: of the last row that has a value there.
csv_value() {
	awk -F, -v column="$2" -v pid="${3:-}" 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
		(pid == "" || $at["pid"] == pid) && $at[column] != "" { value = $at[column] }
		END { print value }' "$1"
}

csv_max() {
	awk -F, -v column="$2" 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
		$at[column] + 0 > max { max = $at[column] + 0 } END { printf "%.0f\n", max }' "$1"
}

# exit_value CSV COLUMN [PID]: of the last row with a ledger that a purge did not change.
exit_value() {
	awk -F, -v column="$2" -v pid="${3:-}" 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
		(pid == "" || $at["pid"] == pid) && $at["unexplained_bytes"] != "" && $at["trigger"] != "purged" { value = $at[column] }
		END { print value }' "$1"
}

# sound WHAT CSV: no free, realloc or allocation that the books don't know.
sound() {
	is "$1: unknown frees" "$(csv_max "$2" unknown_frees)" 0
	is "$1: unknown reallocs" "$(csv_max "$2" unknown_reallocs)" 0
	is "$1: double allocations" "$(csv_max "$2" double_allocations)" 0
}

# as_expected WHAT OUTPUT CSV [PID]: the "expect" lines of a test program against the last ledger.
as_expected() {
	local line terms bytes tolerance term sum value off
	grep -q '^expect ' "$2" || failed "$1: the program stated nothing"
	while read -r line terms bytes tolerance; do
		[ "$line" = expect ] || continue
		sum=0
		for term in ${terms//+/ }; do
			value=$(exit_value "$3" "${term}_bytes" "${4:-}")
			sum=$((sum + ${value:-0}))
		done
		off=$((sum > bytes ? sum - bytes : bytes - sum))
		if [ "$off" -le "$tolerance" ]; then
			ok "$1: $terms is $sum, expected $bytes within $tolerance"
		else
			failed "$1: $terms is $sum, expected $bytes within $tolerance"
		fi
	done < "$2"
}

# Allocators that a user may preload: "name path", glibc with no path.
allocators() {
	local name path dir
	echo "glibc"
	for name in libjemalloc.so.2 libmimalloc.so.2 libmimalloc.so.2.0 libtcmalloc_minimal.so.4; do
		for dir in /usr/lib/x86_64-linux-gnu /usr/lib64 /usr/lib /usr/local/lib; do
			path=$dir/$name
			[ -e "$path" ] && echo "${name%%.*} $path" && break
		done
	done | sort -u -k1,1 | sed 's/^lib//'
}
