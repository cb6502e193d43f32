# Completion asks the program itself; the scripts only carry words and answers.

offers() { # WORDS... (the last is the one under the cursor)
	expect 0 ctr __complete -- "$@"
	OFFERED=$(cut -f1 <<<"$OUT")
}

#: fast
test_commands_and_options() {
	offers ru
	is "$OFFERED" run
	offers image l
	is "$OFFERED" list
	offers image rm --fo
	is "$OFFERED" --force
	offers --log-level error ru
	is "$OFFERED" run
	offers run --privi
	is "$OFFERED" --privileged
	offers run --health-c
	is "$OFFERED" "" "an option that is refused"
	offers run --env-file ''
	is "$OFFERED" :file
	offers --root ''
	is "$OFFERED" :dir
	offers __
	is "$OFFERED" ""
}

#: fast
test_names_of_images_and_containers() {
	mkdir -p "$T/w/root/bin"
	cp "$(command -v busybox)" "$T/w/root/bin/sh"
	tar -C "$T/w/root" -cf "$T/w/bb.tar" .
	expect 0 ctr import -q "$T/w/bb.tar" some/image
	expect 0 ctr create --name box some/image sh
	offers rmi loc
	is "$OFFERED" localhost/some/image:latest
	offers rmi imag
	is "$OFFERED" image:latest
	offers start b
	is "$OFFERED" box
	offers inspect ''
	contains "$OFFERED" box
	contains "$OFFERED" localhost/some/image:latest
	offers stop b
	is "$OFFERED" "" "a container that does not run, for stop"
	# behind the image stands somebody else's command line
	offers run image --na
	is "$OFFERED" :file
}

#: fast
test_scripts_are_valid() {
	expect 0 ctr completion bash
	bash -n <<<"$OUT" || fail "bash does not take its script"
	expect 0 ctr completion zsh
	if command -v zsh >/dev/null; then zsh -n <<<"$OUT" || fail "zsh does not take its script"; fi
	expect 0 ctr completion fish
	if command -v fish >/dev/null; then fish -n <<<"$OUT" || fail "fish does not take its script"; fi
	expect 125 ctr completion tcsh
}

#: fast
test_bash_completes() {
	ctr completion bash >"$T/w/bash"
	cat >"$T/w/try" <<-'END'
		source "$1"
		COMP_LINE=$2 COMP_POINT=${#2}
		read -ra COMP_WORDS <<<"$2"
		case $2 in *' ') COMP_WORDS+=('') ;; esac
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		_ctr_lite
		printf '%s\n' "${COMPREPLY[@]}"
	END
	expect 0 bash "$T/w/try" "$T/w/bash" 'ctr-lite rmi --f'
	is "$OUT" --force
	expect 0 bash "$T/w/try" "$T/w/bash" 'ctr-lite container '
	contains "$OUT" inspect
	expect 0 bash "$T/w/try" "$T/w/bash" 'ctr-lite import ./'
	contains "$OUT" "./"
}

# bash parts a word at ":" and wants only what follows.
test_bash_completes_behind_a_colon() {
	mkdir -p "$T/w/root/bin"
	cp "$(command -v busybox)" "$T/w/root/bin/sh"
	tar -C "$T/w/root" -cf "$T/w/bb.tar" .
	expect 0 ctr import -q "$T/w/bb.tar" some/image
	ctr completion bash >"$T/w/bash"
	tty_start "bash --norc"
	tty_type "PS1='> '; source $T/w/bash"
	tty_key Enter
	tty_type "ctr-lite rmi image:"
	tty_key Tab
	tty_wait 'rmi image:latest'
	tty_key C-u
	tty_type "ctr-lite rmi image:la"
	tty_key Tab
	tty_type "#"
	tty_wait 'rmi image:latest #'
	tty_end
}
