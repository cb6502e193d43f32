/* Images mounted to be read, as ctrlite/mount.h has it for containers. */
#ifndef CTRLITE_IMAGE_MOUNT_H
#define CTRLITE_IMAGE_MOUNT_H

#include "ctrlite/image.h"

/* Mount it; its place in *@ret_path, fresh.  ERR_DENIED for users who are not in `unshare`. */
int ctr_image_mount(struct ctr_engine *eng, const struct ctr_image *img, char **ret_path, struct err *e);
/* Where it is mounted, fresh; NULL: it is not. */
int ctr_image_mountpoint(struct ctr_engine *eng, const struct ctr_image *img, char **ret_path,
			 struct err *e);
/* ERR_INVALID when it is not mounted. */
int ctr_image_unmount(struct ctr_engine *eng, const struct ctr_image *img, bool force, struct err *e);

#endif
