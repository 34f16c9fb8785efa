#!/bin/bash
# SPDX-License-Identifier: MIT
# redis_decay.sh - redis-server on jemalloc: filled, emptied, idle. The free pages go back by decay,
# at the rate that dirty_decay_ms predicts: of N pages freed at once, after a part x of that time,
# N * h(1 - x) are kept, h(x) = 6x^5 - 15x^4 + 10x^3 (jemalloc's smoothstep). All is read from the
# recording. jemalloc purges late when the machine is slow, so the measured curve may lag; it is early
# only by the rest of an extent, for those are given back whole.
. "${srcdir:-.}/tests/e2e/lib.sh"
need awk redis-cli
cd "$tmp" || exit 99
if ! command -v redis-server > /dev/null && [ -x /usr/bin/redis-check-rdb ]; then
	mkdir bin && ln -s /usr/bin/redis-check-rdb bin/redis-server
	PATH=$tmp/bin:$PATH
fi
need redis-server
ldd "$(readlink -f "$(command -v redis-server)")" | grep -q libjemalloc || skip "this redis-server is not on jemalloc"

decay_ms=6000
mib=1048576

start() {
	printf 'bind 127.0.0.1\nport %s\nsave ""\nappendonly no\ndir %s\nlogfile %s\nenable-debug-command local\njemalloc-bg-thread yes\nactivedefrag no\n' \
		"$1" "$tmp" "$tmp/redis.log" > redis.conf
	MALLOC_CONF="dirty_decay_ms:$decay_ms,muzzy_decay_ms:0" "$MEMWHY" -q --force -o redis.rec --every 100ms --no-purge -- \
		redis-server redis.conf > redis.out 2> redis.err &
	runner=$!
	for _ in $(seq 150); do
		[ "$(redis-cli -p "$1" ping 2> /dev/null)" = PONG ] && return
		kill -0 "$runner" 2> /dev/null || break
		sleep 0.1
	done
	wait "$runner"
	return 1
}

started=
for _ in 1 2 3; do
	port=$((20000 + RANDOM % 20000))
	start "$port" && started=yes && break
done
[ -n "$started" ] || {
	failed "redis does not answer under memwhy: $(tail -n 3 redis.log redis.err)"
	finish
}
mark() { holds "mark $1" timeout 30 "$MEMWHY" ctl "$runner" mark "$1" > /dev/null; }

redis-cli -p "$port" debug populate 200000 key 500 > /dev/null
mark filled
mark emptying
# not flushall, which has jemalloc purge
redis-cli -p "$port" eval "for i = 0, 199999 do redis.call('del', 'key:' .. i) end" 0 > /dev/null
mark emptied
is "redis is empty" "$(redis-cli -p "$port" dbsize)" 0
# an idle redis allocates about once a second; figures are read where it allocates
redis-cli -p "$port" -i 0.1 -r 600 ping > /dev/null 2>&1 &
pinger=$!
sleep $((decay_ms * 5 / 3 / 1000))
# a machine that is slow has as long as it takes
for _ in $(seq 30); do
	"$MEMWHY" export csv --table figures redis.rec 2> /dev/null | tr -d '\r' | awk -F, '
		$5 == "dirty" && $4 == "" { last = $7; if ($7 > max) max = $7 } END { exit !(last < max / 10) }' && break
	sleep 1
done
mark idle
kill "$pinger"
redis-cli -p "$port" shutdown nosave > /dev/null 2>&1
wait "$runner"
is "redis ends well" "$?" 0

for table in events figures settings samples ledger; do
	"$MEMWHY" export csv --table "$table" redis.rec | tr -d '\r' > "$table.csv"
done
at() { awk -F, -v text="$1" '$3 == "mark" && $7 == text { print $1 }' events.csv; }
begin=$(at emptying) end=$(at emptied) idle=$(at idle)
holds "the marks are in the recording ($begin $end $idle)" test -n "$begin" -a -n "$end" -a -n "$idle"
matches "the recording has the setting" settings.csv "dirty_decay_ms,$decay_ms$"

# dirty.csv: ns since the emptying began, bytes; of the whole heap, while it was idle
awk -F, -v b="$begin" -v i="$idle" '$5 == "dirty" && $4 == "" && $1 > b && $1 < i { printf "%.0f,%.0f\n", $1 - b, $7 }' figures.csv > dirty.csv
n=$(wc -l < dirty.csv)
holds "jemalloc was read while redis was idle ($n times)" test "$n" -ge 20
most=$(awk -F, '$2 > m { m = $2 } END { print m + 0 }' dirty.csv)
holds "emptying left free pages ($((most / mib)) MiB)" test "$most" -ge $((60 * mib))

# The curve: `early` is how far below the prediction it ever is, in parts of N; `half` when half was
# gone, in parts of the decay time; `off` the mean distance at the best lag of up to 0.4 of it.
read -r early half off lag < <(awk -F, -v most="$most" -v span="$((end - begin))" -v decay="$decay_ms" '
	function h(x) { return x <= 0 ? 0 : x >= 1 ? 1 : x * x * x * (x * (6 * x - 15) + 10) }
	{ t[NR] = $1; y[NR] = $2 / most; if (y[NR] == 1) top = NR }
	END {
		decay *= 1e6; half = 9; best = 9
		for (k = top; k <= NR; k++) {
			e = h(1 - t[k] / decay) - y[k]; if (e > early) early = e
			if (half == 9 && y[k] < 0.5) half = (t[k] - span) / decay
		}
		for (l = 0; l <= 0.4; l += 0.01) {
			sum = 0
			for (k = top; k <= NR; k++) { d = h(1 - (t[k] - span) / decay + l) - y[k]; sum += d < 0 ? -d : d }
			if (sum / (NR - top + 1) < best) { best = sum / (NR - top + 1); lag = l }
		}
		printf "%.3f %.3f %.3f %.2f\n", early, half, best, lag
	}' dirty.csv)
echo "# $n readings, $((most / mib)) MiB: early by $early, half gone after $half of the decay time, mean distance $off at a lag of $lag"
holds "hardly a page is given back before its time ($early of them)" awk -v e="$early" 'BEGIN { exit !(e < 0.2) }'
holds "half is gone near half of the decay time ($half)" awk -v h="$half" 'BEGIN { exit !(h > 0.4 && h < 1) }'
holds "the curve is smoothstep ($off off)" awk -v o="$off" 'BEGIN { exit !(o < 0.08) }'
last=$(awk -F, '{ v = $2 } END { print v }' dirty.csv)
holds "after it there are less than a tenth ($((last / mib)) MiB)" test "$last" -lt $((most / 10))

# Resident size follows: what dirty lost, RSS lost.
resident() { awk -F, -v at="$1" '$3 == "sample" && $1 >= at && !done { print $4; done = 1 }' samples.csv; }
before=$(resident "$end")
after=$(awk -F, -v i="$idle" '$3 == "sample" && $1 < i { v = $4 } END { print v }' samples.csv)
lost=$((before - after)) freed=$((most - last))
holds "resident fell by what dirty fell by ($((lost / mib)) and $((freed / mib)) MiB)" \
	test $((lost > freed ? lost - freed : freed - lost)) -le $((freed * 15 / 100))
balanced "redis" ledger.csv
finish
