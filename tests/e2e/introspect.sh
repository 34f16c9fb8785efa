#!/bin/bash
# SPDX-License-Identifier: MIT
# introspect.sh - what the allocators say of themselves beside the ledger, and the purge at
# the exit: made at an end of the program's own, and said to be missing at any other.
. "${srcdir:-.}/tests/e2e/lib.sh"
need sqlite3
life=$programs/introspect-life

# query NAME SQL
query() {
	sqlite3 -separator ' ' "$tmp/$1.rec" "$2"
}

# within WHAT SEEN EXPECTED PERMILLE
within() {
	local off=$(($2 > $3 ? $2 - $3 : $3 - $2))
	if [ "${2:-0}" -gt 0 ] && [ $((off * 1000)) -le $(($3 * $4)) ]; then
		ok "$1: $2 beside $3"
	else
		failed "$1: $2 is not within $4/1000 of $3"
	fi
}

# purged NAME MASK PERCENT: one row; at most so much is left, by the two snapshots around it
purged() {
	is "$1: the purge" "$(query "$1" "select reason, result, heaps & $2, took_ns > 0,
		rss_after_bytes <= rss_before_bytes * $3 / 100 from purge")" "exit ok $2 1 1"
	is "$1: the snapshots around it" "$(query "$1" "select b.trigger, a.trigger from purge p
		join snapshot b on b.time_ns = p.before_ns join snapshot a on a.time_ns = p.after_ns
		where p.rss_before_bytes = b.rss_bytes - b.probe_bytes and p.rss_after_bytes = a.rss_bytes - a.probe_bytes")" \
		"exit purged"
}

# read_well NAME HEAP: on the way, and at the exit
read_well() {
	is "$1: readings" "$(query "$1" "select count(*) > 1, max(r.time_ns) between s.time_ns - 100000000 and s.time_ns
		from reading r, snapshot s where heap = $2 and result = 'ok' and s.trigger = 'exit'")" "1 1"
}

# Of the same moment: a thread that asks for a snapshot makes the reading first, with the others
# held. So of all pairs while much is live, the one that is closest in time.
pairs='from snapshot s join figure f on f.name = "allocated" and f.arena = -1 and f.time_ns <= s.time_ns
	where s.live_requested_bytes > 20000000 order by s.time_ns - f.time_ns limit 1'
account="(select f.value - coalesce((select t.value from figure t where t.time_ns = f.time_ns and t.heap = f.heap
	and t.name = 'thread_caches' and t.arena = -1), 0) $pairs)"
ledgers="(select s.live_requested_bytes + s.rounding_bytes $pairs)"

while read -r allocator library; do
	export LD_PRELOAD="${library:-}"
	probed "$allocator" -- "$life" return
	unset LD_PRELOAD
	is "$allocator: ends well" "$ended" "exit 0"
	is "$allocator: whose reading" "$(query "$allocator" "select distinct h.name from reading r
		join heap h on h.slot = r.heap and h.process_id = r.process_id")" "${allocator%%_*}"
	read_well "$allocator" 0
	# mimalloc keeps the segments that one block is in
	purged "$allocator" 1 "$([ "$allocator" = mimalloc ] && echo 100 || echo 50)"
	balanced "$allocator" "$tmp/$allocator.csv"
	sound "$allocator" "$tmp/$allocator.csv"
	case $allocator in
	glibc) # what its thread cache holds it counts as in use
		within "glibc: uordblks" "$(query glibc "select $account")" "$(query glibc "select $ledgers")" 5 ;;
	jemalloc | tcmalloc_minimal)
		within "$allocator: allocated" "$(query "$allocator" "select $account")" \
			"$(query "$allocator" "select $ledgers")" 5 ;;
	esac
	[ "$allocator" = jemalloc ] && is "jemalloc: a setting" \
		"$(query jemalloc "select value from setting where name = 'opt.dirty_decay_ms'")" 10000
done < <(allocators)

# ---- ends ----------------------------------------------------------------------------
# end HOW ENDED RESULT
end() {
	probed "$1" -- "$life" "$1"
	is "$1: as it ended" "$ended" "$2"
	is "$1: one purge, $3" "$(query "$1" "select reason, result from purge")" "exit $3"
}
end exit "exit 3" ok
end _exit "exit 3" ok
end exec "exit 0" ok
end handler "exit 0" not-safe
end raw "exit 3" none
end kill "signal 9" none
end abort "signal 6" none
probed children -- sh -c "$life return; $life exit; exit 0"
is "no child purges" "$(query children "select count(*) from purge where process_id not in
	(select id from process where pid = (select pid from process where id = 1))")" 0

# What is left after the purge is no moment of the program's.
"$MEMWHY" report "$tmp/exit.rec" > "$tmp/report.out" 2>&1
exit_mib=$(query exit "select printf('%.1f MiB', (rss_bytes - probe_bytes) / 1048576.0) from snapshot where trigger = 'exit'")
matches "the report shows the exit before the purge" "$tmp/report.out" "resident .*$exit_mib"

# ---- a jemalloc that is linked in and stripped ------------------------------------------
archive=$(cc -print-file-name=libjemalloc_pic.a)
if [ "${archive#/}" != "$archive" ] && cc -O1 -s -o "$tmp/linked" "$top_srcdir/tests/programs/introspect-life.c" \
	-Wl,--whole-archive "$archive" -Wl,--no-whole-archive -lstdc++ -lm -lpthread -ldl 2> "$tmp/cc.err"; then
	probed linked -- "$tmp/linked" return
	is "linked: ends well" "$ended" "exit 0"
	read_well linked 1
	purged linked 2 50
else
	left_out "jemalloc can't be linked in here"
fi

# ---- a heap that takes long to walk through ------------------------------------------------
probed dear -- "$programs/introspect-dear"
is "dear: ends well" "$ended" "exit 0"
is "dear: no reading is made that would cost the program its time" \
	"$(query dear "select coalesce(sum(took_ns), 0) * 20 < (select end_ns from run) from reading")" 1
is "dear: and it is said" "$(query dear "select count(*) > 0 from reading where result = 'too-dear'")" 1
# by processor time, of itself and with memwhy: a walk after a walk made it forty times as much
TIMEFORMAT=%U
own=$({ time "$programs/introspect-dear" > /dev/null; } 2>&1)
is "dear: the program's time is its own" \
	"$(query dear "select user_ns < 8e9 * $own + 1e9 from process where id = 1")" 1

# ---- threads and signals, with a reading every millisecond ------------------------------
while read -r allocator library; do
	export LD_PRELOAD="${library:-}"
	probed "$allocator-read" --every 1ms -- "$life" read
	is "$allocator: threads under constant readings" "$ended" "exit 0"
	sound "$allocator-read" "$tmp/$allocator-read.csv"
	probed "$allocator-storm" --every 1ms -- "$programs/signal-malloc" storm
	is "$allocator: signals under constant readings" "$ended" "exit 0"
	sound "$allocator-storm" "$tmp/$allocator-storm.csv"
	probed "$allocator-signals" --every 1ms -- "$programs/introspect-signals"
	is "$allocator: handlers that allocate and fork" "$ended" "exit 0"
	unset LD_PRELOAD
	is "$allocator: they were made" "$(query "$allocator-storm" "select count(*) > 20 from reading")" 1
done < <(allocators)
finish
