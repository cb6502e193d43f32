/* Shifted layers: what they are called, and whether they are there. */
#include "shift.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "store-internal.h"

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

int shift_map_text(const struct idmap *inner, char **ret)
{
	auto_free struct idmap *m = malloc(sizeof(*m));
	auto_free char *uid = malloc(SHIFT_MAP_MAX_BYTES), *gid = malloc(SHIFT_MAP_MAX_BYTES);
	int r;

	if (!m || !uid || !gid)
		return -ENOMEM;
	*m = *inner;
	m->n_uid = normalize(m->uid, m->n_uid);
	m->n_gid = normalize(m->gid, m->n_gid);
	r = idmap_format(m->uid, m->n_uid, uid, SHIFT_MAP_MAX_BYTES);
	if (r == 0)
		r = idmap_format(m->gid, m->n_gid, gid, SHIFT_MAP_MAX_BYTES);
	if (r < 0)
		return r;
	*ret = str_printf("uid %s\ngid %s\n", uid, gid);
	return *ret ? 0 : -ENOMEM;
}

int shift_name(const struct idmap *inner, char ret[SHIFT_NAME_MAX])
{
	auto_free char *text = NULL;
	int r = shift_map_text(inner, &text);

	if (r == 0)
		(void)snprintf(ret, SHIFT_NAME_MAX, SHIFT_PREFIX "%016" PRIx64,
			       str_hash64(text, strlen(text)));
	return r;
}

int shift_exists(struct store *s, const char *key, const char *name)
{
	char path[SHIFT_DIR_MAX];

	(void)snprintf(path, sizeof(path), "%s/%s", key, name);
	if (faccessat(s->layers_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 1;
	return errno == ENOENT ? 0 : -errno;
}
