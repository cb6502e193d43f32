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

/* The time of the last use is the directory's: not to the second, it is written to disk. */
static void touch(int dir_fd)
{
	struct stat st;

	if (fstat(dir_fd, &st) == 0 && time(NULL) - st.st_mtim.tv_sec > SHIFT_KEEP_S / 24)
		(void)futimens(dir_fd, NULL); /* then it is made again some day */
}

static bool is_old(int dir_fd, const char *name)
{
	struct stat st;

	return fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       time(NULL) - st.st_mtim.tv_sec > SHIFT_KEEP_S;
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
	if (!mark)
		return 0;
	touch(dir);
	if (!mark[0])
		return 1;
	this_boot(boot);
	mark = str_after(mark, "boot ");
	if (!mark || !boot[0] || strncmp(mark, boot, strlen(boot)) != 0)
		return 0;
	if (time(NULL) - st.st_mtim.tv_sec > SHIFT_SETTLE_S)
		(void)settle(s, dir, id); /* else next time */
	return 1;
}

/* What is taken away moves into the stage.  Somebody who was just about to use it has touched it:
 * then it goes back. */
static int collect_in(struct store *s, const char *key, const struct strv *used, struct stage *st,
		      size_t *n_taken)
{
	auto_close int dir = path_open_beneath(s->layers_fd, key, O_RDONLY | O_DIRECTORY);
	auto_strv struct strv names = STRV_INIT;
	int r = dir < 0 ? dir : store_list_dir(dir, ".", &names);

	for (size_t i = 0; r == 0 && i < names.n; i++) {
		const char *name = names.items[i];
		char path[DIGEST_HEX_LEN + 2 + SHIFT_NAME_MAX], gone[32];

		if (!str_starts(name, SHIFT_PREFIX) || strlen(name) >= SHIFT_NAME_MAX)
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", key, name);
		if (strv_has(used, path) || !is_old(dir, name))
			continue;
		(void)snprintf(gone, sizeof(gone), "gone-%zu", (*n_taken)++);
		if (renameat(dir, name, st->fd, gone) < 0)
			r = errno == ENOENT ? 0 : -errno;
		else if (!is_old(st->fd, gone) &&
			 renameat2(st->fd, gone, dir, name, RENAME_NOREPLACE) < 0 && errno != EEXIST)
			r = -errno;
	}
	return r == -ENOENT ? 0 : r; /* the layer itself has gone */
}

int shift_collect(struct store *s, const struct strv *used, const struct idmap *m, struct err *e)
{
	auto_strv struct strv keys = STRV_INIT;
	struct stage st = STAGE_INIT;
	struct digest d;
	size_t n = 0;
	int r = store_list_dir(s->layers_fd, ".", &keys), r2;

	if (r < 0)
		return err_sys(e, r, "list %s/layers", s->root);
	r = store_stage_new(s, &st, e);
	for (size_t i = 0; r == 0 && i < keys.n; i++) {
		if (digest_parse_hex(keys.items[i], &d, NULL) < 0 || strv_has(used, keys.items[i]))
			continue;
		r = collect_in(s, d.hex, used, &st, &n);
		if (r < 0)
			(void)err_sys(e, r, "remove unused copies of layer %.12s", d.hex);
	}
	r2 = store_stage_drop(s, &st, m, r == 0 ? e : NULL);
	return r < 0 ? r : r2;
}
