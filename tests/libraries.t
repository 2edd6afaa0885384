#!/bin/sh
# The libraries are what their own configure and make would build: scripts/build-library, which runs neither, gives the same
# objects, byte for byte.
set -u
cd "$(dirname "$0")/.." || exit 1
if [ -z "${TARBOOT_TEST_ALL-}" ]; then
	echo '1..0 # SKIP it runs two configure scripts, which takes minutes: run make test-all'
	exit
fi
unset MAKEFLAGS MAKELEVEL MFLAGS
build=${TARBOOT_BUILD:-$PWD/build}
musl=$build/deps/musl
work=$build/tests/tmp-libraries-$$
trap 'rm -rf "$work"' EXIT
n=0

# configured NAME TARGET OPTION...: builds it by its own means.
configured() {
	name=$1 target=$2
	shift 2
	mkdir -p "$work/$name"
	(cd "$work/$name" && "$build/src/$name/configure" --quiet --enable-static --disable-shared \
		--disable-dependency-tracking --without-pic "$@" CC=musl-gcc LIBS=-pthread CPPFLAGS="-I$musl/include" \
		CFLAGS="-O2 -fno-pie -ffunction-sections -fdata-sections -idirafter $musl/linux" \
		LDFLAGS="-static -no-pie -L$musl/lib" ACLOCAL=true AUTOCONF=true AUTOHEADER=true AUTOMAKE=true &&
		make -j"$(nproc)" -C "$(dirname "$target")" "$(basename "$target")") >"$work/$name.log" 2>&1
}

# same_objects ARCHIVE DIRECTORY PREFIX: each object of our archive is the one there.
same_objects() {
	mkdir -p "$work/ours-$1"
	(cd "$work/ours-$1" && ar x "$musl/lib/$1" && ls) >"$work/objects" || return 1
	wrong=0
	while read -r object; do
		cmp "$work/ours-$1/$object" "$2/$3$object" || wrong=1
	done <"$work/objects"
	return $wrong
}

# check ARCHIVE DIRECTORY PREFIX COMMAND...: a TAP line.
check() {
	archive=$1 directory=$2 prefix=$3
	shift 3
	n=$((n + 1))
	if "$@" && same_objects "$archive" "$work/$directory" "$prefix" >"$work/differ" 2>&1; then
		echo "ok $n - $archive: $(wc -l <"$work/objects") objects"
	else
		echo "not ok $n - $archive"
		tail -n 20 "$work"/*.log "$work/differ" | sed 's/^/# /'
	fi
}

check liblzma.a xz/src/liblzma liblzma_la- configured xz src/liblzma/liblzma.la --disable-xz --disable-xzdec --disable-lzmadec \
	--disable-lzmainfo --disable-lzma-links --disable-scripts --disable-doc --disable-nls --disable-microlzma \
	--disable-lzip-decoder
check libarchive.a libarchive/libarchive '' configured libarchive libarchive.la --disable-bsdtar --disable-bsdcat \
	--disable-bsdcpio --disable-bsdunzip --disable-acl --disable-xattr --without-zlib --without-bz2lib --without-libb2 \
	--without-iconv --without-lz4 --without-zstd --with-lzma --without-cng --without-openssl --without-xml2 --without-expat
echo "1..$n"
