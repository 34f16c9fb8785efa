#!/bin/bash
# SPDX-License-Identifier: MIT
# reconcile.sh - what the allocators say of themselves against the ledger, at some hundred snapshots
# each: a difference is small or has a reason that is large enough (memwhy-ledger(7)).
. "${srcdir:-.}/tests/e2e/lib.sh"
need awk python3
cd "$tmp" || exit 99

# The heap changes, then is quiet for a while: most snapshots and readings see the same heap.
cat > work.py << 'END'
import random, time
random.seed(1)
keep = []
until = time.time() + 4
while time.time() < until:
    what = random.random()
    if what < 0.6:
        keep += [random.randbytes(random.randrange(1, 2000)) for _ in range(3000)]
    elif what < 0.7:
        keep.append(random.randbytes(random.randrange(100000, 2000000)))
    elif keep:
        random.shuffle(keep)
        del keep[random.randrange(len(keep)):]
    for _ in range(30):
        time.sleep(0.003)
        some = bytes(1000)
END

while read -r allocator library; do
	PYTHONMALLOC=malloc run "$MEMWHY" -q --force -o run.rec --every 5ms --snapshot-every 10ms -- \
		env ${library:+LD_PRELOAD="$library"} "$python" work.py
	is "$allocator: ends well" "$ended" "exit 0"
	"$MEMWHY" export csv --table reconciliation run.rec | tr -d '\r' > run.csv
	# figures and terms have no comma, an explanation is quoted where it has one; held snapshots alone
	read -r lines small unexplained figures < <(awk -F, -v a="${allocator%%_*}" '
		NR > 1 && $6 == a && $4 != "running" {
			n++; small += $13 == ""; bad += $13 == "unexplained"; seen[$8] = 1
		}
		END { for (f in seen) k++; print n + 0, small + 0, bad + 0, k + 0 }' run.csv)
	echo "# $allocator: $lines comparisons of $figures figures, $small within 0.5 %, $unexplained unexplained"
	if [ "$allocator" = mimalloc ]; then
		expected=1
	else
		expected=4
	fi
	holds "$allocator: its figures are compared" test "$figures" -ge "$expected" -a "$lines" -ge $((50 * expected))
	# the heap may change in between; more than that would be a formula that is wrong
	holds "$allocator: hardly anything is unexplained" test $((unexplained * 20)) -le "$lines"
done < <(allocators)
finish
