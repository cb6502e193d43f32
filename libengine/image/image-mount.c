/* `image mount`: the layers of an image as one file system, below the run directory. */
#include "ctrlite/image-mount.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctrlite/event.h"
#include "fd.h"
#include "layer.h"
#include "mnt.h"
#include "str.h"

#define MOUNTS_DIR "image-mounts"

static char *place_of(struct ctr_engine *eng, const struct ctr_image *img)
{
	return str_printf("%s/" MOUNTS_DIR "/%s", eng->store.run, img->id.hex);
}

static int make_place(struct ctr_engine *eng, const char *place, struct err *e)
{
	if ((mkdirat(eng->store.run_fd, MOUNTS_DIR, 0700) < 0 && errno != EEXIST) ||
	    (mkdir(place, 0700) < 0 && errno != EEXIST))
		return err_sys(e, errno, "make %s", place);
	return 0;
}

static void drop_place(struct ctr_engine *eng, const char *place)
{
	(void)rmdir(place); /* others may have something mounted on it, or in the one above */
	(void)unlinkat(eng->store.run_fd, MOUNTS_DIR, AT_REMOVEDIR);
}

static int mount_layers(struct ctr_engine *eng, const struct ctr_image *img, const char *place,
			struct err *e)
{
	auto_strv struct strv dirs = STRV_INIT;
	struct mnt_overlay o = { 0 };
	int r = 0;

	if (!img->layers.n)
		return err_set(e, ERR_NOT_FOUND, "image %.12s is not unpacked: pull it again", img->id.hex);
	for (size_t i = img->layers.n; r == 0 && i-- > 0;)
		r = strv_addf(&dirs, "%s/layers/%s/diff", eng->store.root, img->layers.items[i]);
	if (r < 0)
		return err_sys(e, r, "mount an image");
	o.lower = (const char *const *)dirs.items;
	o.n_lower = dirs.n;
	return mnt_overlay(&o, place, e);
}

int ctr_image_mount(struct ctr_engine *eng, const struct ctr_image *img, char **ret_path, struct err *e)
{
	auto_free char *place = place_of(eng, img);
	int r = place ? mnt_is_mounted(place) : -ENOMEM;

	if (r < 0)
		return err_sys(e, r, "read the mounts");
	if (eng->rootless)
		return err_set(e, ERR_DENIED, "cannot run command \"ctr-lite image mount\" in rootless mode, "
			       "must execute `ctr-lite unshare` first");
	if (r == 0) {
		r = make_place(eng, place, e);
		if (r == 0)
			r = mount_layers(eng, img, place, e);
		if (r < 0) {
			drop_place(eng, place);
			return err_wrap(e, r, "mount image %.12s", img->id.hex);
		}
		ctr_image_event(eng, "mount", img->id.hex, img->names.n ? img->names.items[0] : NULL);
	}
	*ret_path = take_ptr(&place);
	return 0;
}

int ctr_image_mountpoint(struct ctr_engine *eng, const struct ctr_image *img, char **ret_path,
			 struct err *e)
{
	auto_free char *place = place_of(eng, img);
	int r = place ? mnt_is_mounted(place) : -ENOMEM;

	if (r < 0)
		return err_sys(e, r, "read the mounts");
	*ret_path = r ? take_ptr(&place) : NULL;
	return 0;
}

int ctr_image_unmount(struct ctr_engine *eng, const struct ctr_image *img, bool force, struct err *e)
{
	auto_free char *place = place_of(eng, img);
	int r = place ? mnt_is_mounted(place) : -ENOMEM;

	if (r < 0)
		return err_sys(e, r, "read the mounts");
	if (r == 0)
		return err_set(e, ERR_INVALID, "image %.12s is not mounted", img->id.hex);
	if (umount2(place, UMOUNT_NOFOLLOW | (force ? MNT_DETACH : 0)) < 0) {
		if (errno == EBUSY)
			return err_set(e, ERR_BUSY, "unmount image %.12s: files in %s are in use (--force "
				       "unmounts it all the same)", img->id.hex, place);
		return err_sys(e, errno, "unmount %s", place);
	}
	drop_place(eng, place);
	ctr_image_event(eng, "unmount", img->id.hex, img->names.n ? img->names.items[0] : NULL);
	return 0;
}
