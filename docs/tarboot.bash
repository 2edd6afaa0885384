# bash completion for tarboot; installed as share/bash-completion/completions/tarboot.
# shellcheck shell=bash

# The long options of a command, from its own help: each begins a line.
_tarboot_options() {
	"$1" "$2" --help 2>/dev/null | sed -nE 's/^ +(-[A-Za-z], )?(--[a-z-]+).*/\2/p'
}

# The images of the directory behind -o.
_tarboot_images() {
	local i
	for ((i = 3; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i - 1]} in
		-o | --output) ls "${COMP_WORDS[i]}/http/images" 2>/dev/null ;;
		=) [[ ${COMP_WORDS[i - 2]} == --output ]] && ls "${COMP_WORDS[i]}/http/images" 2>/dev/null ;;
		esac
	done
}

# What the value of an option may be; nothing: a file.
_tarboot_values() {
	case $1:$2 in
	pack:--level | pack:-l) echo fast normal best ;;
	pack:--kernel | pack:-k) echo auto none ;;
	pack:--modules) echo none net storage all ;;
	pack:--shell) echo auto ;;
	kernel-check:--only) echo tarboot recommended x86_64 aarch64 netboot vm debug ;;
	netboot:--rollback | netboot:--remove) _tarboot_images ;;
	netboot:--default) echo local memtest install shell reboot && _tarboot_images ;;
	run:--accel) echo auto tcg kvm ;;
	serve:--interface) ls /sys/class/net 2>/dev/null ;;
	kernel-check:*) echo auto ;;
	esac
}

_tarboot() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
	local command=${COMP_WORDS[1]} words='' prefix=''
	COMPREPLY=()
	if [[ $word == = ]]; then # bash splits --level=f into three words
		word=
	elif [[ $before == = ]]; then
		before=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	if ((COMP_CWORD == 1)) || [[ $COMP_CWORD == 2 && $command == help ]]; then
		words=$("$1" --help 2>/dev/null | awk '/^  [a-z]/ { print $1 }')
	elif [[ $word == -* ]]; then
		words=$(_tarboot_options "$1" "$command")
	else
		words=$(_tarboot_values "$command" "$before")
		if [[ $before == --only && $word == *,* ]]; then # a list
			prefix=${word%,*},
			word=${word##*,}
		fi
	fi
	if [[ -n $words ]]; then
		mapfile -t COMPREPLY < <(compgen -P "$prefix" -W "$words" -- "$word")
	fi
	((${#COMPREPLY[@]})) || mapfile -t COMPREPLY < <(compgen -f -- "$word")
}
complete -o filenames -F _tarboot tarboot
