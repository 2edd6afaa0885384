# bash completion for tarboot; installed as share/bash-completion/completions/tarboot.
# shellcheck shell=bash

# The images of the directory after -o.
_tarboot_images() {
	local i
	for ((i = 3; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i - 1]} in
		-o | --output) ls "${COMP_WORDS[i]}/http/images" 2>/dev/null ;;
		=) [[ ${COMP_WORDS[i - 2]} == --output ]] && ls "${COMP_WORDS[i]}/http/images" 2>/dev/null ;;
		esac
	done
}

# Reads the command's own list of options, whose fields are --name, -l, VALUE and the words that the value may be, and sets
# of _tarboot: words, and list where several words may stand with commas between.
_tarboot_complete() {
	local name letter value suggest
	while IFS=$'\x1f' read -r name letter value suggest; do
		if [[ $word == -* ]]; then
			words+=" $name"
		elif [[ $value && ($name == "$before" || $letter == "$before") ]]; then
			words=$suggest
			[[ $value == LIST ]] && list=yes
			break
		elif [[ ! $name ]]; then
			words=$suggest
		fi
	done < <("$1" "$command" --list-options 2>/dev/null | tr '\t' '\037')
	case " $words " in
	*' @images '*) words="${words//@images/} $(_tarboot_images)" ;;
	*' @interfaces '*) words=$(ls /sys/class/net 2>/dev/null) ;;
	esac
}

_tarboot() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
	local command=${COMP_WORDS[1]} words='' prefix='' list=''
	COMPREPLY=()
	if [[ $word == = ]]; then # bash splits --level=f into three words
		word=
	elif [[ $before == = ]]; then
		before=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	if ((COMP_CWORD == 1)) || [[ $COMP_CWORD == 2 && $command == help ]]; then
		words=$("$1" --help 2>/dev/null | awk '/^  [a-z]/ { print $1 }')
	else
		_tarboot_complete "$1"
	fi
	if [[ $list && $word == *,* ]]; then
		prefix=${word%,*},
		word=${word##*,}
	fi
	if [[ -n $words ]]; then
		mapfile -t COMPREPLY < <(compgen -P "$prefix" -W "$words" -- "$word")
	fi
	((${#COMPREPLY[@]})) || mapfile -t COMPREPLY < <(compgen -f -- "$word")
}
complete -o filenames -F _tarboot tarboot
