#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs what the tests need and runs them all, out of tree below build/. Needs no terminal
# and no input. The last line is "N passed, N failed[, N skipped]"; the exit status is not 0
# when anything failed, or when CI=true and anything was skipped.
set -eu

unset CDPATH
cd "$(dirname "$0")"
# shellcheck source=tools/setup.sh
. tools/setup.sh

export LC_ALL=C.UTF-8
unset MAKEFLAGS MFLAGS DESTDIR NO_COLOR XDG_STATE_HOME 2>/dev/null || true
passed=0 failed=0 skipped=0
logs=$PWD/build/logs
jobs=$(processors)

# What a test doesn't find it skips, saying so; the build can't do without build_packages.
# redis-tools has the server's program too, and installs no service.
test_packages="g++ clang binutils libcmocka-dev valgrind libjemalloc2 libmimalloc2.0 libtcmalloc-minimal4
	libjemalloc-dev libgoogle-perftools-dev
	redis-tools sqlite3 tmux python3 libpython3.11-testsuite jq shellcheck git man-db groff-base
	xz-utils procps util-linux bash-completion build-essential debhelper python3-pip libunwind-dev"
# A quarter of a gigabyte, for the one reader of pprof files: not where another Go is there.
command -v go >/dev/null 2>&1 || test_packages="$test_packages golang-go"

install_what_is_needed() {
	# shellcheck disable=SC2086 # a list of words
	install_packages $build_packages || die "could not install what the build needs (see above)"
	# shellcheck disable=SC2086
	install_packages $test_packages && return 0
	complain "not all at once, so one by one"
	for package in $test_packages; do
		install_packages "$package" || complain "no $package: what needs it is skipped"
	done
}

# Where redis-server's own package isn't there, redis-tools has it under another name.
provide_redis() {
	if ! command -v redis-server >/dev/null 2>&1 && [ -x /usr/bin/redis-check-rdb ]; then
		mkdir -p build/bin
		ln -sf /usr/bin/redis-check-rdb build/bin/redis-server
		PATH=$PWD/build/bin:$PATH
	fi
}

pass() { passed=$((passed + 1)); say "PASS: $1"; }
skip() { skipped=$((skipped + 1)); say "SKIP: $1: $2"; }
fail() {
	failed=$((failed + 1))
	say "FAIL: $1"
	[ ! -s "$2" ] || tail -n "${3:-40}" "$2" | sed 's/^/   | /'
}

# step SECONDS NAME COMMAND...: one passed or failed; what it prints is shown if it failed.
step() {
	limit=$1 name=$2
	shift 2
	log=$logs/$(printf '%s' "$name" | tr -c 'a-zA-Z0-9' _).log
	if run_limited "$limit" "$@" >"$log" 2>&1 </dev/null; then
		pass "$name"
	else
		fail "$name" "$log"
		return 1
	fi
}

# step_with PROGRAM SECONDS NAME COMMAND...: skipped where there is no such program.
step_with() {
	if ! command -v "$1" >/dev/null 2>&1; then
		skip "$3" "no $1 here"
		return 1
	fi
	shift
	step "$@"
}

# run_limited SECONDS FUNCTION|COMMAND...: functions are reached through a shell of their own.
run_limited() {
	limit_seconds=$1
	shift
	case $(command -v "$1") in
	/*) timeout -k 10 "$limit_seconds" "$@" ;;
	*) RUN_ONE="$1" timeout -k 10 "$limit_seconds" sh ./run-tests.sh "$@" ;;
	esac
}

# make_check SECONDS FOLDER NAME TARGET [make's arguments]: counts each test of automake's harness.
make_check() {
	limit=$1 folder=$2 name=$3
	shift 3
	find "$folder" -name '*.trs' -delete
	status=0
	timeout -k 10 "$limit" make -C "$folder" AM_COLOR_TESTS=no "$@" \
		>"$logs/$name.log" 2>&1 </dev/null || status=$?
	count_results "$folder" "$name"
	if [ "$status" = 124 ] || [ "$status" = 137 ]; then
		fail "$name: not done after $limit s" "$logs/$name.log" 5
	elif [ "$status" != 0 ] && [ "$here_failed" = 0 ]; then
		fail "$name" "$logs/$name.log"
	elif [ "$((here_passed + here_skipped))" = 0 ]; then
		fail "$name: no test was run" "$logs/$name.log"
	fi
}

# Adds up the .trs files below $1, and shows the logs of what did not pass.
count_results() {
	here_passed=0 here_failed=0 here_skipped=0
	for trs in $(find "$1" -name '*.trs' | sort); do
		test_name=${trs#"$1"/} test_name=${test_name%.trs}
		p=$(grep -c '^:test-result: *\(PASS\|XFAIL\)' "$trs") || true
		s=$(grep -c '^:test-result: *SKIP' "$trs") || true
		f=$(grep -c '^:test-result: *\(FAIL\|XPASS\|ERROR\)' "$trs") || true
		here_passed=$((here_passed + p)) here_skipped=$((here_skipped + s)) here_failed=$((here_failed + f))
		[ "$s" = 0 ] || say "SKIP: $2: $test_name: $(grep -v '^SKIP ' "${trs%.trs}.log" | tail -n 1)"
		if [ "$f" != 0 ]; then
			say "FAIL: $2: $test_name"
			grep -E 'FAILED|  ERROR  |   LINE  |not ok' "${trs%.trs}.log" | head -n 40 | sed 's/^/   | /' || true
			tail -n 15 "${trs%.trs}.log" | sed 's/^/   | /'
		fi
	done
	passed=$((passed + here_passed)) failed=$((failed + here_failed)) skipped=$((skipped + here_skipped))
	say "$2: $here_passed passed, $here_failed failed, $here_skipped skipped"
}

# --- the steps ---------------------------------------------------------------

check_shell() {
	shellcheck -x first-run.sh run-tests.sh .ci/run tools/*.sh data/completion/memwhy
	# shellcheck disable=SC2046 # no blanks in the names
	shellcheck -x -S warning $(find tests -name '*.sh' | sort)
}

check_man_pages() {
	status=0
	for page in man/*.[1-8]; do
		warnings=$(man --warnings -E UTF-8 -l "$page" 2>&1 >/dev/null) || status=1
		[ -z "$warnings" ] || { printf '%s: %s\n' "$page" "$warnings"; status=1; }
	done
	return "$status"
}

# build FOLDER [configure arguments]: with the programs that only the tests use.
build_all() {
	build_in "$@"
	make -s -C "$1" -j"$(processors)" check TESTS=
}

# records MEMWHY PROBE: passes the status on, and follows the heap.
records() {
	recording=$(dirname "$(dirname "$1")")/recording
	status=0
	MEMWHY_PROBE_LIB=$2 "$1" --force -o "$recording" --csv "$recording.csv" -- sh -c 'exit 7' || status=$?
	[ "$status" = 7 ] || { echo "status $status of a program that ends with 7"; return 1; }
	awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "allocations") column = i }
		$column + 0 > most { most = $column + 0 }
		END { print "allocations seen:", most + 0; exit !most }' "$recording.csv"
}

# Into an empty folder: everything is there, nothing is outside the prefix, it runs from there.
check_install() {
	root=$PWD/build/install
	rm -rf "$root"
	make -s -C build/gcc install DESTDIR="$root"
	(cd "$root" && find . ! -type d | sort)
	for file in bin/memwhy lib/memwhy/libmemwhy-probe.so share/man/man1/memwhy.1 \
		share/man/man5/memwhy-recording.5 share/man/man7/memwhy-ledger.7 \
		share/bash-completion/completions/memwhy; do
		[ -e "$root/usr/local/$file" ] || { echo "not installed: $file"; return 1; }
	done
	[ -z "$(find "$root" ! -type d ! -path "$root/usr/local/*")" ] || return 1
	records "$root/usr/local/bin/memwhy" "$root"/usr/local/lib/memwhy/libmemwhy-probe.so
	make -s -C build/gcc uninstall DESTDIR="$root"
	left=$(find "$root" ! -type d ! -name 'recording*')
	[ -z "$left" ] || { printf 'left by uninstall: %s\n' "$left"; return 1; }
}

# The tests themselves ran already: here only that the tarball is complete and builds.
check_dist() {
	make -C build/gcc -j"$(processors)" distcheck TESTS= AM_COLOR_TESTS=no
}

# From the tarball, as somebody else would: build the package and look into it.
check_package() {
	rm -rf build/deb
	mkdir -p build/deb
	tar -xJf build/gcc/memwhy-*.tar.xz -C build/deb
	(cd build/deb/memwhy-* && DEB_BUILD_OPTIONS="parallel=$(processors)" dpkg-buildpackage -us -uc -b)
	dpkg-deb -x build/deb/memwhy_*.deb build/deb/root
	records "$PWD/build/deb/root/usr/bin/memwhy" "$PWD"/build/deb/root/usr/lib/*/memwhy/libmemwhy-probe.so
}

# A step that was called through run_limited.
if [ -n "${RUN_ONE:-}" ]; then
	unset RUN_ONE
	"$@"
	exit
fi

install_what_is_needed
provide_redis
rm -rf "$logs"
mkdir -p "$logs"
prepare_configure

step_with shellcheck 60 "shellcheck" check_shell || true
step_with man 60 "man pages" check_man_pages || true
if step 300 "build with gcc" build_all build/gcc CC=gcc --enable-werror; then
	make_check 540 build/gcc check check
	step 60 "install and uninstall" check_install || true
	if step 240 "distcheck" check_dist; then
		step_with dh 240 "Debian package" check_package || true
	fi
fi
step_with clang 300 "build with clang" build_all build/clang CC=clang --enable-werror || true
if step 300 "build with sanitizers" build_all build/sanitize CC=gcc --enable-werror \
	--enable-sanitize=address,undefined; then
	make_check 300 build/sanitize unit-tests-with-sanitizers check-unit -j"$jobs"
fi

summary="$passed passed, $failed failed"
[ "$skipped" = 0 ] || summary="$summary, $skipped skipped"
printf '%s\n' "$summary"
[ "$failed" = 0 ] || exit 1
[ "$skipped" = 0 ] || [ "${CI:-}" != true ] || exit 1
