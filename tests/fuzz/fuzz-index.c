/* index.json from another tool: read, tagged and collected without losing an entry of theirs. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "fd.h"
#include "fuzz.h"
#include "layout.h"
#include "path.h"
#include "store.h"
#include "str.h"

#define OURS "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void put(struct store *s, const char *path, const void *data, size_t len)
{
	int fd = openat(s->images_fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	FUZZ_CHECK(fd >= 0 && fd_write_all(fd, data, len) == 0);
	(void)close(fd);
}

/* Is everything of @old in @new, apart from names that were @ref's? */
static void check_kept(const struct layout_index *old, const struct layout_index *new, const char *ref)
{
	size_t ours = 0;

	for (size_t i = 0; i < new->n; i++)
		ours += new->entries[i].ref && streq(new->entries[i].ref, ref) &&
			streq(new->entries[i].manifest.hex, OURS);
	FUZZ_CHECK(ours >= 1);
	for (size_t i = 0; i < old->n; i++) {
		bool found = false;

		for (size_t k = 0; k < new->n && !found; k++)
			found = digest_eq(&old->entries[i].manifest, &new->entries[k].manifest);
		FUZZ_CHECK(found);
	}
}

static int try_index(struct store *s)
{
	auto_layout_index struct layout_index old = LAYOUT_INDEX_INIT, new = LAYOUT_INDEX_INIT;
	struct err e = ERR_INIT;
	struct digest d;

	if (layout_read(s, &old, &e) < 0) {
		FUZZ_CHECK(e.kind != ERR_NONE && e.text[0]);
		return 0;
	}
	FUZZ_CHECK(digest_parse_hex(OURS, &d, NULL) == 0);
	if (layout_tag(s, "fuzz:1", &d, 2, MEDIA_OCI_MANIFEST, &e) == 0) {
		FUZZ_CHECK(layout_read(s, &new, &e) == 0);
		check_kept(&old, &new, "fuzz:1");
		FUZZ_CHECK(layout_untag(s, "fuzz:1", true, &e) == 0);
	}
	FUZZ_CHECK(layout_collect(s, NULL, NULL, &e) == 0);
	return 1;
}

int fuzz_one(const uint8_t *data, size_t len)
{
	char dir[200], root[256], run[256];
	/* Every change is synced: in memory that costs nothing. */
	const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	struct store s;
	int r;

	(void)snprintf(dir, sizeof(dir), "%s/fuzz-index-XXXXXX", base);
	FUZZ_CHECK(mkdtemp(dir) != NULL);
	(void)snprintf(root, sizeof(root), "%s/g", dir);
	(void)snprintf(run, sizeof(run), "%s/r", dir);
	FUZZ_CHECK(store_open(&s, root, run, NULL) == 0);
	put(&s, "index.json", data, len);
	put(&s, "blobs/sha256/" OURS, "{}", 2);
	r = try_index(&s);
	store_close(&s);
	FUZZ_CHECK(path_remove_tree(AT_FDCWD, dir) == 0);
	return r;
}
