# What images, volumes and containers may not do by way of mounts: HOSTILE.md, "Starting a container".
. "$TESTS/cli/volumes-lib.sh"

evil() { # NAME CONFIG-JSON [TREE]
	"$TESTS/hostile/evil-image" "$GRAPHROOT/images" docker.io/library/alpine:latest \
		"localhost/$1:latest" "${@:2}"
}
# Runs something that must neither hang nor reach the canary, whatever its status.
attempt() {
	run timeout 20 ctr-lite "$@"
	[ "$STATUS" != 124 ] || fail "it hangs: $*"
	canary_check
}

# Links of an image, followed by what looks up a part of it or its place for a volume.
test_parts_of_an_image_that_are_links() {
	local up=../../../../../../../../../..
	canary_new
	pull alpine
	mkdir -p tree/real tree/vol
	echo inside >tree/real/file
	ln -s "$T/canary" tree/abs
	ln -s "$up$T/canary" tree/up
	ln -s "$up$T/canary/file" tree/filelink
	ln -s /proc/self/cwd tree/magic
	ln -s loop tree/loop
	mkfifo tree/fifo
	ln -s "$T/canary" tree/vol/link
	echo content >tree/vol/file
	evil parts '{"Volumes": {"/up": {}, "/vol": {}}}' tree
	for part in abs up filelink magic loop fifo "real/$up$T/canary" "$up/etc/passwd" "abs/file"; do
		attempt run --rm --network=none --mount "type=image,src=parts,dst=/i,subpath=$part" alpine \
			sh -c 'cat /i /i/file 2>&1; echo evil >/i/file'
		lacks "$OUT" safe "what is seen of $part"
	done
	# the content of a link does not reach the volume, and the link in it stays one
	attempt run --rm --network=none -v v:/up parts true
	[ ! -e "$GRAPHROOT/volumes/v/_data/file" ] || lacks "$(cat "$GRAPHROOT/volumes/v/_data/file")" safe
	attempt run --rm --network=none -v w:/vol parts sh -c 'echo evil >/vol/link/file; ls /vol'
	[ -L "$GRAPHROOT/volumes/w/_data/link" ] || fail "the link was followed"
	# the twins
	expect 0 in_bb --mount type=image,src=parts,dst=/i,subpath=real/file alpine cat /i
	is "$OUT" inside
	expect 0 in_bb --mount type=image,src=parts,dst=/i,subpath=vol/../real alpine cat /i/file
	is "$OUT" inside
}

# A container fills a volume with links; what is done to the volume later does not follow them.
test_links_in_a_volume() {
	canary_new
	volume_image bb
	expect 0 in_bb -v v:/v bb sh -c "ln -s '$T/canary' /v/abs; ln -s '../../../../../../../../../..$T/canary' /v/up
		ln -s '$T/canary/file' /v/file; mkdir /v/real; echo ok >/v/real/x"
	for part in abs up file abs/file up/file; do
		attempt run --rm --network=none --mount "type=volume,src=v,dst=/s,subpath=$part" bb \
			sh -c 'cat /s /s/file 2>&1; echo evil >/s/file'
		lacks "$OUT" safe "what is seen of $part"
	done
	attempt run --rm --network=none -u 5:5 -v v:/v:U bb true
	is "$STATUS" 0 "U"
	attempt run --rm --network=none -v v:/v:O bb sh -c 'echo evil >/v/up/file; rm -rf /v/abs/*'
	attempt volume export -o v.tar v
	is "$STATUS" 0 "export"
	lacks "$(tar -xOf v.tar 2>/dev/null | tr -d '\000')" safe
	expect 0 ctr volume create w
	ln -s "$T/canary" evil && tar -cf evil.tar evil && rm evil
	mkdir evil && echo evil >evil/file && tar -rf evil.tar evil
	attempt volume import w evil.tar
	attempt volume rm v
	is "$STATUS" 0 "rm"
	expect 0 in_bb --mount type=volume,src=w,dst=/s bb true
}

# A layer under another layer's link, mounted as an image, and an overlay over a tree of links.
test_overlays_over_links() {
	canary_new
	pull alpine
	mkdir -p src/dir
	ln -s "$T/canary" src/link
	ln -s dir src/inner
	attempt run --rm --network=none -v ./src:/s:O alpine sh -c 'echo evil >/s/link/file; rm -rf /s/link; mkdir /s/link; echo x >/s/inner/new; ls /s'
	is "$STATUS" 0
	[ -L src/link ] && [ ! -e src/dir/new ] || fail "the source was changed"
}

# Someone in a container swaps what another container mounts a part of.
#: timeout=90
test_swapping_a_part_while_it_is_mounted() {
	local i
	canary_new
	volume_image bb
	expect 0 ctr run -d --name swaps --network=none -v v:/v bb sh -c "mkdir /v/dir; echo inside >/v/dir/file
		ln -s '../../../../../../../../../..$T/canary' /v/link
		while :; do mv /v/part /v/dir 2>/dev/null; mv /v/dir /v/part; mv /v/part /v/dir; mv /v/link /v/part; mv /v/part /v/link; done"
	wait_for 5 ctr exec swaps sh -c 'test -L /v/link -o -L /v/part'
	for i in $(seq 25); do
		attempt run --rm --network=none --mount type=volume,src=v,dst=/s,subpath=part bb sh -c 'cat /s/file; echo evil >>/s/file'
		lacks "$OUT" safe "what was seen"
	done
	expect 0 ctr rm -f -t 0 swaps
}

# Names and sources that are no words.
test_hostile_words() {
	local bad
	canary_new
	volume_image bb
	for bad in ../x a/../../x .hidden -x "$(printf 'a\nb')" "$(printf 'a\tb')" "$(printf %300s x | tr ' ' a)"; do
		attempt volume create "$bad"
		[ "$STATUS" != 0 ] || fail "a volume called $bad"
		attempt volume rm "$bad"
		attempt volume inspect "$bad"
		[ "$STATUS" != 0 ] || fail "inspect of $bad"
		attempt run --rm --network=none --mount "type=volume,src=$bad,dst=/x" bb true
		[ "$STATUS" != 0 ] || fail "a mount of $bad"
	done
	attempt run --rm --network=none -v "$(printf '/tmp\t/etc'):/x" bb true
	[ "$STATUS" != 0 ] || fail "a tab"
	attempt run --rm --network=none --mount "type=image,src=bb,dst=$(printf '/x\t/y')" bb true
	[ "$STATUS" != 0 ] || fail "a tab"
	[ -z "$(ctr volume ls -q)" ] || fail "something was made"
}
