# shellcheck shell=sh
# SPDX-License-Identifier: MIT
# What first-run.sh and run-tests.sh share: missing packages, and an out-of-tree build.
# Sourced from the top of the source tree; defines functions and runs nothing.

say() { printf '%s\n' "== $*"; }
complain() { printf '%s\n' "${0##*/}: $*" >&2; }
die() { complain "$*"; exit 1; }

# Prints those of its arguments that are not installed, one on each line.
missing_packages() {
	for package; do
		state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) || state=
		[ "$state" = installed ] || printf '%s\n' "$package"
	done
}

# Runs its arguments as root; 1 and one line when there is no way to.
as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null 2>&1; then
		sudo "$@"
	else
		complain "not root and no sudo here: run as root:  apt-get install $wanted"
		return 1
	fi
}

# Installs what is missing of its arguments. 0 if all are there in the end.
install_packages() {
	if ! command -v dpkg-query >/dev/null 2>&1 || ! command -v apt-get >/dev/null 2>&1; then
		complain "no apt-get here; going on with what the machine has (on Debian this needs: $*)"
		return 0
	fi
	wanted=$(missing_packages "$@" | tr '\n' ' ')
	[ -n "$wanted" ] || return 0
	say "installing: $wanted"
	apt_get update || complain "apt-get update failed; trying with the lists that are here"
	# shellcheck disable=SC2086 # a list of words
	apt_get install --no-install-recommends $wanted
}

apt_get() {
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=120 \
		-o Dpkg::Use-Pty=0 "$@" </dev/null
}

processors() { getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1; }

# What it takes to build memwhy from a checkout, and to install from it.
# shellcheck disable=SC2034 # read by the scripts that source this
build_packages="gcc libc6-dev make autoconf automake libtool pkg-config libsqlite3-dev libzydis-dev
	liblzma-dev libdw-dev libelf-dev libiberty-dev zlib1g-dev libncurses-dev"

# Makes ./configure when it isn't there or is older than what it is made from.
prepare_configure() {
	[ ! -e config.status ] ||
		die "this tree was configured in place: run 'make distclean' first, builds go to build/"
	newer=
	[ ! -x configure ] ||
		newer=$(find configure.ac Makefile.am m4 ./*/Makemodule.am src/*.am probes/*.am tests/*.am -newer configure \
			! -name 'l*.m4' 2>/dev/null | head -n 1)
	if [ ! -x configure ] || [ -n "$newer" ]; then
		say "autoreconf"
		if ! output=$(autoreconf -fi 2>&1); then
			printf '%s\n' "$output" >&2
			die "autoreconf failed"
		fi
	fi
}

# build_in DIR [configure arguments]: configures DIR if that was not done yet, and builds.
build_in() {
	directory=$1
	shift
	mkdir -p "$directory"
	if [ -z "$(find "$directory/config.status" -newer configure 2>/dev/null)" ]; then
		top=$PWD
		(cd "$directory" && "$top/configure" -q "$@")
	fi
	make -s -C "$directory" -j"$(processors)"
}
