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
finish
