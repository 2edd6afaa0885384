#!/bin/sh
# What the build promises: init and fetch are static, stripped and small, a second make does nothing, another
# directory gives the same bytes, make install puts things where they belong.
set -u
cd "$(dirname "$0")/.." || exit 1
unset MAKEFLAGS MAKELEVEL MFLAGS BUILD
build=${TARBOOT_BUILD:-$PWD/build}
work=$build/tests/tmp-build-$$
case $build in
"$PWD"/*) relative=${build#"$PWD"/} ;; # as it was built: the flags hold this path
*) relative=$build ;;
esac
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"
. tests/tap

is_static() { ! readelf -lW "$1" | grep -E 'INTERP|DYNAMIC'; }
is_stripped() { ! readelf -SW "$1" | grep -E ' \.symtab| \.debug'; }
is_at_most() { [ "$(stat -c %s "$1")" -le "$2" ] || { stat -c '%s bytes' "$1"; false; }; }
has_no_path() { ! grep -aF "$PWD" "$1"; }

# The libraries are taken over: they take minutes and are the same.
builds_the_same_elsewhere() {
	tar --exclude=./build --exclude=./.git -cf - . | tar -xf - -C "$work" || return 1
	mkdir -p "$work/build" || return 1
	cp -a "$build/deps" "$build/src" "$work/build/" || return 1
	make -s -C "$work" build/init build/fetch build/signature build/tarboot || return 1
	cmp "$work/build/init" "$build/init" && cmp "$work/build/fetch" "$build/fetch" &&
		cmp "$work/build/signature" "$build/signature" && cmp "$work/build/tarboot" "$build/tarboot"
}

installs() {
	make -s BUILD="$relative" DESTDIR="$work/dest" install || return 1
	[ -x "$work/dest/usr/local/bin/tarboot" ] && cmp "$build/init" "$work/dest/usr/local/lib/tarboot/init" &&
		cmp "$build/fetch" "$work/dest/usr/local/lib/tarboot/fetch" &&
		cmp "$build/signature" "$work/dest/usr/local/lib/tarboot/signature" &&
		for page in docs/*.[1578]; do
			[ -s "$work/dest/usr/local/share/man/man${page##*.}/${page#docs/}" ] || return 1
		done &&
		[ -s "$work/dest/usr/local/share/bash-completion/completions/tarboot" ]
}

threads_are_tested() {
	for program in "$build"/tests/asan/test_* "$build"/tests/asan/fuzz_*; do
		! nm "$program" | grep -q 'U pthread_create' || [ -x "$build/tests/tsan/${program##*/}" ] ||
			{ echo "${program##*/}: not in THREADED of the Makefile"; return 1; }
	done
}

# A machine on which nothing is installed, by its own account. What it would install goes into the file asked.
bare_make() {
	mkdir -p "$work/bare"
	printf '#!/bin/sh\nexit 1\n' >"$work/bare/dpkg-query"
	printf '#!/bin/sh\necho "$*" >>%s\nexit 1\n' "$work/asked" >"$work/bare/apt-get"
	chmod +x "$work/bare/dpkg-query" "$work/bare/apt-get"
	rm -f "$work/asked"
	PATH=$work/bare:$PATH make -j1 -s BUILD="$work/none" MUSL_CC=no-musl-gcc "$@" >"$work/said" 2>&1
}
# says LINE GOAL...: make ends with 2 after this line of install-packages, and nothing is installed.
says() {
	line=$1
	shift
	bare_make "$@"
	if [ $? -ne 2 ] || [ -e "$work/asked" ] || ! grep -qxF "install-packages: $line" "$work/said"; then
		cat "$work/said"
		return 1
	fi
}
installs_first() {
	bare_make "$1"
	if [ $? -ne 2 ] || ! grep -q "^install .* gcc .* $2" "$work/asked"; then
		cat "$work/said" "$work/asked"
		return 1
	fi
}
compiles() { make -n BUILD="$work/none" "$@" all 2>/dev/null | grep -e '-c -o .*/init/main\.o' | grep -q -e " -Werror "; }
warns() { compiles && ! compiles WERROR=; }
# refuses_space DIR OPTION...
refuses_space() {
	make -C "$@" help >"$work/said" 2>&1
	[ $? -eq 2 ] && grep -q ': make cannot build in a directory whose path has a space: move the checkout' "$work/said"
}
mkdir -p "$work/a b"
cp Makefile "$work/a b/"
BUILD_PACKAGES=$(sed -n 's/^build="\(.*\)"$/\1/p' scripts/install-packages)
LINT_PACKAGES=$(sed -n 's/^lint="\(.*\)"$/\1/p' scripts/install-packages)

check 'init is static' is_static "$build/init"
check 'fetch is static' is_static "$build/fetch"
check 'tarboot is static' is_static "$build/tarboot"
check 'init is stripped' is_stripped "$build/init"
check 'init has at most 640 KB' is_at_most "$build/init" 640000
check 'fetch is stripped' is_stripped "$build/fetch"
check 'fetch has at most 400 KB' is_at_most "$build/fetch" 400000
check 'signature is static' is_static "$build/signature"
check 'signature is stripped' is_stripped "$build/signature"
check 'signature has at most 100 KB' is_at_most "$build/signature" 100000
check 'no path of this machine is in init' has_no_path "$build/init"
check 'no path of this machine is in fetch' has_no_path "$build/fetch"
check 'no path of this machine is in signature' has_no_path "$build/signature"
check 'a second make does nothing' make -q BUILD="$relative" all
check 'another directory gives the same bytes' builds_the_same_elsewhere
check 'make install' installs
check 'make help' make -s help
check 'a checkout in a path with a space is refused' refuses_space "$work/a b"
check 'and such a BUILD' refuses_space . BUILD="$work/a b"
check 'plain make installs nothing' says "not installed: $BUILD_PACKAGES: run \`make packages\` as root" all
check 'nor does make lint' says "not installed: $BUILD_PACKAGES $LINT_PACKAGES: run \`make packages GROUPS='build lint'\` as root" lint
check 'make demo installs what it needs' installs_first demo mmdebstrap
check 'make test, too' installs_first test mmdebstrap
check 'make packages, too' installs_first packages musl-tools
check 'warnings are errors, without WERROR they are not' warns
check 'what starts threads is tested with TSan' threads_are_tested
echo "1..$n"
