# The command line and the template fields against what people of podman and docker type.

test_commands_and_flags() {
	"$TESTS/surface/compare" || fail "commands or flags are missing, see tests/surface/missing.tsv"
}

bb() {
	mkdir -p "$T/w/root/bin"
	cp "$(command -v busybox)" "$T/w/root/bin/busybox"
	for i in sh sleep true; do ln -sf busybox "$T/w/root/bin/$i"; done
	tar -C "$T/w/root" -c . | ctr import -q -c 'HEALTHCHECK CMD true' - bb >/dev/null
}

fields() { "$TESTS/surface/fields" "$@" || fail "fields that $1 lacks"; }

test_fields_of_containers() {
	bb
	echo x >"$T/w/s"
	expect 0 ctr secret create s "$T/w/s"
	expect 0 ctr run -d --name c --network none --userns keep-id --secret s -v "$T/w:/w" -l a=b \
		--health-cmd true --health-startup-cmd true bb sleep 100
	fields "inspect container" container inspect c
	fields ps ps
}

test_fields_of_images_and_secrets() {
	bb -c 'HEALTHCHECK CMD true'
	echo x >"$T/w/s"
	expect 0 ctr secret create -l a=b s "$T/w/s"
	fields images images
	fields "inspect image" image inspect bb
	fields "secret ls" secret ls
	fields "inspect secret" secret inspect s
}

test_fields_of_the_rest() {
	bb
	expect 0 ctr create --network none bb true
	fields events events --stream=false --since 1m
	fields "system df" system df
	expect 0 ctr volume create --label a=b v
	fields "volume ls" volume ls
	fields "inspect volume" volume inspect v
}
