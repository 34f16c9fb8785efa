#!/bin/bash
# SPDX-License-Identifier: MIT
# cpython.sh - CPython's own tests have the same results with and without memwhy: Debian's
# libpython3.11-testsuite under /usr/bin/python3.11. MEMWHY_TEST_CPYTHON names others than the
# quick ones ("test_signal" takes 50 s more). Both runs of a test go side by side.
. "${srcdir:-.}/tests/e2e/lib.sh"
python=/usr/bin/python3.11
[ -x "$python" ] || skip "$python is not there"
"$python" -c 'import test.test_gc' 2> /dev/null || skip "CPython's tests (libpython3.11-testsuite) are not installed"
cd "$tmp" || exit 99
limit=${MEMWHY_TEST_LIMIT:-400}

# results FILE: one sorted line for each test method
results() {
	grep -oE '^test_[A-Za-z0-9_]+ \([^)]*\)|\.\.\. (ok|FAIL|ERROR|skipped .*|expected failure)$' "$1" |
		sed 'N; s/\n/ /' | sort
}

for name in ${MEMWHY_TEST_CPYTHON:-test_gc test_mmap test_threading test_subprocess}; do
	mkdir -p bare probed
	# a job in the background ignores SIGINT, which test_threading wants to receive
	env --default-signal=INT,QUIT "$programs/how-ended" bare/ended "$limit" "$python" -m test -v "$name" > bare/out 2>&1 &
	"$programs/how-ended" probed/ended "$limit" "$MEMWHY" -q --force -o "$name.rec" --csv "$name.csv" -- \
		"$python" -m test -v "$name" > probed/out 2>&1
	wait
	is "$name: ends as without memwhy" "$(cat probed/ended)" "$(cat bare/ended)"
	results bare/out > bare/results
	results probed/out > probed/results
	holds "$name: has results" test -s bare/results
	same_file "$name: each test's result" probed/results bare/results
	grep -E '^(ERROR|FAIL):' probed/out | head -n 10
	plain_lines "$name.csv"
	sound "$name" "$name.csv"
	balanced "$name" "$name.csv"
done
finish
