#!/bin/bash
# SPDX-License-Identifier: MIT
# real.sh - real programs: the same output and status, sound books, balanced ledgers. Sizes are
# small here; tests/bench has the large ones. A program that isn't installed is left out and said so.
# shellcheck disable=SC2016 # $ is for make, or for the inner shell
# MEMWHY_TEST_RUFF and MEMWHY_TEST_RUFF_STRIPPED name a ruff 0.0.246 and a 0.17.6; else their
# wheels are downloaded, if they can be had.
. "${srcdir:-.}/tests/e2e/lib.sh"
need awk
real_home=$(getent passwd "$(id -u)" | cut -d: -f6)
cd "$tmp" || exit 99

have() {
	command -v "$1" > /dev/null && return
	left_out "$1 is not installed"
	return 1
}

# books NAME: what must hold of every recording. 2 % or 256 KiB is far above what a held or a
# running snapshot shows (tests/bench measures that); beyond it a term is missing.
books() {
	sound "$1" "$1.csv"
	balanced "$1" "$1.csv"
	is "$1: rows with more than 2 % unexplained" "$(awk -F, '
		NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
		$at["unexplained_bytes"] != "" {
			u = $at["unexplained_bytes"]; u = u < 0 ? -u : u
			if (u > 262144 && u > 0.02 * $at["rss_bytes"]) n++
		}
		END { print n + 0 }' "$1.csv")" 0
}

# alike NAME COMMAND...
alike() {
	local name=$1
	shift
	bare "$name-bare" "$@"
	local bare_ended=$ended
	probed "$name" -- "$@"
	is "$name: ends as without memwhy" "$ended" "$bare_ended"
	same_file "$name: standard output" "$name.out" "$name-bare.out"
	same_file "$name: standard error" "$name.err" "$name-bare.err"
	books "$name"
}

if have python3; then
	cat > work.py <<- 'END'
		import json, threading, subprocess, sys
		words = ["w%d" % (i * 7919 % 100003) for i in range(120000)]
		table = {}
		def count(part):
		    for w in words[part::4]:
		        table.setdefault(w[:3], []).append(w)
		threads = [threading.Thread(target=count, args=(i,)) for i in range(4)]
		[t.start() for t in threads]; [t.join() for t in threads]
		text = json.dumps({k: sorted(v) for k, v in sorted(table.items())})
		print(len(text), len(json.loads(text)))
		del table, text
		print(subprocess.run([sys.executable, "-c", "print(sum(range(1000)))"], capture_output=True, text=True).stdout, end="")
		sys.exit(4)
	END
	PYTHONMALLOC=malloc alike python "$python" work.py
	while read -r allocator library; do
		[ -n "${library:-}" ] || continue
		PYTHONMALLOC=malloc LD_PRELOAD=$library alike "python-$allocator" "$python" work.py
	done < <(allocators)
fi

alike bash bash -c 'for i in {1..2000}; do a[i]=$((i * i)); done; echo "${a[2000]}" | cat; (exit 3) || echo no; exit 8'

cc=$(command -v "${CC:-cc}" || command -v gcc)
if [ -n "$cc" ]; then
	# A large file of plain functions, for the compiler proper.
	awk 'BEGIN {
		print "#include <stdio.h>\n#include <string.h>"
		for (i = 0; i < 400; i++) {
			printf "int f%d(int *a, int n, char *s) { int x = n; for (int i = 0; i < n; i++) {", i
			printf " a[i] += x * %d; if (a[i] %% %d == 1) { x ^= a[i] << 2; s[i %% 7] = (char)x; }", i + 3, i + 2
			printf " else if (strlen(s) > %d) x += puts(s); } return x + a[0]; }\n", i % 11
		} }' > large.c
	alike cc "$cc" -O2 -c large.c -o large.o
	mkdir -p project
	for i in 1 2 3 4 5 6; do
		echo "int g$i(int x); int g$i(int x) { return x * $i; }" > "project/g$i.c"
	done
	echo 'int main(void) { return 0; }' > project/main.c
	printf 'all: main.o g1.o g2.o g3.o g4.o g5.o g6.o\n\t$(CC) -o all $^ && echo linked\n%%.o: %%.c\n\t@$(CC) -c -o $@ $<\n' > project/Makefile
	if have make; then
		probed make -- make -C project -j2 CC="$cc"
		is "make -j2: ends well" "$ended" "exit 0"
		matches "make -j2: did its work" make.out linked
		books make
		n=$("$MEMWHY" export csv --table processes make.rec | tail -n +2 | wc -l)
		holds "make -j2: its tree is followed ($n images)" test "$n" -ge 20
	fi
fi

if have sqlite3; then
	echo "create table t(a integer, b text);
		with recursive n(i) as (select 1 union all select i + 1 from n where i < 100000)
		insert into t select i * 7919 % 100003, 'row number ' || i from n;
		create index i on t(b, a); select count(*), sum(a) from t; select max(b) from t;" > index.sql
	alike sqlite3 sqlite3 :memory: -batch '.read index.sql'
fi

if have redis-server && have redis-benchmark && have redis-cli; then
	redis() {
		local port=$1 ready=
		shift
		printf 'bind 127.0.0.1\nport %s\nsave ""\nappendonly no\ndir %s\nlogfile %s\n' "$port" "$tmp" "$tmp/redis.log" > redis.conf
		"$@" redis-server redis.conf > redis.out 2> redis.err &
		server=$!
		for _ in $(seq 100); do
			[ "$(redis-cli -p "$port" ping 2> /dev/null)" = PONG ] && ready=yes && break
			kill -0 "$server" 2> /dev/null || break
			sleep 0.1
		done
		[ -n "$ready" ]
	}
	started=
	for _ in 1 2 3; do
		port=$((20000 + RANDOM % 20000))
		redis "$port" "$MEMWHY" -q --force -o redis.rec --csv redis.csv -- && started=yes && break
		wait "$server"
	done
	if [ -n "$started" ]; then
		timeout 120 redis-benchmark -p "$port" -n 20000 -r 5000 -d 100 -t set,get,lpush,lrange_100,sadd,mset -q > bench.out 2>&1
		is "redis-benchmark ends well" "$?" 0
		redis-cli -p "$port" bgrewriteaof > /dev/null
		for _ in $(seq 100); do
			redis-cli -p "$port" info persistence | grep -q 'aof_rewrite_in_progress:0' && break
			sleep 0.1
		done
		matches "redis: the rewrite in a forked child is good" <(redis-cli -p "$port" info persistence) 'aof_last_bgrewrite_status:ok'
		used=$(redis-cli -p "$port" info memory | sed -n 's/^used_memory:\([0-9]*\).*/\1/p')
		redis-cli -p "$port" shutdown nosave > /dev/null 2>&1
		wait "$server"
		is "redis: ends well" "$?" 0
		plain_lines redis.csv
		books redis
		live=$(csv_value redis.csv live_requested_bytes "$(awk -F, 'NR == 2 { print $2 }' redis.csv)")
		# used_memory counts usable bytes; at the exit the connection's buffers are gone
		echo "# redis says used_memory $used, memwhy live $live"
		holds "redis: live is 70 to 105 % of used_memory" test "$((live * 100))" -ge "$((used * 70))" -a "$((live * 100))" -le "$((used * 105))"
	else
		failed "redis does not answer under memwhy: $(tail -n 3 redis.log redis.err)"
	fi
fi

# fetch_ruff VERSION: its program's path, from the wheel; nothing when it can't be had
fetch_ruff() {
	HOME=$real_home timeout 60 python3 -m pip download -q --no-deps --only-binary :all: -d "wheel-$1" "ruff==$1" > pip.out 2>&1 &&
		python3 -m zipfile -e "wheel-$1"/ruff-*.whl "ruff-$1" && find "ruff-$1" -name ruff -type f -exec chmod +x {} + -print
}

# ruff's wheel of that version takes malloc from libc, and calls it ten million times.
ruff=${MEMWHY_TEST_RUFF:-}
[ -n "$ruff" ] || ruff=$(fetch_ruff 0.0.246)
if [ -n "$ruff" ] && [ -d /usr/lib/python3.11/json ]; then
	probed ruff -- "$ruff" -n --exit-zero /usr/lib/python3.11/json /usr/lib/python3.11/email /usr/lib/python3.11/asyncio
	is "ruff: ends well" "$ended" "exit 0"
	books ruff
else
	left_out "ruff 0.0.246 cannot be had"
fi

# This one is stripped, with jemalloc linked in: its heap is found by behaviour.
ruff=${MEMWHY_TEST_RUFF_STRIPPED:-}
[ -n "$ruff" ] || ruff=$(fetch_ruff 0.17.6)
if [ -n "$ruff" ] && [ -d /usr/lib/python3.11/json ]; then
	alike ruff-stripped "$ruff" check -n --exit-zero /usr/lib/python3.11/json /usr/lib/python3.11/email
	is "ruff-stripped: how jemalloc was found" \
		"$("$MEMWHY" report --format json ruff-stripped.rec | grep -A3 '"jemalloc"' | grep -o '"found": *"[a-z ]*"')" \
		'"found": "behaviour"'
	live=$(csv_max ruff-stripped.csv live_requested_bytes)
	holds "ruff-stripped: its live bytes are there ($live)" test "$live" -gt 1000000
else
	left_out "ruff 0.17.6 cannot be had"
fi
finish
