#!/bin/bash
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016 # single quotes: for the inner shell
# hostile.sh - targets that pull the ground away, and machines that give little: limits, full
# disks, no /dev/shm, no place to write. The target's output and status are never changed by it.
. "${srcdir:-.}/tests/e2e/lib.sh"
cd "$tmp" || exit 99

# alike NAME COMMAND...: through pipes, for limits on file size
alike() {
	local name=$1
	shift
	run "$@" 2> a.err < /dev/null | cat > a.out
	local bare_ended
	bare_ended=$(cat ended)
	rm -f alike.rec*
	run "$MEMWHY" -q -o alike.rec -- "$@" 2> b.err < /dev/null | cat > b.out
	is "$name: ends as without memwhy" "$(cat ended)" "$bare_ended"
	same_file "$name: says the same" b.out a.out
	same_file "$name: nothing new on standard error" b.err a.err
	run "$MEMWHY" report alike.rec > report.out 2> report.err
	is "$name: there is a report" "$ended" "exit 0"
}

jemalloc=$(allocators | awk '$1 == "jemalloc" { print $2 }')
export HOSTILE_PRELOAD=${jemalloc:-}
for mode in $("$programs/hostile"); do
	[ "$mode" = after-preload ] && continue
	alike "$mode" "$programs/hostile" "$mode"
done
unset HOSTILE_PRELOAD

# limited NAME ULIMIT-ARGS...: memwhy and target under the limit
limited() {
	local name=$1
	shift
	run bash -c "ulimit $* && exec \"\$0\" _exit" "$programs/exact-live" 2> a.err | cat > a.out
	local bare_ended
	bare_ended=$(cat ended)
	rm -f limited.rec*
	# through pipes: a limit on file size must not meet these
	{
		run bash -c "ulimit $* && exec \"\$0\" -q -o limited.rec -- \"\$1\" _exit" "$MEMWHY" "$programs/exact-live" \
			2>&1 >&9 9>&- | cat > b.err 9>&-
	} 9>&1 | cat > b.out
	# where no recording can be had at all, nothing runs, and one line says so
	if [ "$(cat ended)" = "exit 125" ] && [ "$ulimit_refusal" = allowed ]; then
		is "$name: refused, nothing ran" "$(wc -c < b.out)" 0
		matches "$name: refused, and says so" b.err '^memwhy: '
	else
		is "$name: ends as without memwhy" "$(cat ended)" "$bare_ended"
		same_file "$name: says the same" b.out a.out
	fi
	# one for the recording, one for what was not followed
	holds "$name: few lines on standard error" test "$(wc -l < b.err)" -le 2
}
ulimit_refusal=no
limited "ulimit -v 1 GiB" -v 1048576
limited "ulimit -v 400 MiB" -v 409600
limited "ulimit -n 8" -n 8
limited "ulimit -l 0" -l 0
limited "ulimit -f 64 KiB" -f 64
limited "ulimit -f 1 GiB" -f 1048576
ulimit_refusal=allowed
limited "ulimit -f 0" -f 0
limited "ulimit -f 16 KiB" -f 16

run bash -c "ulimit -v 1048576 && exec \"\$0\" -o v.rec -- \"\$1\" _exit" "$MEMWHY" "$programs/exact-live" > out 2> err
matches "ulimit -v: the summary says why, or has the ledger" err 'ulimit -v|address space|live'

if [ "$(id -u)" = 0 ] && unshare -m true 2> /dev/null; then
	# A file system that fills up under the recording; the rest stays readable.
	mkdir small
	run unshare -m bash -c 'mount -t tmpfs -o size=96k tmpfs small &&
		"$0" -o small/full.rec -- "$1" storm; s=$?
		cp small/full.rec full.rec; exit $s' "$MEMWHY" "$programs/signal-malloc" > b.out 2> b.err
	bare bare "$programs/signal-malloc" storm
	is "full disk: the target's status" "$ended" "exit 0"
	same_file "full disk: the target's output" b.out bare.out
	matches "full disk: memwhy says so" b.err '^memwhy: .*(full|space|disk)'
	run unshare -m bash -c 'mount -t tmpfs -o size=4k,nr_inodes=1 tmpfs small &&
		"$0" -q -o small/full.rec -- "$1" _exit' "$MEMWHY" "$programs/exact-live" > b.out 2> b.err
	is "no room for a recording at all: said before anything runs" "$ended" "exit 125"
	is "no room for a recording at all: one line" "$(wc -l < b.err)" 1

	run unshare -m bash -c 'mount --bind small /dev/shm && mount -t tmpfs -o size=0,ro tmpfs /dev/shm &&
		"$0" -q --force -o noshm.rec --csv noshm.csv -- "$1" _exit' "$MEMWHY" "$programs/exact-live" > b.out 2> b.err
	is "no /dev/shm: ends well" "$ended" "exit 3"
	plain_lines noshm.csv
	balanced "no /dev/shm" noshm.csv

	run unshare -m bash -c 'mount -t tmpfs -o ro tmpfs "$HOME" && unset XDG_STATE_HOME &&
		exec "$0" -q -- "$1" _exit' "$MEMWHY" "$programs/exact-live" > b.out 2> b.err
	is "a HOME that cannot be written: the target runs" "$ended" "exit 3"
	matches "a HOME that cannot be written: -o is named" b.err '^memwhy: .*-o'

	# No /proc of ours to look at: the ledger is lost, the target isn't.
	run unshare -m bash -c 'mount -t tmpfs tmpfs /proc && exec "$0" -q -o "$2/noproc.rec" -- "$1" baseline' \
		"$MEMWHY" "$programs/surround" "$tmp" > b.out 2> b.err
	case $ended in
	"exit 0" | "exit 125") ok "no /proc: $ended" ;;
	*) failed "no /proc: $ended" ;;
	esac
else
	left_out "not root: full disk, no /dev/shm and read-only HOME are not tried"
fi

run "$MEMWHY" -q -o /nonexistent/dir/x.rec -- touch ran > out 2> err
is "a recording's folder that isn't there" "$ended" "exit 125"
holds "and nothing ran" test ! -e ran
is "and one line says so" "$(wc -l < err)" 1
run env -u HOME -u XDG_STATE_HOME "$MEMWHY" -q -- touch ran > out 2> err
case $ended in
"exit 0" | "exit 125") ok "no HOME: $ended" ;;
*) failed "no HOME: $ended" ;;
esac
finish
