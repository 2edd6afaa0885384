#!/bin/sh
# Every fuzz target takes its seeds and its corpus without breaking a promise, in the libFuzzer build
# (clang, ASan, UBSan) and in those of gcc with ASan and UBSan, and with TSan.
set -u
cd "$(dirname "$0")/../.." || exit 1
build=${TARBOOT_BUILD:-$PWD/build}
work=$build/tests/tmp-fuzz-replay-$$
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"
unset ASAN_OPTIONS TSAN_OPTIONS
export TMPDIR="$work" UBSAN_OPTIONS=print_stacktrace=1
n=0

# result GOOD NAME: a TAP line; what was printed when it is bad.
result() {
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		tail -n 40 "$work/log" | sed 's/^/# /'
	fi
}

# The builds with a main of our own say how many inputs were good: at least one must be.
replay() {
	corpus=tests/fuzz/corpus/$2 # some targets have none
	[ -d "$corpus" ] || corpus=
	# shellcheck disable=SC2086
	find -L "$work/seeds/$2" $corpus -type f >"$work/inputs"
	xargs timeout 300 "$build/tests/$1/$2" <"$work/inputs" >"$work/log" 2>&1 &&
		! grep -q ' 0 accepted' "$work/log"
	result $? "$1 $2, $(wc -l <"$work/inputs") inputs"
}

tests/fuzz/make-seeds "$work/seeds" >"$work/log" 2>&1
result $? 'seeds are made'
for source in tests/fuzz/fuzz_*.c; do
	target=$(basename "$source" .c)
	for variant in fuzz asan tsan; do
		replay "$variant" "$target"
	done
done
echo "1..$n"
