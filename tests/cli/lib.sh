# The framework of the command line tests; sourced by the runner, never executed by itself.
#
# A test is a function test_WHAT_IT_SHOWS in a file tests/cli/*.sh or tests/hostile/*.sh; it runs as
# the ordinary test user.  root_test_* runs as root.  Each runs in a shell of its own with `set -eu`
# and pipefail, with a fresh store (in a fresh $HOME and $XDG_RUNTIME_DIR, both below $T) and its own
# working directory $T/w.  A line before a function (or, for all of a file, before its first line of
# code) may give directives:
#	#: timeout=SECONDS	instead of 60 (times 3 under the sanitizers)
#	#: serial		no other test beside it
#	#: noasan		not in the run under the sanitizers
#	#: fast			also in `tests/run --fast`
# What must hold after each test is asserted by the runner (harness/runner): see there.
#
# Set for tests:
#	$T		the test's directory;  $TESTS  the tests/ directory
#	$REGISTRY	127.0.0.1:PORT of the loopback registry that docker.io is mapped to.  It has
#			library/alpine (an index; also :amd64 :zstd :plain :docker :docker-list), busybox,
#			debian (:docker :zstd), python, nginx (:zstd), redis, many (:zstd), three (:docker :zstd)
#	$LAYOUT		an OCI layout with the same images (tags bb bb-index debian nginx ...), read-only
#	$GRAPHROOT $RUNROOT	where the store is
#	$ASAN		1 in the run under the sanitizers, else empty

set -Eeuo pipefail
trap 'echo "FAIL: status $? of: $BASH_COMMAND (${BASH_SOURCE[0]##*/}:$LINENO)" >&2' ERR
ulimit -c 0

# The program under test.  Root's tests keep away from the host's own store.
CTR_GLOBAL=()
[ "$(id -u)" != 0 ] || CTR_GLOBAL=(--root "$GRAPHROOT" --runroot "$RUNROOT")
ctr() { command ctr-lite ${CTR_GLOBAL[@]+"${CTR_GLOBAL[@]}"} "$@"; }

fail() {
	echo "FAIL: $*" >&2
	[ -z "${STATUS:-}" ] || printf '  last run: status %s\n  stdout: %s\n  stderr: %s\n' \
		"$STATUS" "$(head -c 1500 <<<"${OUT:-}")" "$(head -c 1500 <<<"${ERR:-}")" >&2
	exit 1
}

skip() {
	echo "skipped: $*"
	exit 77
}

# Run a command and keep what came of it: $STATUS, $OUT, $ERR (without trailing newlines).
run() {
	local o=$T/.out e=$T/.err
	STATUS=0
	"$@" >"$o" 2>"$e" </dev/null || STATUS=$?
	OUT=$(tr -d '\000' <"$o")
	ERR=$(tr -d '\000' <"$e")
}

# run, and the status must be the first argument.
expect() {
	local want=$1
	shift
	run "$@"
	[ "$STATUS" = "$want" ] || fail "status $STATUS, want $want: $*"
}

# There is no container of that name.  "container exists a" would find one whose ID begins so.
is_gone() {
	local names
	names=$(ctr ps -a --format '{{.Names}}') || return 1
	! grep -qx "$1" <<<"$names"
}

# A small image "bb" without a registry: busybox as sh, sleep and true.
make_image() {
	local p
	mkdir -p "$T/w/root/bin"
	cp "$(command -v busybox)" "$T/w/root/bin/busybox"
	for p in sh sleep true; do ln -sf busybox "$T/w/root/bin/$p"; done
	tar -C "$T/w/root" -cf "$T/w/bb.tar" .
	expect 0 ctr import -q "$T/w/bb.tar" bb
}

is() { # GOT WANT [WHAT]
	[ "$1" = "$2" ] || fail "${3:-value} is \"$1\", want \"$2\""
}

contains() { # TEXT PART [WHAT]
	case $1 in
	*"$2"*) ;;
	*) fail "${3:-text} \"$1\" lacks \"$2\"" ;;
	esac
}

lacks() { # TEXT PART [WHAT]
	case $1 in
	*"$2"*) fail "${3:-text} \"$1\" holds \"$2\"" ;;
	esac
}

matches() { # TEXT EXTENDED-REGEX [WHAT]
	[[ $1 =~ $2 ]] || fail "${3:-text} \"$1\" does not match $2"
}

# Wait until a command succeeds, at most so many seconds (more under the sanitizers).
wait_for() {
	local end=$((SECONDS + $1 * ${SLOWER:-1}))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$end" ] || fail "waited in vain for: $*"
		sleep 0.05
	done
}

# Bring images into the store, quietly.
pull() {
	local i
	for i; do
		expect 0 ctr pull -q "$i"
	done
}

# A port that nobody listens on (now).
free_port() {
	python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# A canary outside of the store: nothing that a hostile input does may change it.
canary_new() {
	mkdir -p "$T/canary"
	echo safe >"$T/canary/file"
	chmod 640 "$T/canary/file"
	touch -d '2001-02-03 04:05:06' "$T/canary/file" "$T/canary"
	CANARY=$(canary_state)
}
canary_state() { (cd "$T/canary" && find . -exec stat -c '%n %F %a %u:%g %Y %Z %s' {} + | sort; cat file); }
canary_check() { is "$(canary_state)" "$CANARY" "the canary"; }

# Bytes of the files below some directories, each file once.
bytes_of() { ctr unshare find "$@" -type f -printf '%i %s\n' | sort -u | awk '{ s += $2 } END { print s + 0 }'; }
# What images take: all but the index and its copy.
image_bytes() {
	mkdir -p "$GRAPHROOT/partial"
	bytes_of "$GRAPHROOT"/layers "$GRAPHROOT/images/blobs" $(ls "$GRAPHROOT"/meta/????????????????*.json 2>/dev/null) "$GRAPHROOT/partial"
}

# The test leaves the store as no correct program would (it damaged it itself): say why, and the
# runner does not look for orphans.
no_store_check() { echo "$*" >"$T/.no-store-check"; }

# A terminal: tmux with a server of its own.  tty_start COMMAND..., tty_type TEXT, tty_key KEY...,
# tty_screen, tty_wait REGEX [SECONDS], tty_end.
tty_start() { tmux -S "$T/tmux" -f /dev/null new-session -d -x 80 -y 24 -s t "$*"; }
tty_type() { tmux -S "$T/tmux" send-keys -t t -l -- "$1"; }
tty_key() { tmux -S "$T/tmux" send-keys -t t "$@"; }
tty_screen() { tmux -S "$T/tmux" capture-pane -p -t t 2>&1 || true; }
tty_shows() { tty_screen | grep -qE -- "$1"; }
tty_wait() {
	local end=$((SECONDS + ${2:-10} * ${SLOWER:-1}))
	until tty_shows "$1"; do
		[ "$SECONDS" -lt "$end" ] || fail "the terminal never showed $1: $(tty_screen)"
		sleep 0.05
	done
}
tty_end() { tmux -S "$T/tmux" kill-server 2>/dev/null || true; }

# Called by the runner after the test, as the same user: what a user would do to tidy up.
tidy_up() {
	tty_end
	[ -d "$GRAPHROOT/containers" ] || return 0
	[ -n "$(ls -A "$GRAPHROOT/containers" 2>/dev/null)" ] || return 0
	ctr rm -f -a -v -t 0 >/dev/null
}
