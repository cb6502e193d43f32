# bash completion for ctr-lite: the program itself knows what can stand at the cursor.
_ctr_lite() {
	local cur=${COMP_WORDS[COMP_CWORD]} line words=() out kind=
	COMPREPLY=()
	case $cur in [=:]) cur= ;; esac
	# bash parts words at "=" and ":"; the program wants them whole
	local text=${COMP_LINE:0:COMP_POINT}
	read -ra words <<<"$text"
	case $text in *[[:space:]]) words+=("") ;; esac
	local whole=${words[${#words[@]} - 1]}
	out=$("${words[0]}" __complete -- "${words[@]:1}" 2>/dev/null) || return 0
	while IFS= read -r line; do
		case $line in
		:*) kind=${line#:} ;;
		*) COMPREPLY+=("${line%%$'\t'*}") ;;
		esac
	done <<<"$out"
	case $kind in
	file) compopt -o filenames 2>/dev/null
		mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$cur") ;;
	dir) compopt -o filenames 2>/dev/null
		mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -d -- "$cur") ;;
	esac
	# what bash has already parted off must not come again
	local prefix=${whole%"$cur"}
	case $prefix in --*=*) prefix=${prefix#*=} ;; esac
	if [ -n "$prefix" ] && { [ -z "$cur" ] || [ "$prefix" != "$whole" ]; }; then
		local i
		for i in "${!COMPREPLY[@]}"; do COMPREPLY[i]=${COMPREPLY[i]#"$prefix"}; done
	fi
	case ${COMPREPLY[0]-} in
	*=) [ "${#COMPREPLY[@]}" -eq 1 ] && compopt -o nospace 2>/dev/null ;;
	esac
	return 0
}
complete -F _ctr_lite ctr-lite
