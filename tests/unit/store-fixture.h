/* A fresh store in the test's directory, and blobs and layers in it without unpacking. */
#ifndef TESTS_STORE_FIXTURE_H
#define TESTS_STORE_FIXTURE_H

#include "test.h"

#include "digest.h"
#include "file.h"
#include "store.h"
#include "str.h"

static inline void fixture_open(struct store *s)
{
	struct err e = ERR_INIT;
	char root[PATH_MAX + 8], run[PATH_MAX + 8];

	(void)snprintf(root, sizeof(root), "%s/graph", test_tmpdir());
	(void)snprintf(run, sizeof(run), "%s/run", test_tmpdir());
	CHECK_OK(store_open(s, root, run, &e), e);
}

/* A digest that is easy to read: @c repeated. */
static inline struct digest fixture_digest(char c)
{
	struct digest d;

	memset(d.hex, c, DIGEST_HEX_LEN);
	d.hex[DIGEST_HEX_LEN] = '\0';
	return d;
}

/* The layout does not hash what it reads: any content will do. */
static inline void fixture_blob(struct store *s, const struct digest *d, const char *text)
{
	char path[100];
	int fd;

	(void)snprintf(path, sizeof(path), "blobs/sha256/%s", d->hex);
	fd = openat(s->images_fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	CHECK(fd >= 0);
	CHECK_INT(fd_write_all(fd, text, strlen(text)), 0);
	(void)close(fd);
}

/* An image manifest blob @m with config @c and one layer blob @l. */
static inline void fixture_manifest(struct store *s, char m, char c, char l)
{
	struct digest dm = fixture_digest(m), dc = fixture_digest(c), dl = fixture_digest(l);
	char *text = str_printf("{\"schemaVersion\":2,\"config\":{\"digest\":\"sha256:%s\",\"size\":2},"
				"\"layers\":[{\"digest\":\"sha256:%s\",\"size\":1}]}", dc.hex, dl.hex);

	CHECK(text != NULL);
	fixture_blob(s, &dm, text);
	fixture_blob(s, &dc, "{}");
	fixture_blob(s, &dl, "l");
	free(text);
}

static inline void fixture_layer(struct store *s, const struct digest *key, const char *more)
{
	char path[140];
	char *text = str_printf("{\"version\":1,\"diff_id\":\"sha256:%s\",\"size\":5,\"entries\":1%s}",
				key->hex, more);

	CHECK(text != NULL && mkdirat(s->layers_fd, key->hex, 0700) == 0);
	(void)snprintf(path, sizeof(path), "%s/diff", key->hex);
	CHECK(mkdirat(s->layers_fd, path, 0755) == 0);
	int fd = openat(s->layers_fd, key->hex, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK_INT(file_replace(fd, "layer.json", text, strlen(text), 0600, FILE_SYNC_NONE), 0);
	(void)close(fd);
	free(text);
}

static inline bool fixture_has(int dir_fd, const char *fmt, const struct digest *d)
{
	char path[140];

	(void)snprintf(path, sizeof(path), "%s%s", fmt, d->hex);
	return faccessat(dir_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Names in a directory. */
static inline int fixture_count(int dir_fd)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), n = 0;
	DIR *d = fdopendir(fd);
	struct dirent *de;

	CHECK(d != NULL);
	while ((de = readdir(d)))
		n += !streq(de->d_name, ".") && !streq(de->d_name, "..");
	(void)closedir(d);
	return n;
}

#endif
