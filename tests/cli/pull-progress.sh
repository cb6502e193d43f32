# What a pull shows: plain lines, bars on a terminal of any width, nothing with -q.
. "$TESTS/hostile/evil-lib"

test_plain_lines() {
	evil_start
	expect 0 ctr pull "$EVIL/good"
	lacks "$ERR" $'\033'
	lacks "$ERR" $'\r'
	contains "$ERR" "Trying to pull $EVIL/good:latest..."
	is "$(grep -c '^Copying blob sha256:[0-9a-f]\{64\}$' "$T/.err")" 3
	is "$(grep -c '^Copying config sha256:[0-9a-f]\{64\}$' "$T/.err")" 1
	contains "$ERR" "Writing manifest to image destination"
	is "$OUT" "$EVIL_ID"
}

test_quiet_is_quiet() {
	evil_start
	expect 0 ctr pull -q "$EVIL/good"
	is "$ERR" ""
	is "$OUT" "$EVIL_ID"
}

# pull in a terminal of so many columns; the screen is in $T/screen
pull_on_terminal() { # COLUMNS ROWS IMAGE
	tmux -S "$T/tmux" -f /dev/null new-session -d -x "$1" -y "$2" -s t \
		"ctr-lite --root '$GRAPHROOT' --runroot '$RUNROOT' pull '$3'; echo; echo END-\$?; stty -a >'$T/stty'; cat"
	wait_for 40 eval "tmux -S '$T/tmux' capture-pane -J -p -S -200 -t t | grep -q END-"
	tmux -S "$T/tmux" capture-pane -J -p -S -200 -t t >"$T/screen"
	tty_end
	grep -q END-0 "$T/screen" || fail "$(cat "$T/screen")"
}

test_bars_on_a_terminal() {
	evil_start
	pull_on_terminal 80 24 "$EVIL/slow"
	is "$(grep -c 'Copying blob .*done' "$T/screen")" 3 "bars in $(cat "$T/screen")"
	is "$(grep -c 'Copying config .*done' "$T/screen")" 1
	is "$(grep -c 'Writing manifest' "$T/screen")" 1
	grep -q ' echo ' "$T/stty" || fail "the terminal was changed: $(cat "$T/stty")"
}

test_bars_on_a_narrow_terminal() {
	evil_start
	pull_on_terminal 20 24 "$EVIL/slow"
	is "$(grep -c '^Copying blob ' "$T/screen")" 3 "bars in $(cat "$T/screen")"
	expect 0 ctr rmi -a
	pull_on_terminal 4 24 "$EVIL/slow"
}

test_bars_on_a_low_terminal() {
	evil_start
	pull_on_terminal 80 3 "$EVIL/slow"
	grep -q 'Copying blob .*done' "$T/screen" || fail "$(cat "$T/screen")"
}

test_ctrl_c_leaves_the_terminal_alone() {
	evil_start
	tty_start "trap : INT; ctr-lite --root '$GRAPHROOT' --runroot '$RUNROOT' pull $EVIL/stuck; echo END-\$?; cat"
	tty_wait 'Copying blob' 20
	tty_key C-c
	tty_wait 'END-[1-9]' 10
	tty_type 'visible'
	tty_wait visible
	tty_end
	wait_for 3 eval '[ -z "$(ls -A "$GRAPHROOT/tmp")" ]'
}
