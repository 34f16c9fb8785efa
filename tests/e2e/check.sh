#!/bin/bash
# SPDX-License-Identifier: MIT
# check.sh - memwhy check on real recordings: statuses, formats that other programs read, bad input.
. "${srcdir:-.}/tests/e2e/lib.sh"
cd "$tmp" || exit 99

run "$MEMWHY" -q -o a.rec -- "$programs/frag" > /dev/null 2> err
run "$MEMWHY" -q -o b.rec -- "$programs/dirty" > /dev/null 2> err

run "$MEMWHY" check --budget 'peak_rss<1GiB,rss/live>1,unexplained<1MiB' a.rec > out 2> err
is "a budget that is kept" "$ended" "exit 0"
is "a line for each limit" "$(grep -c '^ok ' out)" 3
run "$MEMWHY" check --budget 'peak_rss<1GiB,peak_rss<1KiB' a.rec > out 2> err
is "one that is broken" "$ended" "exit 1"
matches "and which" out '^BROKEN   peak_rss<1KiB'
run "$MEMWHY" check --budget 'peak_rss<+1%,live_peak<+1%' --baseline a.rec a.rec > out 2> err
is "the same recording is its own baseline" "$ended" "exit 0"
run "$MEMWHY" check --budget 'exit.dirty<+1MiB' --baseline a.rec b.rec > out 2> err
is "against another" "$ended" "exit 1"

run "$MEMWHY" check --format json --budget 'peak_rss<1KiB,rss/live<100' a.rec > out.json 2> err
is "as JSON" "$ended" "exit 1"
run "$MEMWHY" check --format junit --budget 'peak_rss<1KiB,rss/live<100' a.rec > out.xml 2> err
is "as JUnit" "$ended" "exit 1"
run "$MEMWHY" check --format github --budget 'peak_rss<+1%' --baseline a.rec a.rec > out.gh 2> err
matches "as annotations" out.gh '^::notice title=memwhy::peak_rss<[+]1%25: '
if command -v python3 > /dev/null; then
	run python3 - << 'PY' > out 2> err
import json, xml.dom.minidom
j = json.load(open("out.json"))
assert [l["outcome"] for l in j["limits"]] == ["broken", "kept"] and not j["kept"], j
x = xml.dom.minidom.parse("out.xml").documentElement
assert x.getAttribute("failures") == "1" and len(x.getElementsByTagName("failure")) == 1
PY
	is "both are what they say they are" "$ended" "exit 0"
fi

run "$MEMWHY" check a.rec > out 2> err
is "without a budget" "$ended" "exit 2"
run "$MEMWHY" check --budget 'peak_rss<200' a.rec > out 2> err
is "a limit without a unit" "$ended" "exit 2"
is "is one line" "$(wc -l < err)" 1
run "$MEMWHY" check --budget 'peak_rss<+5%' a.rec > out 2> err
is "a relative limit without a baseline" "$ended" "exit 2"
run "$MEMWHY" check --budget 'peak_rss<+5%' --baseline nowhere.rec a.rec > out 2> err
is "a baseline that isn't there" "$ended" "exit 125"
run "$MEMWHY" check --budget 'peak_rss<1GiB' nowhere.rec > out 2> err
is "a recording that isn't there" "$ended" "exit 125"
run "$MEMWHY" -q --no-probe -o p.rec -- true
run "$MEMWHY" check --budget 'live<1GiB' p.rec > out 2> err
is "a figure that could not be had is not kept" "$ended" "exit 1"
matches "and says so" out '^UNKNOWN  live<1GiB'
finish
