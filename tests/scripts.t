#!/bin/sh
# What the scripts do on machines that are not like this one: with another processor, another distribution's apt, a proxy.
set -u
cd "$(dirname "$0")/.." || exit 1
work=${TARBOOT_BUILD:-$PWD/build}/tests/tmp-scripts-$$
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/bin"
. tests/tap

# stub NAME: a command of the machine that is played, from standard input.
stub() {
	{ echo '#!/bin/sh'; cat; } >"$work/bin/$1"
	chmod +x "$work/bin/$1"
}

# ---- packages ----

stub dpkg-query <<'END'
exit 1
END
stub uname <<'END'
echo "$MACHINE"
END
# lacks MACHINE GROUP: the packages that a machine on which nothing is installed lacks.
lacks() { MACHINE=$1 PATH=$work/bin:$PATH scripts/install-packages --check "$2" 2>&1; }
demo_of() { case $(lacks "$1" demo) in *" $3"*) false ;; *" $2"*) ;; *) false ;; esac; }

check 'make demo on x86-64 installs QEMU for it' demo_of x86_64 qemu-system-x86 qemu-system-arm
check 'make demo on aarch64 installs QEMU for that' demo_of aarch64 qemu-system-arm qemu-system-x86

# ---- apt without Debian's archive ----

stub apt-config </dev/null
# It has lists if there is a file `lists`; an update fails, and brings some of them if there is a file `part`.
stub apt-get <<'END'
case "$*" in
*update*)
	touch "$STATE/updated"
	[ ! -e "$STATE/part" ] || touch "$STATE/lists"
	exit 100 ;;
*'Origin: Debian'*) ;;
*indextargets*) [ ! -e "$STATE/lists" ] || echo http://archive.invalid/ ;;
esac
END
# asks STATUS UPDATED FILE...: write_apt_state with these files ends so, and has asked for an update or not.
asks() {
	want="$1 $2"
	shift 2
	STATE=$work/state
	export STATE
	rm -rf "$STATE"
	mkdir -p "$STATE/apt"
	for file; do
		touch "$STATE/$file"
	done
	# shellcheck disable=SC2016 # the inner shell expands it
	PATH=$work/bin:$PATH sh -euc 'apt=$STATE/apt log=$STATE/log DIE_STATUS=9
		. scripts/private-apt
		write_apt_state deb-src trixie || exit 1' >"$STATE/said" 2>&1
	have="$? $([ -e "$STATE/updated" ] && echo updated || echo "not updated")"
	cat "$STATE/said"
	echo "$have"
	[ "$have" = "$want" ]
}
says() { grep -qF "$1" "$work/state/said"; }

check 'lists of another distribution: no Debian, and no update' asks 1 'not updated' lists
check 'no lists, and an update that fails for a part of them: no Debian' asks 1 updated part
check 'which is said' says 'warning: apt-get update failed for a part of /etc/apt'
check 'no lists, and no update: the end' asks 9 updated
check 'which says why' says 'check network, proxy and /etc/apt'

# ---- a proxy ----

# Whoever tries to come by it, on port 9, fails at once.
fails_by_proxy() {
	printf 'Acquire::http::Proxy "http://127.0.0.1:9";\nAcquire::https::Proxy "http://127.0.0.1:9";\n' >"$work/proxy.conf"
	! APT_CONFIG=$work/proxy.conf timeout 60 scripts/fetch-servers "$work/servers" || return 1
	cat "$work/servers.log"
	grep -qF '127.0.0.1:9' "$work/servers.log" && [ ! -e "$work/servers" ]
}
if [ "$(id -u)" = 0 ] && command -v mmdebstrap >/dev/null; then
	check "mmdebstrap takes the proxy of this machine's apt" fails_by_proxy
else
	n=$((n + 1))
	echo "ok $n # SKIP not root, or no mmdebstrap"
fi
echo "1..$n"
