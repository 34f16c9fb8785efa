#!/bin/bash
# SPDX-License-Identifier: MIT
# tui.sh - memwhy tui in a terminal (tmux): screens at two sizes, with colour and without, keys
# and sizes at random, figures against report --format json, signals, ^Z, and what is no terminal.
. "${srcdir:-.}/tests/e2e/lib.sh"

# Without a terminal: one line that points to report, and status 1.
run "$MEMWHY" -q --stacks=all -o "$tmp/frag.rec" -- "$programs/frag" > "$tmp/out" 2> "$tmp/err"
is "a recording is made" "$ended" "exit 0"
run "$MEMWHY" tui "$tmp/frag.rec" > "$tmp/out" 2> "$tmp/err" < /dev/null
is "no terminal: status" "$ended" "exit 1"
is "no terminal: one line" "$(wc -l < "$tmp/err")" 1
matches "no terminal: it points to report" "$tmp/err" "memwhy report"

need tmux python3 ps
cd "$tmp" || exit 99
# A server for each terminal: one that is being killed answers no new session.
server=0
tm() { tmux -S "$tmp/tmux.$server" -f /dev/null "$@"; }
trap 'tm kill-server 2> /dev/null; cleanup' EXIT
screen() { tm capture-pane -p; }
keys() { tm send-keys "$@"; }

# sees WHAT PATTERN: within ten seconds
sees() {
	local i
	for ((i = 0; i < 100; i++)); do
		screen > screen.txt
		if grep -qE -e "$2" screen.txt; then
			ok "$1"
			return
		fi
		sleep 0.1
	done
	failed "$1: no line matches '$2' in:"
	cat screen.txt
	[ "$failures" -lt 5 ] || finish
}

# terminal W H VARIABLE=VALUE...: an interactive shell, with job control
terminal() {
	local width=$1 height=$2
	shift 2
	tm kill-server 2> /dev/null
	server=$((server + 1))
	tm new-session -d -x "$width" -y "$height" "env PS1='ready> ' TERM=screen-256color $* bash --norc --noprofile -i"
	sees "a shell of $width x $height ($*)" '^ready>'
	keys "stty -a | tail -n +2 > before" Enter
}
launch() { keys "clear; $MEMWHY tui $*; echo ended \$?" Enter; }
child() { ps -o pid= --ppid "$(tm display-message -p '#{pane_pid}')" | tr -d ' '; }

# restored WHAT: terminal modes and screen are as before
restored() {
	keys "stty -a | tail -n +2 > after" Enter
	sees "$1: the shell answers" '^ready> *$'
	sleep 0.2
	same_file "$1: terminal modes" after before
	is "$1: cursor seen, no second screen" "$(tm display-message -p '#{cursor_flag} #{alternate_on}')" "1 0"
}

# Screens, at each size and look.
looks=("LC_ALL=C.UTF-8" "LC_ALL=C" "LC_ALL=C.UTF-8 NO_COLOR=1" "LC_ALL=C TERM=vt100")
number=0
for look in "${looks[@]}"; do
	width=$((number % 2 ? 200 : 80)) height=$((number % 2 ? 60 : 24))
	number=$((number + 1))
	terminal $width $height "$look"
	launch frag.rec
	sees "timeline" 'resident +[0-9.]+ MiB'
	matches "timeline: why" screen.txt '^why: '
	colours=$(tm capture-pane -p -e | grep -c $'\033\\[[0-9;]*38;5;')
	case $look in
		*NO_COLOR* | *vt100*) is "no colour" "$colours" 0 ;;
		*) holds "colours" test "$colours" -gt 3 ;;
	esac
	[[ $look = *UTF-8* ]] || is "only ASCII" "$(LC_ALL=C grep -c '[^ -~]' screen.txt)" 0
	keys 2
	sees "why" '^> 1\. '
	keys Enter
	sees "why: evidence" '^ +evidence '
	keys 3
	sees "stacks" 'sorted by \[live\]'
	keys 4
	sees "allocator" 'by its own account'
	keys 5
	sees "map" '[0-9]+ mappings'
	keys 6
	sees "processes" '^>\* +[0-9]+ '
	keys Tab
	sees "help" 'Keys of Processes'
	keys q
	sees "it is left" '^ended 0'
	restored "after q"
done

# Figures at the three moments, and what gives it back, are those of report at the same moment.
terminal 120 40 "LC_ALL=C"
launch frag.rec
sees "timeline" 'resident +[0-9.]+ MiB'
for key in P L X; do
	keys $key
	sleep 0.3
	screen > "moment-$key"
done
keys 2
sees "why" 'what gives it back'
cp screen.txt moment-why
keys q
sees "it is left" '^ended 0'
run "$MEMWHY" report --format json frag.rec > report.json 2> err
is "report" "$ended" "exit 0"
cat > compare.py <<'PY'
import json, re, sys
def text(n):
    size = abs(n)
    if size < 1024: return "%d B" % n
    if size < 1048576 / 10: return "%.1f KiB" % (n / 1024)
    if size < 10 * 2**30: return "%.1f MiB" % (n / 1048576)
    return "%.2f GiB" % (n / 2**30)
report, shown, bad = json.load(open("report.json")), 0, []
def check(screen, pattern, bytes):
    global shown
    m = re.search(pattern + r" +(-|-?[0-9.]+ [KMG]?i?B)", screen)
    want = "-" if bytes is None else text(bytes)
    shown += 1
    if not m or m[1] != want: bad.append((pattern, m and m[1], want))
for key, name in ("P", "peak"), ("L", "live-peak"), ("X", "exit"):
    screen, moment = open("moment-" + key).read(), report["moments"][name]
    check(screen, " resident", moment["resident_net_bytes"])
    for term in report["terms"]:
        if term["kind"] == "sum" and term["name"] != "probe":
            check(screen, " . " + term["label"], moment["ledger"][term["name"] + "_bytes"])
screen, columns = open("moment-why").read(), report["columns"]["peak"]
for label, key in ("now", "now"), ("by a setting", "setting"), ("by the program only", "program"), ("by nobody", "nobody"):
    check(screen, "\n  " + label, columns[key + "_bytes"])
print("%d figures" % shown, bad or "equal")
sys.exit(bool(bad) or shown != 43)
PY
holds "figures are the report's" python3 compare.py

# Any keys, and any sizes, at any moment.
for look in "LC_ALL=C.UTF-8" "LC_ALL=C NO_COLOR=1"; do
	terminal 80 24 "$look"
	launch frag.rec
	sees "timeline" 'resident +[0-9.]+ MiB'
	RANDOM=5
	all=(1 2 3 4 5 6 7 Tab BTab Up Down Left Right PPage NPage Home End Enter Escape / n N s S P L X + - 0 a r '?' '[' ']' F1 F3
		F6 F5 C-l Space Delete IC)
	for ((i = 0; i < 60; i++)); do
		some=()
		for ((j = 0; j < 10; j++)); do
			some+=("${all[RANDOM % ${#all[@]}]}")
		done
		keys "${some[@]}"
		((i % 3)) || tm resize-window -x $((20 + RANDOM % 200)) -y $((5 + RANDOM % 60))
	done
	tm resize-window -x 200 -y 60
	keys Escape
	sleep 0.3
	keys 1
	sees "after random keys it is still there" '\[1 Timeline\]'
	is "it fills the window" "$(wc -l < screen.txt)" 60
	keys q
	sees "after random keys it is left" '^ended 0'
	restored "after random keys"
done

# Signals: the terminal is restored, and the death is the signal's.
terminal 80 24 "LC_ALL=C.UTF-8"
for signal in TERM HUP INT QUIT; do
	launch frag.rec
	sees "timeline" 'resident +[0-9.]+ MiB'
	kill -$signal "$(child)"
	[ $signal = INT ] || sees "SIG$signal: status" "^ended $((128 + $(kill -l $signal)))"
	restored "SIG$signal"
done
launch frag.rec
sees "timeline" 'resident +[0-9.]+ MiB'
keys C-z
sees "^Z: stopped" 'Stopped'
restored "^Z"
keys fg Enter
sees "fg: the screen is back" '\[1 Timeline\]'
keys C-z
sees "^Z again: stopped" 'Stopped'
kill -TERM "$(child)"
keys fg Enter
restored "killed while stopped"

# A recording that is still being written is followed.
"$MEMWHY" -q -o growing.rec -- sh -c 'sleep 3; exit 3' > /dev/null 2>&1 &
writer=$!
for ((i = 0; i < 50; i++)); do
	"$MEMWHY" report growing.rec > /dev/null 2>&1 && break
	sleep 0.1
done
launch growing.rec
sees "it goes on" 'no end yet'
wait "$writer"
sees "its end is seen" ' exit [03] '
is "it is not said to go on any more" "$(grep -c 'no end yet' screen.txt)" 0
keys q
sees "it is left" '^ended 0'

# A terminal that goes away takes it along, and nothing else.
launch frag.rec
sees "timeline" 'resident +[0-9.]+ MiB'
pid=$(child)
tm kill-server
for ((i = 0; i < 50; i++)); do
	kill -0 "$pid" 2> /dev/null || break
	sleep 0.1
done
holds "it is gone with its terminal" test ! -e "/proc/$pid"
terminal 80 24 "LC_ALL=C.UTF-8"

# What can't be shown is one line.
head -c 5000 frag.rec > cut.rec
for bad in cut.rec missing.rec "--pid 1 frag.rec"; do
	launch "$bad"
	sees "tui $bad: status" '^ended 125'
	is "tui $bad: one line" "$(grep -c '^memwhy: ' screen.txt)" 1
done
keys "TERM=dumb $MEMWHY tui frag.rec; echo dumb \$?" Enter
sees "TERM=dumb: status" '^dumb 1'
matches "TERM=dumb: it points to report" screen.txt '^memwhy: .*memwhy report'
keys "TERM=no-such-terminal $MEMWHY tui frag.rec; echo unknown \$?" Enter
sees "an unknown terminal: status" '^unknown 1'
finish
