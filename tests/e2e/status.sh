#!/bin/bash
# SPDX-License-Identifier: MIT
# status.sh - exit status and signal are passed on; what cannot be started is said in one line,
# with the status that the manual names.
. "${srcdir:-.}/tests/e2e/lib.sh"

for status in 0 1 3 126 127 255; do
	probed s -- sh -c "exit $status"
	is "exit $status" "$ended" "exit $status"
done
for name in term kill segv int abrt hup bus usr1; do
	bare bare "$programs/exact-live" "$name" baseline
	bare_ended=$ended
	probed s -- "$programs/exact-live" "$name" baseline
	is "death by $name" "$ended" "$bare_ended"
	run "$MEMWHY" -q -o "$tmp/no-csv-$name.rec" -- "$programs/exact-live" "$name" baseline > /dev/null 2>&1
	is "death by $name, as memwhy -- ..." "$ended" "$bare_ended"
done

# refused STATUS PATTERN ARG...: one line on standard error, nothing on standard output
refused() {
	local status=$1 pattern=$2
	shift 2
	run "$MEMWHY" "$@" > "$tmp/r.out" 2> "$tmp/r.err" < /dev/null
	is "memwhy $*: status" "$ended" "exit $status"
	is "memwhy $*: one line" "$(wc -l < "$tmp/r.err")" 1
	is "memwhy $*: nothing on standard output" "$(wc -c < "$tmp/r.out")" 0
	matches "memwhy $*: says what" "$tmp/r.err" "^memwhy: .*$pattern"
}

cd "$tmp" || exit 99
echo 'just text' > text
chmod 644 text
printf '#!/no/such/interpreter\n' > orphan-script
printf '\177ELF\001\001\001\000\000\000\000\000\000\000\000\000\002\000\003\000\001\000\000\000' > elf32
head -c 256 /dev/zero >> elf32
printf '\177ELF\002\001\001\000\000\000\000\000\000\000\000\000\002\000\267\000\001\000\000\000' > elf-arm64
head -c 256 /dev/zero >> elf-arm64
chmod +x orphan-script elf32 elf-arm64
mkdir folder
refused 127 no-such-program -- no-such-program
refused 127 no/such/path -- ./no/such/path
refused 126 text -- ./text
refused 126 folder -- ./folder
refused 126 elf32 -- ./elf32
refused 126 elf-arm64 -- ./elf-arm64
refused 126 interpreter -- ./orphan-script
refused 2 'no-such-option' --no-such-option -- true
refused 2 'no-such-option' run --no-such-option -- true
refused 2 'COMMAND|command' run
refused 2 'hold' --hold=sideways -- true

# An empty script has no interpreter either; execvp gives it to sh, and so do we.
printf 'exit 9\n' > no-shebang
chmod +x no-shebang
probed sh -- ./no-shebang
bare bare sh -c ./no-shebang
is "a script without #! is the shell's" "$ended" "exit 9"

# Statically linked: it runs, its heap isn't followed, and the summary says so once.
if printf 'int main(void) { return 5; }\n' | ${CC:-cc} -static -x c -o static - 2> /dev/null; then
	run "$MEMWHY" -o static.rec -- ./static > s.out 2> s.err
	is "static executable runs" "$ended" "exit 5"
	matches "static executable: the summary says why live is unknown" s.err 'static'
else
	left_out "no static libc: the static executable is not tried"
fi

# setuid: the kernel drops LD_PRELOAD. Somebody else's file, else it isn't a privilege.
if [ "$(id -u)" = 0 ] && command -v setpriv > /dev/null; then
	cp "$programs/exact-live" setuid
	chmod 4755 setuid
	mkdir -p other && chown 65534 other && chmod 755 "$tmp"
	run setpriv --reuid 65534 --regid 65534 --clear-groups env XDG_STATE_HOME="$tmp/other" HOME="$tmp/other" \
		"$MEMWHY" -o "$tmp/other/setuid.rec" -- ./setuid _exit > s.out 2> s.err
	is "setuid program runs" "$ended" "exit 3"
	matches "setuid program: the summary says why live is unknown" s.err 'set-?uid|set-user-ID|privilege'
	run setpriv --reuid 65534 --regid 65534 --clear-groups env XDG_STATE_HOME="$tmp/other" HOME="$tmp/other" \
		"$MEMWHY" -q -o "$tmp/other/user.rec" --csv "$tmp/other/user.csv" -- "$programs/exact-live" _exit > s.out 2> s.err
	is "an ordinary user" "$ended" "exit 3"
	plain_lines "$tmp/other/user.csv"
	balanced "an ordinary user" "$tmp/other/user.csv"
else
	left_out "not root, or no setpriv: setuid is not tried"
fi
finish
