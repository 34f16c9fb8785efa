#!/bin/bash
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2030,SC2031 # single quotes: for the inner shell; under() has its own
# surround.sh - what the target sees of its surroundings, and what the world sees of its output,
# is the same with and without memwhy: environment, descriptors, signals, limits, streams,
# terminal. Ctrl-C reaches it once, and memwhy still reports.
. "${srcdir:-.}/tests/e2e/lib.sh"
cd "$tmp" || exit 99
see=$programs/surround

# alike WHAT COMMAND...: the same lines bare and probed (environment of both: this shell's)
alike() {
	local what=$1
	shift
	bare a "$@" < /dev/null
	local bare_ended=$ended
	run "$MEMWHY" -q --force -o alike.rec -- "$@" > b.out 2> b.err < /dev/null
	is "$what: ends as without memwhy" "$ended" "$bare_ended"
	same_file "$what: standard output" b.out a.out
	same_file "$what: standard error" b.err a.err
}
alike "surroundings" "$see"
alike "after exec in place" "$see" exec
alike "in a thread" "$see" threads
alike "through a shell" sh -c '"$0"; exec "$0" last' "$see"
# under WHAT PREPARATION: the same after a preparation, in a shell of its own
under() {
	(
		failures=0
		eval "$2"
		alike "$1" "$see"
		exit "$failures"
	)
	failures=$((failures + $?))
}
under "umask" 'umask 027'
under "limits" 'ulimit -n 64 -c 0 -s 4096'
under "descriptors" 'exec 5< /dev/null 7> "$tmp/seven" 9<> /dev/null'
under "ignored signals" "trap '' USR1 PIPE HUP"
under "ulimit -v" 'ulimit -v 4000000'
under "a preload of the user's own" 'export LD_PRELOAD=libc.so.6'
alike "an empty environment" env -i "$see"
alike "nice" nice -n 5 "$see"

# Closed standard streams stay closed, and memwhy writes to none of the target's files.
for closed in '<&-' '>&-' '2>&-' '<&- 2>&-' '<&- >&- 2>&-'; do
	eval "run '$see' > a.out 2> a.err $closed"
	eval "run '$MEMWHY' -q --force -o closed.rec -- '$see' > b.out 2> b.err $closed"
	is "closed $closed: ends well" "$ended" "exit 0"
	same_file "closed $closed: the same" b.out a.out
done

# Output, byte for byte: binary, both streams, standard input passed through.
head -c 3000000 /dev/urandom > random
run "$MEMWHY" -q --force -o out.rec -- sh -c 'cat; head -c 100000 random >&2' < random > b.out 2> b.err
same_file "binary standard output" b.out random
same_file "binary standard error" b.err <(head -c 100000 random)

# Without -q the summary comes on standard error, after the target's last byte.
run "$MEMWHY" --force -o out.rec -- sh -c 'echo out; echo err >&2' > b.out 2> b.err
is "standard output is the target's" "$(cat b.out)" out
is "standard error begins with the target's" "$(head -n 1 b.err)" err
matches "then comes the summary" b.err 'resident'
run "$MEMWHY" --force -o out.rec --csv - -- true > b.out 2> b.err
matches "--csv -: a header line" b.out '^time_ns,pid,trigger,rss_bytes,'

# Ctrl-C on a terminal. The target counts how often it arrives; sleep dies of it.
if command -v script > /dev/null; then
	cat > count.sh <<- 'END'
		n=0; trap 'n=$((n + 1))' INT
		for i in 1 2 3 4 5 6 7 8 9 10; do sleep 0.1; done
		echo "interrupts $n"
		exit 6
	END
	ctrl_c() {
		(sleep 0.6; printf '\003'; sleep 1.2) | timeout -k 5 20 script -qefc "$1" typescript > typed 2>&1
	}
	ctrl_c "'$programs/how-ended' ended-pty 15 '$MEMWHY' --force -o pty.rec -- bash count.sh"
	is "Ctrl-C: the target's own handling counts" "$(cat ended-pty)" "exit 6"
	matches "Ctrl-C: arrives once" typed 'interrupts 1'
	matches "Ctrl-C: memwhy still reports" typed 'resident'
	ctrl_c "'$programs/how-ended' ended-pty 15 '$MEMWHY' --force -o pty.rec -- sleep 10"
	is "Ctrl-C: a target that dies of it" "$(cat ended-pty)" "signal 2"
	matches "Ctrl-C: memwhy reports that too" typed 'resident'
	holds "Ctrl-C: the recording is whole" "$MEMWHY" report pty.rec > /dev/null
	# surroundings on a terminal
	script -qefc "env -u _ '$programs/how-ended' ended-pty 15 '$see'" typescript < /dev/null > a.out 2>&1
	script -qefc "env -u _ '$programs/how-ended' ended-pty 15 '$MEMWHY' -q --force -o pty.rec -- '$see'" \
		typescript < /dev/null > b.out 2>&1
	same_file "on a terminal" b.out a.out
else
	left_out "no script(1): the terminal is not tried"
fi
finish
