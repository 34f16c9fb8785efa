#!/bin/bash
# SPDX-License-Identifier: MIT
# ctl.sh - memwhy ctl on running programs: what it prints, what the recording has of it, and that
# whoever may not ask is told so in one line. Then --until, --snapshot-every and --no-purge.
. "${srcdir:-.}/tests/e2e/lib.sh"
need awk python3
cd "$tmp" || exit 99

# Fills and drops 100 MB, then allocates a little every 20 ms until the file "stop" is there; or
# sleeps until SIGUSR1.
cat > work.py << 'END'
import os, signal, sys, time
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
blocks = [bytes(1000) for _ in range(100000)]
del blocks
open("ready", "w").close()
if len(sys.argv) > 1:
    signal.sigtimedwait({signal.SIGUSR1}, 60)
    sys.exit(0)
until = time.time() + 60
while not os.path.exists("stop") and time.time() < until:
    time.sleep(0.02)
    some = [bytes(600) for _ in range(1000)]
END

begin() {
	rm -f ready stop
	PYTHONMALLOC=malloc "$MEMWHY" -q --force -o run.rec "$@" > run.out 2> run.err &
	runner=$!
	for _ in $(seq 600); do
		[ -e ready ] && break
		sleep 0.1
	done
	[ -e ready ] || failed "the program did not begin: $(cat run.err)"
	target=$(pgrep -P "$runner" | head -n 1)
}

end() {
	touch stop
	wait "$runner"
	is "$1: ends well" "$?" 0
}

ctl() {
	timeout 60 "$MEMWHY" ctl "$@" > ctl.out 2> ctl.err < /dev/null
	status=$?
}

# refused WHAT PATTERN ARG...
refused() {
	local what=$1 pattern=$2
	shift 2
	ctl "$@"
	is "$what: status" "$status" 1
	is "$what: one line" "$(wc -l < ctl.err)" 1
	is "$what: nothing on standard output" "$(wc -c < ctl.out)" 0
	matches "$what: says why" ctl.err "^memwhy: .*$pattern"
}

table() {
	"$MEMWHY" export csv --table "$1" run.rec | tr -d '\r'
}

# ---- what it does ---------------------------------------------------------------------
while read -r allocator library; do
	begin -- env ${library:+LD_PRELOAD="$library"} "$python" work.py
	ctl "$target" snapshot
	is "$allocator: snapshot" "$status" 0
	matches "$allocator: snapshot says when and how large" ctl.out '^snapshot at [0-9.]+ s: resident [0-9.]+ MiB, live [0-9.]+ [KM]iB$'
	at=$(sed -n 's/^snapshot at \([0-9.]*\) s.*/\1/p' ctl.out)
	ctl "$runner" mark $'filled and dropped\t\x1b[31m "quoted"'
	is "$allocator: mark, by memwhy's own process id" "$status" 0
	is "$allocator: mark shows no control character" "$(grep -c $'\x1b' ctl.out)" 0
	ctl "$target" purge
	is "$allocator: purge ($(cat ctl.out ctl.err))" "$status" 0
	matches "$allocator: purge says what it changed" ctl.out '^resident [0-9.]+ -> [0-9.]+ MiB in [0-9.]+ m?s'
	read -r before after < <(sed -n 's/^resident \([0-9.]*\) -> \([0-9.]*\) MiB.*/\1 \2/p' ctl.out)
	end "$allocator"
	is "$allocator: the mark is in the recording" "$(table events | grep -c ',mark,.*filled and dropped\\x09\\x1b')" 1
	is "$allocator: one purge by ctl, made" "$(table purges | grep -c ',ctl,ok,')" 1
	is "$allocator: and one at the exit" "$(table purges | grep -c ',exit,ok,')" 1
	is "$allocator: two snapshots were asked for" "$(table ledger | grep -c ',asked,')" 2
	is "$allocator: and one follows each purge" "$(table ledger | grep -c ',purged,')" 2
	is "$allocator: the time is that of a snapshot" \
		"$(table ledger | awk -F, -v at="$at" '$3 == "asked" && $1 / 1e9 - at < 1e-5 && at - $1 / 1e9 < 1e-5' | wc -l)" 1
	table purges | awk -F, -v b="$before" -v a="$after" '$3 == "ctl" {
		mib = 1048576; exit !($7 / mib - b < 0.1 && b - $7 / mib < 0.1 && $8 / mib - a < 0.1 && a - $8 / mib < 0.1) }'
	is "$allocator: the line and the recording agree" "$?" 0
	# glibc trims its heap by itself when the last of it is freed
	[ "$allocator" = glibc ] || holds "$allocator: at least half is given back ($before -> $after MiB)" \
		awk -v b="$before" -v a="$after" 'BEGIN { exit !(a < b / 2) }'
	table ledger > run.csv
	balanced "$allocator" run.csv
done < <(allocators)

# ---- a followed child ------------------------------------------------------------------
begin -- bash -c "'$python' work.py; exit 0"
child=$(pgrep -P "$target" | head -n 1)
ctl "$child" mark "the child's"
is "a followed child: mark" "$status" 0
ctl "$child" purge
is "a followed child: purge" "$status" 0
end "a followed child"
is "a followed child: its own pid has the mark" "$(table events | grep -c ",$child,mark,.*the child's")" 1
is "a followed child: and the purge" "$(table purges | grep -c ",$child,ctl,ok,")" 1

# ---- what it refuses --------------------------------------------------------------------
begin -- "$python" work.py quiet
refused "no thread comes to an allocation" "no thread of process $target came to an allocation" "$target" purge
ctl "$target" snapshot
is "a snapshot needs none: status" "$status" 0
kill -USR1 "$target"
end "a quiet program"
is "a purge that was not made is in no row" "$(table purges | grep -c ',ctl,')" 0
refused "it has ended" "there is no process $target" "$target" purge

begin --no-probe -- "$python" work.py
refused "no probe" "is not followed: no probe was asked for" "$target" purge
refused "no probe" "is not followed" "$target" mark text
end "no probe"

sleep 60 &
sleeper=$!
refused "nobody runs it" "no memwhy runs process $sleeper" "$sleeper" snapshot
kill "$sleeper"
refused "no such process" "there is no process" 4194304 snapshot

if [ "$(id -u)" = 0 ] && command -v setpriv > /dev/null; then
	chmod 755 "$tmp"
	begin -- "$python" work.py
	setpriv --reuid 65534 --regid 65534 --clear-groups timeout 30 "$MEMWHY" ctl "$target" purge > ctl.out 2> ctl.err
	is "somebody else's: status" "$?" 1
	matches "somebody else's: says so" ctl.err "^memwhy: process $target belongs to somebody else"
	end "somebody else's"
	is "somebody else's: nothing was done" "$(table purges | grep -c ',ctl,')" 0
else
	left_out "not root, or no setpriv: another user is not tried"
fi

usage() {
	ctl "$@"
	is "ctl $*: status" "$status" 2
	is "ctl $*: one line" "$(wc -l < ctl.err)" 1
}
usage
usage 1
usage x purge
usage -1 purge
usage 0 purge
usage 99999999999999 purge
usage 1 explode
usage 1 purge now
usage 1 mark
usage 1 mark ''
usage 1 mark "$(printf '%300s' x)"
usage --no-such-option

# ---- options of a long run ------------------------------------------------------------------
rm -f ready stop
"$MEMWHY" --force -o run.rec --csv run.csv --until 1s -- "$python" work.py > run.out 2> run.err &
runner=$!
for _ in $(seq 600); do
	grep -q '^recording:' run.err && break
	sleep 0.1
done
matches "--until: the report is there" run.err '^recording:'
target=$(pgrep -P "$runner" | head -n 1)
holds "--until: the program runs on" kill -0 "$target"
ctl "$target" snapshot
is "--until: it is not followed any more" "$status" 1
touch stop
wait "$runner"
is "--until: memwhy ends as the program does" "$?" 0
plain_lines run.csv
balanced "--until" run.csv
is "--until: the recording ends with it" "$(awk -F, 'NR > 1 && $1 > 30e9' run.csv | wc -l)" 0
is "--until: the process is running in it" "$(table processes | awk -F, 'NR == 2 { print $6 }')" running
run "$MEMWHY" -q --force -o run.rec --until rss=1K -- sh -c 'sleep 0.3; exit 7'
is "--until rss=: the status is the program's" "$ended" "exit 7"
run "$MEMWHY" -q --force -o run.rec --until 60s -- sh -c 'kill -TERM $$'
is "--until, and the end comes first" "$ended" "signal 15"
is "--until, and the end comes first: it is recorded" "$(table processes | grep -c ',signal,15,')" 1

begin --every 1h --snapshot-every 200ms --no-purge -- "$python" work.py
sleep 2
end "--snapshot-every"
n=$(table ledger | grep -c ',timer,')
holds "--snapshot-every: there are snapshots by the timer ($n)" test "$n" -ge 3
is "--no-purge: there is none" "$(table purges | tail -n +2 | wc -l)" 0
for wrong in --until=soon --until=rss=much --every=2h --snapshot-every=1ms; do
	run "$MEMWHY" "$wrong" -- true > run.out 2> run.err
	is "$wrong: status" "$ended" "exit 2"
	is "$wrong: one line" "$(wc -l < run.err)" 1
done
finish
