/* Shifted layers: what they are called, and whether they are there. */
#include "shift.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fd.h"
#include "path.h"
#include "store-internal.h"

#define LIST_MAX_BYTES (IDMAP_MAX * 36)
#define MAP_MAX_BYTES (2 * LIST_MAX_BYTES + 128)
#define BOOT_MAX 48

static int by_container(const void *a, const void *b)
{
	const struct idmap_range *x = a, *y = b;

	return (x->container > y->container) - (x->container < y->container);
}

/* One way to write a map: sorted, neighbours that go on one another joined. */
static uint32_t normalize(struct idmap_range *r, uint32_t n)
{
	uint32_t k = 0;

	qsort(r, n, sizeof(*r), by_container);
	for (uint32_t i = 0; i < n; i++) {
		struct idmap_range *last = k ? &r[k - 1] : NULL;

		if (last && r[i].container - last->container == last->count &&
		    r[i].host - last->host == last->count)
			last->count += r[i].count;
		else
			r[k++] = r[i];
	}
	return k;
}

int shift_id_init(struct shift_id *id, const struct idmap *inner)
{
	auto_free struct idmap *m = malloc(sizeof(*m));
	auto_free char *uid = malloc(LIST_MAX_BYTES), *gid = malloc(LIST_MAX_BYTES);
	int r;

	if (!m || !uid || !gid)
		return -ENOMEM;
	*m = *inner;
	m->n_uid = normalize(m->uid, m->n_uid);
	m->n_gid = normalize(m->gid, m->n_gid);
	r = idmap_format(m->uid, m->n_uid, uid, LIST_MAX_BYTES);
	if (r == 0)
		r = idmap_format(m->gid, m->n_gid, gid, LIST_MAX_BYTES);
	if (r < 0)
		return r;
	id->map = str_printf("uid %s\ngid %s\n", uid, gid);
	if (!id->map)
		return -ENOMEM;
	(void)snprintf(id->name, sizeof(id->name), SHIFT_PREFIX "%016" PRIx64,
		       str_hash64(id->map, strlen(id->map)));
	return 0;
}

void shift_id_done(struct shift_id *id)
{
	free(take_ptr(&id->map));
}

/* Which boot of the host this is, "" where it does not tell. */
static void this_boot(char ret[BOOT_MAX])
{
	auto_close int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, ret, BOOT_MAX - 1);

	ret[n > 0 ? n : 0] = '\0';
	ret[strcspn(ret, "\n")] = '\0';
}

char *shift_new_map(const struct shift_id *id)
{
	char boot[BOOT_MAX];

	this_boot(boot);
	return str_printf("%sboot %s\n", id->map, boot[0] ? boot : "unknown");
}

/* What it holds is on disk by now: make sure, and note it. */
static int settle(struct store *s, int dir_fd, const struct shift_id *id)
{
	if (syncfs(dir_fd) < 0)
		return -errno;
	return store_put_file(s, dir_fd, "idmap", id->map, strlen(id->map), 0600, FILE_SYNC_FULL, true);
}

int shift_check(struct store *s, const char *key, const struct shift_id *id)
{
	char path[DIGEST_HEX_LEN + 1 + SHIFT_NAME_MAX], boot[BOOT_MAX];
	auto_close int dir = FD_NONE, fd = FD_NONE;
	auto_free char *text = NULL;
	const char *mark;
	struct stat st;
	int r;

	(void)snprintf(path, sizeof(path), "%s/%s", key, id->name);
	dir = path_open_beneath(s->layers_fd, path, O_RDONLY | O_DIRECTORY);
	if (dir < 0)
		return dir == -ENOENT ? 0 : dir;
	fd = path_open_beneath(dir, "idmap", O_RDONLY);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	r = fd_read_file(fd, MAP_MAX_BYTES, &text, NULL);
	if (r < 0)
		return r == -EFBIG ? 0 : r;
	mark = str_after(text, id->map); /* a crash can leave anything here */
	if (!mark || !mark[0])
		return mark != NULL;
	this_boot(boot);
	mark = str_after(mark, "boot ");
	if (!mark || !boot[0] || strncmp(mark, boot, strlen(boot)) != 0)
		return 0;
	if (time(NULL) - st.st_mtim.tv_sec > SHIFT_SETTLE_S)
		(void)settle(s, dir, id); /* else next time */
	return 1;
}
