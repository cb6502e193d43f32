# commit: an image of a container.

diff_ids() { ctr image inspect -f '{{json .RootFS.Layers}}' "$1"; }

#: fast
test_commit_adds_a_layer() {
	local id
	pull alpine
	ctr run --name c --network=none -e A=1 --label l=v --user 1000 -w /srv alpine sh -c 'echo ran' >/dev/null
	ctr cp "$T/w" c:/srv/w
	echo new >f
	ctr cp f c:/etc/new
	expect 0 ctr commit -q c img
	is "$ERR" ""
	matches "$OUT" '^[0-9a-f]{64}$' "the ID"
	id=$OUT
	is "$(ctr image inspect -f '{{.Id}}' img)" "$id"
	is "$(ctr image inspect -f '{{.Config.User}} {{.Config.WorkingDir}} {{json .Config.Cmd}} {{.Config.Labels.l}}' img)" \
		'1000 /srv ["sh","-c","echo ran"] v'
	contains "$(ctr image inspect -f '{{json .Config.Env}}' img)" '"A=1"'
	lacks "$(ctr image inspect -f '{{json .Config.Env}}' img)" 'container='
	is "$(jq -c '.[:-1]' <<<"$(diff_ids img)")" "$(jq -c . <<<"$(diff_ids alpine)")" "layers below"
	is "$(ctr image inspect -f '{{(index .History (len (slice .History 1))).Comment}}' img)" "FROM docker.io/library/alpine:latest"
	is "$(ctr run --rm --network=none img)" ran
	is "$(ctr run --rm --network=none --user 0 img cat /etc/new)" new
	# the same files are the same layer
	expect 0 ctr commit -q c
	is "$(diff_ids "$OUT")" "$(diff_ids img)"
}

test_commit_options() {
	local pause=
	pull alpine
	ctr run -d --name c --network=none -v /vol -v "$PWD:/host" alpine sh -c 'rm /bin/cat; touch /vol/x; rm -r /srv; mkdir -m 711 /srv; echo up; sleep 1000' >/dev/null
	wait_for 5 sh -c 'ctr-lite logs c | grep -q up'
	echo '{"Env": ["C=3"], "Labels": {"from": "file"}, "User": "7"}' >conf.json
	! ctr pause c >/dev/null 2>&1 || { ctr unpause c >/dev/null; pause=-p; } # cgroups may not permit it
	expect 0 ctr commit $pause -q -a me -m words --iidfile iid --include-volumes --config conf.json -c 'CMD ["true"]' \
		-c 'ENV B=2' -c 'EXPOSE 80' -c 'ENTRYPOINT ["/bin/sh"]' -c 'LABEL k=v' -c 'STOPSIGNAL KILL' -c 'WORKDIR /srv' \
		-c 'VOLUME /more' -c 'ONBUILD RUN x' c localhost/img:1
	is "$(cat iid)" "$OUT"
	is "$(ctr inspect -f '{{.State.Status}}' c)" running
	is "$(ctr image inspect -f '{{.Author}} {{.Comment}} {{json .Config.Cmd}} {{json .Config.Entrypoint}} {{json .Config.ExposedPorts}} {{.Config.StopSignal}} {{.Config.User}}' img:1)" \
		'me words ["true"] ["/bin/sh"] {"80/tcp":{}} KILL 7'
	is "$(ctr image inspect -f '{{json .Config.Volumes}}' img:1 | jq -c keys)" '["/host","/more","/vol"]'
	is "$(ctr image inspect -f '{{json .Config.Labels}}' img:1)" '{"from":"file","k":"v"}'
	is "$(ctr run --rm --network=none --user 0 img:1 -c 'echo $B $C; ls /bin/cat /vol/x /host/iid 2>/dev/null; stat -c %a /srv')" $'2 3\n711'
	contains "$(ctr image diff img:1)" 'D /bin/cat'
}

test_commit_squash_and_formats() {
	pull alpine
	ctr run --name c --network=none alpine sh -c 'rm /bin/cat; echo f >/f; chmod 4755 /f; mkfifo /p; ln /f /g'
	expect 0 ctr commit -q -s c flat
	is "$(jq length <<<"$(diff_ids flat)")" 1
	is "$(ctr run --rm --network=none flat sh -c 'stat -c "%a %h %F" /f /p; ls /bin/cat' 2>/dev/null || :)" \
		$'4755 2 regular file\n644 1 fifo'
	expect 0 ctr commit -q -f docker c dock
	is "$(ctr image inspect -f '{{.ManifestType}}' dock)" application/vnd.docker.distribution.manifest.v2+json
	is "$(ctr run --rm --network=none dock stat -c %a /f)" 4755
	# and on top of that once more
	ctr run --name d --network=none dock rm /f
	expect 0 ctr commit -q d both
	is "$(ctr run --rm --network=none both sh -c 'ls /f /g' 2>/dev/null || :)" /g
	# other tools take the layout
	command -v skopeo >/dev/null && is "$(skopeo inspect --config "oci:$GRAPHROOT/images:localhost/both:latest" | jq '.rootfs.diff_ids | length')" 3
	if command -v umoci >/dev/null; then
		umoci unpack --rootless --image "$GRAPHROOT/images:localhost/both:latest" "$T/um" >/dev/null 2>&1 || fail "umoci refuses it"
		[ -e "$T/um/rootfs/g" ] && [ ! -e "$T/um/rootfs/f" ] && [ ! -e "$T/um/rootfs/bin/cat" ] || fail "umoci sees other files"
		chmod -R u+rwx "$T/um"
	fi
}

test_commit_other_id_maps() {
	pull alpine
	ctr run --name k --network=none --userns=keep-id alpine sh -c 'touch /tmp/mine'
	expect 0 ctr commit -q k img
	is "$(ctr run --rm --network=none img stat -c %u:%g /tmp/mine)" "$(id -u):$(id -g)"
}

test_commit_refuses() {
	pull alpine
	ctr create --name c --network=none alpine true >/dev/null
	expect 125 ctr commit nope
	contains "$ERR" "no such container"
	expect 125 ctr commit c Bad:UPPER:x
	contains "$ERR" "invalid reference format"
	expect 125 ctr commit -f x c
	contains "$ERR" 'unrecognized image format "x"'
	expect 125 ctr commit -c 'FOO x' c
	contains "$ERR" "FOO x"
	echo '[]' >bad.json
	expect 125 ctr commit --config bad.json c
	contains "$ERR" "expected a JSON object"
	expect 125 ctr commit --config none.json c
	contains "$ERR" "none.json"
	is "$(ctr images -q | wc -l)" 1
}
