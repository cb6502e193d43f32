# Completion asks the program itself; the scripts only carry words and answers.

offers() { # WORDS... (the last is the one under the cursor)
	expect 0 ctr __complete -- "$@"
	OFFERED=$(cut -f1 <<<"$OUT")
}

#: fast
test_commands_and_options() {
	offers ru
	is "$OFFERED" run
	offers image lis
	is "$OFFERED" list
	offers image rm --fo
	is "$OFFERED" --force
	offers --log-level error ru
	is "$OFFERED" run
	offers run --privi
	is "$OFFERED" --privileged
	offers run --chrootd
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
	offers start bo
	is "$OFFERED" box
	offers inspect ''
	contains "$OFFERED" box
	contains "$OFFERED" localhost/some/image:latest
	offers stop bo
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

# A container in each state that a command can ask for.
states() {
	mkdir -p "$T/w/root/bin"
	cp "$(command -v busybox)" "$T/w/root/bin/sh"
	ln -sf sh "$T/w/root/bin/sleep"
	tar -C "$T/w/root" -c . | ctr import -q - some/image >/dev/null
	expect 0 ctr create --name made --network none some/image sh
	expect 0 ctr run -d --name runs --network none some/image sleep 100
}

test_names_by_state() {
	states
	offers start ''
	is "$OFFERED" made
	offers stop ''
	is "$OFFERED" runs
	offers exec ''
	is "$OFFERED" runs
	offers unpause ''
	is "$OFFERED" ""
	offers rm ''
	is "$(sort <<<"$OFFERED" | xargs)" "made runs"
	offers run --network container:
	is "$OFFERED" container:runs
	offers run --volumes-from m
	is "$OFFERED" made
	echo x >"$T/w/s"
	expect 0 ctr secret create token "$T/w/s"
	offers secret inspect ''
	is "$OFFERED" token
	offers run --secret t
	is "$OFFERED" token
	expect 0 ctr volume create data
	offers volume rm ''
	is "$OFFERED" data
	offers run -v d
	is "$OFFERED" $'data\n:dir'
}

test_values_of_options() {
	states
	offers ps --filter st
	is "$OFFERED" status=
	offers ps --filter status=p
	is "$OFFERED" status=paused
	offers ps --filter=status=p
	is "$OFFERED" status=paused
	offers ps --filter ancestor=loc
	is "$OFFERED" ancestor=localhost/some/image:latest
	offers run --restart on
	is "$OFFERED" $'on-failure\non-failure:'
	offers kill -s US
	is "$OFFERED" $'USR1\nUSR2'
	offers run --userns keep
	is "$OFFERED" $'keep-id\nkeep-id:'
	offers inspect --type v
	is "$OFFERED" volume
	offers container ls --filter stat
	is "$OFFERED" status= "under another name"
	# every key that is offered is one
	for c in ps images "volume ls" "secret ls" events; do
		offers $c --filter ''
		[ -n "$OFFERED" ] || fail "no filters of $c are offered"
		for key in $OFFERED; do
			run timeout 5 ctr-lite ${CTR_GLOBAL[@]+"${CTR_GLOBAL[@]}"} $c $([ "$c" = events ] && echo --stream=false) --filter "${key}true"
			lacks "$ERR" "is an invalid filter" "$c --filter $key"
			lacks "$ERR" "invalid filter \"${key%=}" "$c --filter $key"
		done
	done
}

test_bash_completes_words_with_signs() {
	states
	ctr completion bash >"$T/w/bash"
	cat >"$T/w/try" <<-'END'
		source "$1"
		COMP_LINE=$2 COMP_POINT=${#2} COMP_WORDBREAKS=$' \t\n"\'><=;|&(:'
		# as bash parts a line: "=" and ":" are words of their own
		eval "COMP_WORDS=($(sed -E 's/([=:])/ \1 /g' <<<"$2"))"
		case $2 in *' ') COMP_WORDS+=('') ;; esac
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		_ctr_lite
		printf '%s\n' "${COMPREPLY[@]}"
	END
	expect 0 bash "$T/w/try" "$T/w/bash" 'ctr-lite stop r'
	is "$OUT" runs
	expect 0 bash "$T/w/try" "$T/w/bash" 'ctr-lite ps --filter=status=ru'
	is "$OUT" running
	expect 0 bash "$T/w/try" "$T/w/bash" 'ctr-lite ps --filter status=ru'
	is "$OUT" running
	expect 0 bash "$T/w/try" "$T/w/bash" 'ctr-lite run --network container:ru'
	is "$OUT" runs
	expect 0 bash "$T/w/try" "$T/w/bash" 'ctr-lite run --restart=unless'
	is "$OUT" unless-stopped
}
