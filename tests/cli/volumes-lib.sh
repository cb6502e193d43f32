# Images and shorthands of the tests about volumes and mounts; sourced.

# An image of the static busybox with a VOLUME whose content has another owner.
volume_image() { # NAME [VOLUME]
	local p
	mkdir -p root/bin root/data/sub root/tmp
	cp "$(command -v busybox)" root/bin/busybox
	for p in sh ls cat true stat sleep touch mount id chown rm mkdir mv; do ln -sf busybox "root/bin/$p"; done
	echo from-the-image >root/data/file
	chmod "${DATA_MODE:-750}" root/data
	tar --owner=0 --group=0 --exclude=./data -C root -cf image.tar .
	tar --owner=5 --group=6 -C root -rf image.tar ./data
	expect 0 ctr import -q ${2:+-c "VOLUME=$2"} image.tar "$1"
	rm -rf root image.tar
}
in_bb() { ctr run --rm --network=none "$@"; }
