# bash completion for tarboot; installed as share/bash-completion/completions/tarboot.
# shellcheck shell=bash

# The long options of a command, from its own help.
_tarboot_options() {
	"$1" "$2" --help 2>/dev/null | grep -oE -- '^ +(-[A-Za-z], )?--[a-z-]+' | grep -oE -- '--[a-z-]+'
}

# The images of the directory behind -o.
_tarboot_images() {
	local i
	for ((i = 2; i < COMP_CWORD; i++)); do
		if [[ ${COMP_WORDS[i - 1]} == -o ]]; then
			ls "${COMP_WORDS[i]}/http/images" 2>/dev/null
		fi
	done
}

_tarboot() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
	local command=${COMP_WORDS[1]} words=
	COMPREPLY=()
	if ((COMP_CWORD == 1)); then
		words=$("$1" --help 2>/dev/null | awk '/^  [a-z]/ { print $1 }')
	elif [[ $word == -* ]]; then
		words=$(_tarboot_options "$1" "$command")
	else
		case $before in
		--level | -l) words="fast normal best" ;;
		--kernel | -k) [[ $command == pack ]] && words="auto none" ;;
		--modules) words="none net storage all" ;;
		--only) words="tarboot recommended x86_64 aarch64 netboot vm debug" ;;
		--rollback | --remove) words=$(_tarboot_images) ;;
		--accel) words="tcg kvm" ;;
		kernel-check) words=auto ;;
		esac
	fi
	if [[ -n $words ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
	fi
	((${#COMPREPLY[@]})) || mapfile -t COMPREPLY < <(compgen -f -- "$word")
}
complete -o filenames -F _tarboot tarboot
