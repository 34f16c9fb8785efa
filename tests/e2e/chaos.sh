#!/bin/bash
# SPDX-License-Identifier: MIT
# chaos.sh - launches of tests/programs/chaos by seed: with and without memwhy the same status and
# the same line, no hang. MEMWHY_TEST_LAUNCHES is how many (300; the full test is 10000),
# MEMWHY_TEST_SEED the first seed. A third each is run without call stacks, with some and with all.
. "${srcdir:-.}/tests/e2e/lib.sh"
cd "$tmp" || exit 99
launches=${MEMWHY_TEST_LAUNCHES:-300}
first=${MEMWHY_TEST_SEED:-1}
limit=${MEMWHY_TEST_LIMIT:-30}
stacks=(none sampled:1K all)

# seeds FROM STEP: one line for each seed that differs
seeds() {
	local seed expected seen
	mkdir -p "$tmp/$1"
	for ((seed = first + $1; seed < first + launches; seed += $2)); do
		"$programs/how-ended" "$tmp/$1/ended" "$limit" "$programs/chaos" "$seed" "$plugin" > "$tmp/$1/out" 2> /dev/null
		expected=$(cat "$tmp/$1/ended" "$tmp/$1/out")
		"$programs/how-ended" "$tmp/$1/ended" "$limit" "$MEMWHY" -q --force "--stacks=${stacks[seed % 3]}" -o "$tmp/$1/rec" -- \
			"$programs/chaos" "$seed" "$plugin" > "$tmp/$1/out" 2> "$tmp/$1/err"
		seen=$(cat "$tmp/$1/ended" "$tmp/$1/out" "$tmp/$1/err")
		[ "$seen" = "$expected" ] || echo "seed $seed: '${seen//$'\n'/ }', without memwhy '${expected//$'\n'/ }'"
		echo "$seed" >> "$tmp/$1/done"
	done
}
workers=$(nproc)
for ((w = 0; w < workers; w++)); do
	seeds "$w" "$workers" > "$tmp/differing-$w" &
done
wait
cat "$tmp"/differing-*
is "all launches were made" "$(cat "$tmp"/*/done | wc -l)" "$launches"
is "$launches launches from seed $first: statuses that differ" "$(cat "$tmp"/differing-* | wc -l)" 0
finish
