#!/bin/bash
# SPDX-License-Identifier: MIT
# docs.sh - the manual, --help, the bash completion and the program agree on the options and
# statuses that there are; doctor says what it found.
. "${srcdir:-.}/tests/e2e/lib.sh"

# The long options that a text names.
long_options() {
	grep -oE -e '(^|[^a-z-])--[a-z][a-z-]+' | grep -oE -e '--[a-z-]+' | sort -u
}

# What a reader of the page sees, without formatting.
page_text() {
	if command -v man > /dev/null; then
		MANWIDTH=200 man -E ascii -l "$top_srcdir/man/$1" 2> /dev/null | sed 's/.\x08//g'
	else
		sed -e 's/\\-/-/g' -e 's/\\f[BIR]//g' -e 's/^\.[A-Z]* //' "$top_srcdir/man/$1"
	fi
}

completion=$top_srcdir/data/completion/memwhy
for command in run report top diff why compare export check symbolize ctl tui doctor; do
	run "$MEMWHY" $command --help > "$tmp/help" 2> "$tmp/err"
	is "$command --help: status" "$ended" "exit 0"
	is "$command --help: nothing on standard error" "$(cat "$tmp/err")" ""
	holds "$command --help: says something" test -s "$tmp/help"
	page_text "memwhy-$command.1" > "$tmp/page"
	for option in $(long_options < "$tmp/help"); do
		matches "memwhy-$command.1 has $option" "$tmp/page" "$option"
		holds "the completion has $option" grep -qF -e "$option" "$completion"
	done
	for option in $(sed -n '/^OPTIONS/,/^[A-Z]/{/^       *-/p}' "$tmp/page" | long_options); do
		matches "$command --help has $option, as its page" "$tmp/help" "$option"
	done
	run "$MEMWHY" $command --no-such-option > "$tmp/out" 2> "$tmp/err" < /dev/null
	is "$command --no-such-option: status" "$ended" "exit 2"
	is "$command --no-such-option: one line" "$(wc -l < "$tmp/err")" 1
	matches "memwhy.1 names the command" "$top_srcdir/man/memwhy.1" "memwhy.?.?-$command"
done

run "$MEMWHY" --help > "$tmp/help" 2> "$tmp/err"
is "--help: status" "$ended" "exit 0"
for command in run report top diff why compare export check symbolize ctl tui doctor; do
	matches "--help names $command" "$tmp/help" "$command"
done
run "$MEMWHY" --version > "$tmp/version" 2> "$tmp/err"
is "--version: status" "$ended" "exit 0"
matches "--version has memwhy's" "$tmp/version" "^memwhy [0-9]"
matches "--version has SQLite's" "$tmp/version" "SQLite [0-9]"
version=$(sed -n '1s/^memwhy \([0-9.]*\).*/\1/p' "$tmp/version")
matches "NEWS begins with this version" <(head -n 1 "$top_srcdir/NEWS") "^memwhy ${version//./\\.}$"
matches "the package has this version" <(head -n 1 "$top_srcdir/debian/changelog") "\(${version//./\\.}\)"
for page in "$top_srcdir"/man/*.[1-8]; do
	matches "${page##*/} has this version" <(grep '^\.TH' "$page") "memwhy ${version//./\\.}"
done

# Each rule is in the manual and in --help.
"$MEMWHY" why --help > "$tmp/help"
page_text memwhy-why.1 > "$tmp/page"
rules=$(sed -n 's/^\t"\([a-z-]*\)", ".*/\1/p' "$top_srcdir"/src/rules/*.c)
is "rules" "$(echo "$rules" | wc -l)" "$(grep -o '&rule_' "$top_srcdir/src/rules/rules.c" | wc -l)"
for rule in $rules; do
	matches "memwhy-why.1 has $rule" "$tmp/page" "^ *$rule"
	matches "why --help has $rule" "$tmp/help" "^ *$rule "
done

# Each term is in the manual by its name.
page_text memwhy-ledger.7 > "$tmp/page"
# shellcheck disable=SC2013 # names have no blanks
for term in $(sed -n 's/^TERM(\([a-z_]*\),.*/\1/p' "$top_srcdir/src/ledger_terms.def"); do
	matches "memwhy-ledger.7 has $term" "$tmp/page" "(^|[^a-z_])$term([^a-z_]|$)"
done

# doctor: it is not known what this machine allows, but recording works here if these tests do.
run "$MEMWHY" doctor > "$tmp/out" 2> "$tmp/err" < /dev/null
is "doctor: status" "$ended" "exit 0"
for fact in preload memfd pagemap pagemap-scan smaps huge-pages cgroup ptrace; do
	matches "doctor: $fact is looked at" "$tmp/out" "^$fact +(ok|limited|missing) +[^ ]"
done
# shellcheck disable=SC2013
for fact in $(awk '$2 ~ /^(ok|limited|missing)$/ { print $1 }' "$tmp/out"); do
	matches "memwhy-doctor.1 has $fact, which doctor prints" <(page_text memwhy-doctor.1) "(^|[^a-z-])$fact([^a-z-]|$)"
done
is "doctor: no colour into a file" "$(grep -c $'\033' "$tmp/out")" 0

# The completion offers commands and options, and leaves a target's words alone.
complete_line() {
	bash --norc --noprofile -c '
		. /usr/share/bash-completion/bash_completion 2> /dev/null && . "$1" || exit 9
		COMP_LINE=$2 COMP_POINT=${#2}
		read -ra COMP_WORDS <<< "$2"
		[[ $2 != *" " ]] || COMP_WORDS+=("")
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		_memwhy 2> /dev/null
		printf "%s\n" "${COMPREPLY[@]}"' - "$completion" "$1" | sort | tr '\n' ' '
}
if [ -e /usr/share/bash-completion/bash_completion ]; then
	touch "$tmp/some.recording"
	cd "$tmp" || exit 99
	is "completion: report --at" "$(complete_line 'memwhy report --at ')" "exit live-peak peak "
	is "completion: export" "$(complete_line 'memwhy export ')" "csv folded pprof speedscope "
	is "completion: report's file" "$(complete_line 'memwhy report some.r')" "some.recording "
	is "completion: the target's words" "$(complete_line 'memwhy -q -- cat some.r')" "some.recording "
	is "completion: options of run" "$(complete_line 'memwhy run --no')" "--no-follow --no-identify --no-probe --no-purge "
else
	left_out "no bash-completion: the completion is not tried"
fi
finish
