#!/bin/sh
# Every fuzz target takes its seeds and its corpus without breaking a promise, built by gcc with ASan and UBSan; if it starts
# threads, with TSan, too; and in `make test-all` all of them so, and in the libFuzzer build (clang, ASan, UBSan).
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

has_threads() { nm "$build/tests/asan/$1" | grep -q 'U pthread_create'; }

tests/fuzz/make-seeds "$work/seeds" >"$work/log" 2>&1
result $? 'seeds are made'
for source in tests/fuzz/fuzz_*.c; do
	target=$(basename "$source" .c)
	replay asan "$target"
	if [ -n "${TARBOOT_TEST_ALL-}" ] || has_threads "$target"; then
		replay tsan "$target"
	fi
	[ -z "${TARBOOT_TEST_ALL-}" ] || replay fuzz "$target"
done
echo "1..$n"
