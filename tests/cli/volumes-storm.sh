# Volumes under SIGKILL and under many at once: nothing half-made, nothing lost that is used.
#: timeout=240 noasan
. "$TESTS/cli/volumes-lib.sh"

storm_begin() {
	local seed=$(($(date +%N | sed 's/^0*//') % 32768))
	echo "seed $seed"
	RANDOM=$seed
}
random_sleep() { sleep "$(printf '0.%03d' $((RANDOM * $1 / 32768)))"; }

test_sigkill_of_commands_about_volumes() {
	local i cli
	storm_begin
	volume_image bb /anon
	for i in $(seq 60); do
		case $((i % 6)) in
		0) command ctr-lite volume create "v$((i % 4))" >/dev/null 2>&1 & ;;
		1) command ctr-lite run --rm --network=none -v "v$((i % 4)):/data" bb true >/dev/null 2>&1 & ;;
		2) command ctr-lite volume rm "v$((i % 4))" >/dev/null 2>&1 & ;;
		3) command ctr-lite create -v "v$((i % 4)):/data" bb true >/dev/null 2>&1 & ;;
		4) command ctr-lite volume rm -f "v$((i % 4))" >/dev/null 2>&1 & ;;
		5) command ctr-lite volume prune -f >/dev/null 2>&1 & ;;
		esac
		cli=$!
		random_sleep 30
		kill -KILL $cli 2>/dev/null || true
		wait $cli 2>/dev/null || true
		if [ $((i % 15)) = 0 ]; then
			run ctr volume ls
			is "$STATUS$ERR" 0 "volume ls after a kill"
			expect 0 in_bb -v "v$((i % 4)):/data" bb cat /data/file
		fi
	done
	wait_for 10 sh -c '! ctr-lite ps --format "{{.Status}}" | grep -q Up'
	# Each is whole, and filled or still to be filled.
	for i in $(ctr volume ls -q --filter name=v); do
		expect 0 in_bb -v "$i:/data" bb cat /data/file
		is "$OUT" from-the-image "what $i holds"
	done
	expect 0 ctr rm -f -a
	expect 0 ctr volume prune -f
	expect 0 ctr volume ls -q
	is "$OUT" ""
	is "$(find "$GRAPHROOT/volumes" "$GRAPHROOT/tmp" -mindepth 1)" "" "what is left"
}

# The monitor is killed while an image's content is being copied: the next start does it again.
test_sigkill_while_a_volume_is_filled() {
	local i
	mkdir -p root/bin root/data
	cp "$(command -v busybox)" root/bin/busybox
	ln -s busybox root/bin/sh
	for i in $(seq 2000); do echo "$i" >"root/data/$i"; done
	tar -C root -cf image.tar .
	expect 0 ctr import -q image.tar many
	local cli caught=0
	for i in $(seq 6); do
		command ctr-lite run --rm --network=none -v "v$i:/data" many true >/dev/null 2>&1 &
		cli=$!
		while [ ! -e "$GRAPHROOT/volumes/v$i/copying" ] && kill -0 $cli 2>/dev/null; do :; done
		pkill -KILL -P $cli || true # its monitor, and with that the process that copies
		wait $cli 2>/dev/null || true
		[ ! -e "$GRAPHROOT/volumes/v$i/copying" ] || caught=$((caught + 1))
	done
	[ $caught -gt 0 ] || fail "it was never in the middle of the work"
	for i in $(seq 6); do
		expect 0 in_bb -v "v$i:/data" many sh -c 'busybox ls /data | busybox wc -l'
		is "$OUT" 2000 "files in v$i"
		[ ! -e "$GRAPHROOT/volumes/v$i/copying" ] || fail "it is still marked"
	done
}

test_many_make_one_volume_at_once() {
	local i pids=()
	volume_image bb
	for i in $(seq 8); do
		ctr run --rm --network=none -v one:/data bb cat /data/file >"out$i" 2>"err$i" &
		pids+=($!)
	done
	for i in $(seq 8); do
		wait "${pids[i - 1]}" || fail "run $i: $(cat "err$i")"
		is "$(cat "out$i")" from-the-image "what run $i saw"
	done
	expect 0 ctr volume ls -q
	is "$OUT" one
	for i in $(seq 8); do ctr volume create "n$((i % 2))" >>created 2>/dev/null & done
	wait
	is "$(sort created)" $'n0\nn1' "each was made once"
}

# What a container that is just made is to use stays, however often prune runs beside it.
test_prune_beside_containers_that_start() {
	local i pruner
	volume_image bb
	(while [ ! -e stop ]; do ctr volume prune -f >/dev/null 2>>prune-err || exit 1; done) &
	pruner=$!
	for i in $(seq 12); do
		expect 0 ctr create --name "c$i" -v "v$i:/data" bb sh -c 'cat /data/file; echo kept >/data/mine'
		expect 0 ctr volume exists "v$i"
		expect 0 ctr start -a "c$i"
		is "$OUT" from-the-image
		expect 0 in_bb -v "v$i:/v" bb cat /v/mine
		is "$OUT" kept
		expect 0 ctr run -d --rm --name "r$i" --network=none -v "w$i:/data" bb sh -c 'echo kept >/data/mine; sleep 1000'
		expect 0 ctr volume exists "w$i"
		expect 0 ctr rm -f -t 0 "r$i" "c$i"
	done
	touch stop
	wait $pruner || fail "prune: $(cat prune-err)"
	is "$(cat prune-err)" ""
	expect 0 ctr volume prune -f
	expect 0 ctr volume ls -q
	is "$OUT" ""
}
