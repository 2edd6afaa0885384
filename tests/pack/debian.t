#!/bin/bash
# The Debian package: dpkg-buildpackage builds it, lintian finds nothing, it has what it should, and what it installs
# packs; the kernel hook packs again only when it is told to. And `make dist`: the tree as git has it.
set -u
cd "$(dirname "$0")/../.." || exit 1
unset MAKEFLAGS MAKELEVEL MFLAGS
build=$(cd "${TARBOOT_BUILD:-build}" && pwd)
work=$build/tests/tmp-debian-$$
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"
n=0

check() {
	local name=$1 output
	n=$((n + 1))
	shift
	if output=$("$@" 2>&1); then
		echo "ok $n - $name"
	else
		echo "not ok $n - $name"
		tail -n 30 <<<"$output" | sed 's/^/# /'
	fi
}

# The checkout may belong to somebody else.
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'

version=$(sed -n 's/^VERSION *= *//p' Makefile)
tree=$work/tarboot-$version

makes_dist() {
	make -s BUILD="$work" dist && tar -C "$work" -xf "$work/tarboot-$version.tar.xz" &&
		diff <(git ls-files | sort) <(cd "$tree" && find . -type f -o -type l | sed 's|^\./||' | sort)
}
# The libraries are taken over: they take minutes and are the same.
builds() {
	mkdir -p "$tree/build/deps" && cp -a "$build/src" "$tree/build/" && cp -a "$build/deps/musl" "$tree/build/deps/" &&
		cd "$tree" && dpkg-buildpackage -us -uc -b
}
# The project has no mail address.
is_clean() { lintian --allow-root --fail-on error,warning --suppress-tags bogus-mail-host,bogus-mail-host-in-debian-changelog "$work"/*.changes; }
has_version() { dpkg-parsechangelog -l "$tree/debian/changelog" -S Version | grep -qx "$version"; }
extracts() { dpkg-deb -x "$work"/tarboot_*.deb "$work/root"; }
has_files() {
	for file in usr/bin/tarboot usr/lib/tarboot/init usr/lib/tarboot/fetch etc/default/tarboot etc/kernel/postinst.d/zz-tarboot \
		usr/share/bash-completion/completions/tarboot usr/share/man/man1/tarboot-pack.1.gz \
		usr/share/man/man5/tarboot.image.5.gz usr/share/doc/tarboot/architecture.md.gz; do
		[ -s "$work/root/$file" ] || { echo "$file"; return 1; }
	done
}
is_off() { grep -qx 'TARBOOT_REPACK=""' "$work/root/etc/default/tarboot"; }
# The hook, with its two paths inside the extracted package.
hook() {
	sed "s|/etc/default/tarboot|$work/default|g; s|/usr/bin/tarboot|$work/fake|g" \
		"$work/root/etc/kernel/postinst.d/zz-tarboot" >"$work/hook"
	sh "$work/hook" 6.1.0 /boot/vmlinuz-6.1.0
}
hook_does_nothing() { cp "$work/root/etc/default/tarboot" "$work/default" && hook && [ ! -e "$work/packed" ]; }
hook_packs() {
	echo 'TARBOOT_REPACK="/srv/a.conf /srv/b.conf"' >"$work/default"
	hook && diff "$work/packed" <(printf '%s\n' 'pack --project /srv/a.conf' 'pack --project /srv/b.conf')
}
hook_goes_on() {
	printf '#!/bin/sh\nexit 1\n' >"$work/fake"
	hook
}

if git rev-parse --git-dir >/dev/null 2>&1; then
	check 'make dist: what git has' makes_dist
else
	n=1
	echo 'ok 1 # SKIP make dist: this is no git checkout'
	mkdir "$tree"
	tar --exclude=./build -cf - . | tar -xf - -C "$tree"
fi
check 'dpkg-buildpackage' builds
check 'its version is the program'\''s' has_version
check 'lintian' is_clean
check 'it can be extracted' extracts
check 'it has its files' has_files
check 'the command runs' "$work/root/usr/bin/tarboot" --version
check 'the hook is off' is_off
printf '#!/bin/sh\necho "$@" >>%s\n' "$work/packed" >"$work/fake"
chmod +x "$work/fake"
check 'and does nothing then' hook_does_nothing
check 'it packs what it is told to' hook_packs
check 'a kernel is installed whatever fails' hook_goes_on
echo "1..$n"
