#!/bin/sh
# SPDX-License-Identifier: MIT
# From a bare Debian 12 machine to an answer: installs what is missing, builds memwhy in
# build/, and runs it on a real program, ruff 0.17.6 over the machine's own Python library.
# Nothing is installed outside build/ but Debian packages. Run it again as often as you like.
set -eu

unset CDPATH
cd "$(dirname "$0")"
# shellcheck source=tools/setup.sh
. tools/setup.sh

ruff_version=0.17.6
ruff_sha256=aa3b08254a732acba246891089a152c47c5733dc36b8ecb76ce8602f8326e5e4
fetched=build/fetched/$ruff_version

# Unpacks ruff's program into $fetched; the version is pinned, and a wheel is a zip file.
fetch_ruff() {
	[ ! -x "$fetched/ruff" ] || return 0
	mkdir -p "$fetched"
	say "fetching ruff $ruff_version (a Python wheel, from the package index that pip is set up for)"
	echo "ruff==$ruff_version --hash=sha256:$ruff_sha256" >"$fetched/requirements.txt"
	python3 -m pip --disable-pip-version-check -q --retries 2 --timeout 30 download \
		--no-deps --only-binary :all: --platform manylinux_2_17_x86_64 \
		--require-hashes -r "$fetched/requirements.txt" -d "$fetched" </dev/null || return 1
	python3 - "$fetched" "$ruff_version" <<'PYTHON'
import glob, os, sys, zipfile
folder, version = sys.argv[1:]
wheel = glob.glob(f"{folder}/ruff-{version}-*.whl")[0]
with zipfile.ZipFile(wheel) as z:
    data = z.read(f"ruff-{version}.data/scripts/ruff")
with open(f"{folder}/ruff.part", "wb") as f:
    f.write(data)
os.chmod(f"{folder}/ruff.part", 0o755)
os.rename(f"{folder}/ruff.part", f"{folder}/ruff")
PYTHON
}

# A folder with a Python standard library in it: Debian's, or the one of this python3.
find_python_library() {
	for folder in /usr/lib/python3.11 /usr/lib/python3.[0-9]*; do
		if [ -e "$folder/os.py" ]; then
			printf '%s\n' "$folder"
			return 0
		fi
	done
	python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))'
}

# record NAME COMMAND...: the program's own thousands of lines go to files, so the run is a quiet
# one and the summary comes from the recording. Without -q, memwhy prints it when the program ends.
record() {
	name=build/$1
	shift
	say "memwhy -o $name.memwhy -- $*"
	status=0
	build/memwhy -q --force -o "$name.memwhy" -- "$@" >"$name.out" 2>"$name.err" </dev/null || status=$?
	grep '^memwhy: ' "$name.err" >&2 || true
	if [ "$status" != 0 ]; then
		tail -n 5 "$name.err" >&2
		die "that ended with status $status; its output is in $name.out and $name.err"
	fi
	say "memwhy report $name.memwhy     (the program's own output is in $name.out and $name.err)"
	build/memwhy report "$name.memwhy"
}

run_on_ruff() {
	record ruff "$fetched/ruff" check -n --exit-zero "$library"
}

run_on_python() {
	say "ruff could not be fetched (see above): this is ANOTHER program, python3 parsing $library/*.py"
	printf '%s\n' 'import ast, glob, sys' \
		'trees = [ast.parse(open(p, "rb").read()) for p in sorted(glob.glob(sys.argv[1] + "/*.py"))]' \
		'print(len(trees), "modules parsed")' >build/parse-all.py
	record python3 python3 build/parse-all.py "$library"
}

[ "$(uname -sm)" = "Linux x86_64" ] || die "memwhy runs on Linux x86-64 so far; this is $(uname -sm)"
# shellcheck disable=SC2086 # a list of words
install_packages $build_packages ca-certificates python3 python3-pip ||
	die "could not install what the build needs (see above)"
say "building in build/"
prepare_configure
mkdir -p build
build_in build >build/make.log
library=$(find_python_library)
if fetch_ruff; then
	run_on_ruff
else
	run_on_python
fi
