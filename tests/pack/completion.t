#!/bin/bash
# Completion in bash: commands, options, values, files.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=docs/tarboot.bash
. docs/tarboot.bash
tarboot=${TARBOOT_BUILD:-build}/tarboot
n=0

# completes NAME WANTED WORD...: the last word gets these completions, WANTED among them
completes() {
	local name=$1 wanted=$2
	shift 2
	COMP_WORDS=(tarboot "$@")
	COMP_CWORD=$#
	_tarboot "$tarboot"
	n=$((n + 1))
	case " ${COMPREPLY[*]} " in
	*" $wanted "*) echo "ok $n - $name" ;;
	*) echo "not ok $n - $name: ${COMPREPLY[*]}" ;;
	esac
}

completes 'a command' pack p
completes 'all commands' inspect ''
completes 'an option' --overlay pack --ov
completes 'an option with a letter' --kernel pack --ke
completes 'an option of another command' --until-login run --unt
completes 'a value' fast pack -l f
completes 'a compression' zstd pack -c z
completes 'a compression behind =' xz pack --compress = x
completes 'a kernel' none pack x --kernel n
completes 'modules' storage pack --modules st
completes 'an option of netboot' --rollback netboot --roll
completes 'a command with a dash' kernel-check kern
completes 'the running kernel' auto kernel-check au
completes 'a fragment' netboot kernel-check --only net
completes 'a command for reports' timeline time
completes 'a file' README.md pack READ
completes 'a value behind =' normal pack --level = n
completes 'a value behind = that is not begun' fast pack --level =
completes 'a list of fragments' netboot,debug kernel-check --only netboot,d
completes 'a command to get help about' unpack help un
site=$(mktemp -d)
trap 'rm -rf "$site"' EXIT
mkdir -p "$site/http/images/lab7"
completes 'an image to remove' lab7 netboot -o "$site" --remove la
completes 'an image behind --output' lab7 netboot --output "$site" --rollback la
completes 'an image behind --output=' lab7 netboot --output = "$site" --default la

# Every option of every command, as its help has them anywhere.
for command in $("$tarboot" --help | awk '/^  [a-z]/ { print $1 }'); do
	for option in $("$tarboot" "$command" --help | grep -oE -- '(^|[ (])--[a-z-]+' | tr -d ' (' | sort -u); do
		completes "$command $option" "$option" "$command" "$option"
	done
done
echo "1..$n"
