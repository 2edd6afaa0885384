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
completes 'a kernel' none pack x --kernel n
completes 'modules' storage pack --modules st
completes 'an option of netboot' --rollback netboot --roll
completes 'a command with a dash' kernel-check kern
completes 'the running kernel' auto kernel-check au
completes 'a fragment' netboot kernel-check --only net
completes 'a command for reports' timeline time
completes 'a file' README.md pack READ
echo "1..$n"
