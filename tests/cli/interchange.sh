# Images between us and the other tools: what each of them makes we read, what we make each of them
# reads, with the same digests, and the same files: owner, mode, time, attributes, hard links.
#: timeout=300

# As a user the other tools work in a user namespace, where they are root.
as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"; else podman unshare "$@"; fi
}
tree() { as_root python3 "$TESTS/cli/tree.py" "$@"; }
# Storage of their own, and no other configuration than this.
others() {
	for t in podman buildah skopeo umoci; do
		command -v "$t" >/dev/null || skip "$t is not installed"
	done
	mkdir -p "$T/other"
	export CONTAINERS_STORAGE_CONF=$T/other/storage.conf BUILDAH_ISOLATION=chroot
	printf '[storage]\ndriver = "vfs"\ngraphroot = "%s"\nrunroot = "%s"\n' "$T/other/root" "$T/other/run" \
		>"$CONTAINERS_STORAGE_CONF"
	cd "$T/w"
}
# The others' files belong to mapped ids.
others_done() {
	local pause
	cd "$T"
	as_root rm -rf "$T/other" "$T/w" || true
	mkdir -p "$T/w"
	# podman keeps a process for its user namespace.
	pause=$(find "$XDG_RUNTIME_DIR" -name pause.pid -exec cat {} + 2>/dev/null) || true
	[ -z "$pause" ] || kill "$pause"
}
quietly() { "$@" >"$T/log" 2>&1 || { cat "$T/log" >&2; fail "status $?: $*"; }; }
quietly_as_root() { as_root "$@" >"$T/log" 2>&1 || { cat "$T/log" >&2; fail "status $?: $*"; }; }

# The files of an image: ours, podman's, and what umoci unpacks.
our_tree() {
	local unshare=(ctr unshare)
	[ "$(id -u)" != 0 ] || unshare=()
	"${unshare[@]}" sh -c 'set -e
		m=$(ctr-lite "$@" image mount "$0")
		python3 "$TESTS/cli/tree.py" list "$m"
		ctr-lite "$@" image umount "$0" >/dev/null' "$1" ${CTR_GLOBAL[@]+"${CTR_GLOBAL[@]}"}
}
# Without the top, which podman makes 0555 where no layer says what it is.
podman_tree() {
	as_root sh -c 'set -e
		m=$(podman image mount "$0")
		python3 "$TESTS/cli/tree.py" list "$m"
		podman image umount "$0" >/dev/null' "$1" | grep -v "^'[.]' "
}
umoci_tree() { # LAYOUT:TAG
	quietly_as_root umoci unpack --image "$1" unpacked
	tree list unpacked/rootfs
	as_root rm -rf unpacked
}
same_tree() { # WHAT GOT WANT (files)
	grep -q "^'[.]' " "$2" && grep -q "^'[.]' " "$3" || sed -i "/^'[.]' /d" "$2" "$3"
	diff -u "$3" "$2" >"$T/diff" || fail "$1: the files differ: $(head -30 "$T/diff")"
	[ "$(wc -l <"$2")" -gt 40 ] || fail "$1: only $(wc -l <"$2") entries"
}
# podman's vfs driver leaves the present time on directories in which an upper layer changes something
# and of which it says nothing.
same_tree_but_directory_times() { # as same_tree
	sed -E "s/^(.*' dir 0o[0-7]+ [0-9]+:[0-9]+) t=[0-9]+/\1/" "$2" >"$2.dt"
	sed -E "s/^(.*' dir 0o[0-7]+ [0-9]+:[0-9]+) t=[0-9]+/\1/" "$3" >"$3.dt"
	same_tree "$1" "$2.dt" "$3.dt"
}
our_id() { ctr image inspect -f '{{.Id}}' "$1"; }
our_digest() { ctr image inspect -f '{{.Digest}}' "$1"; }

# --- what the others make

# A layout of umoci's with two layers.
make_by_umoci() {
	quietly umoci init --layout lay
	quietly umoci new --image lay:two
	quietly_as_root umoci unpack --image lay:two bundle
	tree make bundle/rootfs
	quietly_as_root umoci repack --image lay:two bundle
	as_root rm -rf bundle
	quietly_as_root umoci unpack --image lay:two bundle
	tree change bundle/rootfs
	quietly_as_root umoci repack --image lay:two bundle
	as_root rm -rf bundle
}
# An image of buildah's with two layers, in its storage, where podman sees it too.
make_by_buildah() {
	as_root sh -ec '
		c=$(buildah from scratch)
		python3 "$TESTS/cli/tree.py" make "$(buildah mount "$c")"
		buildah config --cmd /bin/tool --env A=b "$c"
		buildah commit -q --rm "$c" example.org/base:1
		c=$(buildah from example.org/base:1)
		python3 "$TESTS/cli/tree.py" change "$(buildah mount "$c")"
		buildah commit -q --rm "$c" example.org/two:1' >"$T/log" 2>&1 || { cat "$T/log" >&2; fail buildah; }
}
config_digest() { skopeo inspect --config --raw "$1" | sha256sum | cut -d' ' -f1; }
manifest_digest() { skopeo inspect --raw "$1" | sha256sum | cut -d' ' -f1; }

# Ours is the same image as theirs: by its ID, where manifests are kept its digest, and its files.
read_by_us() { # TRANSPORT:PATH TREE
	local id=
	quietly ctr pull -q "$1"
	id=$(ctr images -q --no-trunc | head -1)
	is "${id#sha256:}" "$(config_digest "$1")" "$1: ID"
	case $1 in
	docker-archive:*) ;;
	*) is "$(our_digest "${id#sha256:}")" "sha256:$(manifest_digest "$1")" "$1: digest" ;;
	esac
	our_tree "${id#sha256:}" >got
	same_tree "$1" got "$2"
	quietly ctr rmi -f "${id#sha256:}"
}

what_others_make() {
	local to
	others
	make_by_umoci
	umoci_tree lay:two >want.umoci
	read_by_us oci:lay:two want.umoci
	for to in oci-archive:s.oci.tar docker-archive:s.docker.tar oci:s.lay dir:s.dir; do
		quietly skopeo copy -q oci:lay:two "$to"
		read_by_us "$to" want.umoci
	done
	for form in old new; do
		quietly skopeo copy -q oci:lay:two "docker-archive:n-$form.tar:example.org/x:1"
		quietly python3 "$TESTS/cli/tree.py" docker "n-$form.tar" "docker-$form.tar" "$form"
		expect 0 ctr load -q -i "docker-$form.tar"
		is "$OUT" "Loaded image: example.org/x:1"
		is "$(our_id example.org/x:1)" "$(config_digest oci:lay:two)"
		our_tree example.org/x:1 >got
		same_tree "docker's $form form" got want.umoci
		quietly ctr rmi -f example.org/x:1
	done
	make_by_buildah
	podman_tree example.org/two:1 >want.podman
	for to in oci-archive:b.oci.tar docker-archive:b.docker.tar oci:b.lay dir:b.dir; do
		quietly_as_root buildah push -q example.org/two:1 "$to"
		read_by_us "$to" want.podman
	done
	for to in docker-archive oci-archive oci-dir docker-dir; do
		quietly_as_root podman save -q --format $to -o "p.$to" example.org/two:1
		expect 0 ctr load -q -i "p.$to"
		case $to in
		*-archive) is "$OUT" "Loaded image: example.org/two:1" "$to" ;;
		esac
		id=$(ctr images -q --no-trunc | head -1)
		our_tree "${id#sha256:}" >got
		same_tree "podman's $to" got want.podman
		quietly ctr rmi -f "${id#sha256:}"
	done
	quietly_as_root podman save -q -m -o multi.tar example.org/base:1 example.org/two:1
	expect 0 ctr load -q -i multi.tar
	is "$(sort <<<"$OUT")" "$(printf 'Loaded image: example.org/%s:1\n' base two)"
	others_done
}
test_what_others_make_we_read() { what_others_make; }
root_test_what_others_make_we_read() { what_others_make; }

# --- what we make

what_we_make() {
	local id f
	others
	make_by_umoci
	quietly ctr pull -q oci:lay:two
	quietly ctr tag "$(config_digest oci:lay:two)" example.org/two:1
	id=$(our_id example.org/two:1)
	our_tree example.org/two:1 >want
	for f in docker-archive oci-archive oci-dir docker-dir; do
		quietly ctr save -q --format $f -o "o.$f" example.org/two:1
	done
	quietly ctr save -q -m -o o.multi example.org/two:1
	# skopeo sees the same image in all of them ...
	is "$(config_digest docker-archive:o.docker-archive)" "$id"
	is "$(config_digest docker-archive:o.multi:example.org/two:1)" "$id"
	is "$(config_digest oci-archive:o.oci-archive)" "$id"
	is "$(config_digest oci:o.oci-dir:example.org/two:1)" "$id"
	is "$(config_digest dir:o.docker-dir)" "$id"
	is "sha256:$(manifest_digest oci-archive:o.oci-archive)" "$(our_digest example.org/two:1)"
	is "sha256:$(manifest_digest oci:o.oci-dir)" "$(our_digest example.org/two:1)"
	# ... and copies them, checking every digest.
	for f in docker-archive:o.docker-archive oci-archive:o.oci-archive oci:o.oci-dir dir:o.docker-dir; do
		as_root rm -rf again
		quietly skopeo copy -q "$f" oci:again:x
		umoci_tree again:x >got
		same_tree "umoci's files of $f" got want
	done
	umoci_tree o.oci-dir:example.org/two:1 >got
	same_tree "umoci's files of ours" got want
	for f in docker-archive oci-archive oci-dir docker-dir multi; do
		quietly_as_root podman load -q -i "o.$f"
		podman_tree "$id" >got
		same_tree_but_directory_times "podman's files of $f" got want
		quietly_as_root podman rmi -f "$id"
	done
	for f in oci-archive:o.oci-archive docker-archive:o.docker-archive oci:o.oci-dir dir:o.docker-dir; do
		quietly_as_root buildah pull -q "$f"
		podman_tree "$id" >got
		same_tree_but_directory_times "buildah's files of $f" got want
		quietly_as_root podman rmi -f "$id"
	done
	others_done
}
test_what_we_make_others_read() { what_we_make; }
root_test_what_we_make_others_read() { what_we_make; }
