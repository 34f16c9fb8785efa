#!/bin/bash
# SPDX-License-Identifier: MIT
# verdict.sh - programs whose cause is known, once each: the ledger shows the cause, and the
# verdict names it first in 95 % of them, with an advice that names the case's fix where that is a
# setting; a healthy one is never blamed. tests/bench/verdict.py is the judge; it also runs the
# fixes, which is left to the bench.
. "${srcdir:-.}/tests/e2e/lib.sh"
need python3
judge=$top_srcdir/tests/bench/verdict.py

# The suite's own promise: enough causes and cases, and each program is in a case.
table=$top_srcdir/tests/programs/causes/cases
rows=$(grep -vE '^(#|$)' "$table")
causes=$(echo "$rows" | awk '{ sub(/^\+/, "", $1); sub(/\|.*/, "", $1); print $1 }' | sort -u | wc -l)
cases=$(echo "$rows" | awk '{ n += split($3, each, ",") } END { print n }')
holds "$causes causes are 14 or more" test "$causes" -ge 14
holds "$cases cases are 40 or more" test "$cases" -ge 40
"$programs/cause" | sort > "$tmp/made"
echo "$rows" | awk '{ print $2 }' | sort -u > "$tmp/used"
same_file "each program is in a case" "$tmp/used" "$tmp/made"

run "$programs/cause" no-such-cause > "$tmp/none.out"
is "a cause that is unknown" "$ended" "exit 99"

if MEMWHY=$MEMWHY timeout 300 python3 "$judge" --build "$builddir" --jobs 2 --quick > "$tmp/judged" 2>&1; then
	ok "$(tail -n 1 "$tmp/judged")"
else
	failed "the programs or the verdicts are not as they must be"
fi
cat "$tmp/judged"

# Who: the function whose blocks survived, out of all stacks, with all that they pin.
run "$MEMWHY" run -q --force --stacks=all -o "$tmp/who.rec" -- "$programs/cause" pinned-chunks > "$tmp/who.out"
is "a cause with its stacks" "$ended" "exit 0"
"$MEMWHY" why --format json "$tmp/who.rec" > "$tmp/who.json"
holds "the survivors' function is named" python3 - "$tmp/who.json" << 'END'
import json, sys
why = json.load(open(sys.argv[1]))
first = why["findings"][0]
holder = first["holders"][0]
print(first["rule"], first["bytes"], holder)
ok = (why["has_stacks"] and first["rule"] == "pinned-by-survivors" and holder["function"][0] not in "[("
      and holder["error_bytes"] is None and 0 < holder["live_bytes"] < holder["bytes"]
      and abs(holder["bytes"] - first["bytes"]) <= first["bytes"] / 100)
sys.exit(not ok)
END
"$MEMWHY" report "$tmp/who.rec" > "$tmp/who.txt"
holds "the report names it too" grep -q "survivors" "$tmp/who.txt"

# Without stacks -v says how to have them; with or without, what the allocator says of itself.
run "$MEMWHY" run -q --force --stacks=none -o "$tmp/bare.rec" -- "$programs/cause" pinned-chunks > "$tmp/bare.out"
"$MEMWHY" why -v "$tmp/bare.rec" > "$tmp/bare.txt"
holds "how to have names" grep -q -e "--stacks=sampled" "$tmp/bare.txt"
holds "glibc's figures beside the ledger" grep -q "^glibc's own figures beside the ledger" "$tmp/bare.txt"
holds "its allocated bytes among them" grep -q "allocated = live_requested" "$tmp/bare.txt"
"$MEMWHY" why "$tmp/bare.rec" > "$tmp/brief.txt"
holds "only with -v" test "$(grep -c -e "--stacks" -e "own figures" "$tmp/brief.txt")" -eq 0
finish
