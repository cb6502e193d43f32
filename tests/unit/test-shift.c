/* Shifted layers: names, what counts as finished, making them. */
#include "store-fixture.h"

#include "shift.h"

static const struct idmap map_a = {
	.uid = { { 0, 1, 1000 }, { 1000, 0, 1 } }, .n_uid = 2, .gid = { { 0, 0, 5 } }, .n_gid = 1,
};

static struct shift_id name(const struct idmap *m)
{
	struct shift_id id = SHIFT_ID_INIT;

	CHECK_INT(shift_id_init(&id, m), 0);
	return id;
}

TEST(one_map_has_one_name)
{
	static const struct idmap same = {
		.uid = { { 1000, 0, 1 }, { 500, 501, 500 }, { 0, 1, 500 } }, .n_uid = 3,
		.gid = { { 3, 3, 2 }, { 0, 0, 3 } }, .n_gid = 2,
	}, other = {
		.uid = { { 0, 1, 1000 }, { 1000, 0, 1 } }, .n_uid = 2, .gid = { { 0, 0, 6 } }, .n_gid = 1,
	}, swapped = {
		.uid = { { 0, 0, 5 } }, .n_uid = 1, .gid = { { 0, 1, 1000 }, { 1000, 0, 1 } }, .n_gid = 2,
	};
	auto_shift_id struct shift_id a = name(&map_a), b = name(&same), c = name(&other),
				      d = name(&swapped);

	CHECK_STR(a.map, "uid 0:1:1000,1000:0:1\ngid 0:0:5\n");
	CHECK_STR(b.map, a.map);
	CHECK_STR(b.name, a.name);
	CHECK(strcmp(a.name, c.name) != 0 && strcmp(a.name, d.name) != 0);
	CHECK_INT(strlen(a.name), 22);
}

static void put_map(struct store *s, const struct digest *key, const struct shift_id *id,
		    const char *text)
{
	char dir[120], path[140];
	int fd;

	(void)snprintf(dir, sizeof(dir), "%s/%s", key->hex, id->name);
	CHECK(mkdirat(s->layers_fd, dir, 0700) == 0 || errno == EEXIST);
	(void)snprintf(path, sizeof(path), "%s/idmap", dir);
	(void)unlinkat(s->layers_fd, path, 0);
	fd = openat(s->layers_fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	CHECK(fd >= 0 && fd_write_all(fd, text, strlen(text)) == 0);
	(void)close(fd);
}

static char *read_map(struct store *s, const struct digest *key, const struct shift_id *id)
{
	char path[140];
	char *text = NULL;
	size_t len;

	(void)snprintf(path, sizeof(path), "%s/%s/idmap", key->hex, id->name);
	CHECK_INT(file_read(s->layers_fd, path, 4096, &text, &len), 0);
	return text;
}

TEST(what_counts_as_finished)
{
	auto_shift_id struct shift_id id = name(&map_a);
	auto_free char *boot = NULL, *young = NULL, *text = NULL;
	struct digest key = fixture_digest('a');
	struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
	struct store s;
	size_t len;
	char path[140];

	fixture_open(&s);
	fixture_layer(&s, &key, "");
	CHECK_INT(shift_check(&s, key.hex, &id), 0);
	put_map(&s, &key, &id, "");	/* what a crash of the host may leave */
	CHECK_INT(shift_check(&s, key.hex, &id), 0);
	put_map(&s, &key, &id, "uid 0:1:1000");
	CHECK_INT(shift_check(&s, key.hex, &id), 0);
	put_map(&s, &key, &id, "uid 0:7:1000,1000:0:1\ngid 0:0:5\n");
	CHECK_INT(shift_check(&s, key.hex, &id), 0);
	put_map(&s, &key, &id, "uid 0:1:1000,1000:0:1\ngid 0:0:5\nboot another\n");
	CHECK_INT(shift_check(&s, key.hex, &id), 0);
	put_map(&s, &key, &id, "uid 0:1:1000,1000:0:1\ngid 0:0:5\nboot ");
	CHECK_INT(shift_check(&s, key.hex, &id), 0);
	put_map(&s, &key, &id, id.map);
	CHECK_INT(shift_check(&s, key.hex, &id), 1);
	CHECK_INT(file_read_path("/proc/sys/kernel/random/boot_id", 100, &boot, &len), 0);
	young = str_printf("%sboot %s", id.map, boot);
	put_map(&s, &key, &id, young);
	CHECK_INT(shift_check(&s, key.hex, &id), 1);
	text = read_map(&s, &key, &id);
	CHECK_STR(text, young);
	/* Old enough to be on disk: it counts from now on. */
	(void)snprintf(path, sizeof(path), "%s/%s/idmap", key.hex, id.name);
	CHECK(utimensat(s.layers_fd, path, old, 0) == 0);
	CHECK_INT(shift_check(&s, key.hex, &id), 1);
	free(text);
	text = read_map(&s, &key, &id);
	CHECK_STR(text, id.map);
	CHECK_INT(fixture_count(s.tmp_fd), 0);
	store_close(&s);
}

/* A map that makes of our own ids those that they are. */
static void own_map(struct idmap *m, uint32_t offset)
{
	*m = (struct idmap){ .uid = { { geteuid() + offset, geteuid(), 1 } }, .n_uid = 1,
			     .gid = { { getegid() + offset, getegid(), 1 } }, .n_gid = 1 };
}

static void make_layer(struct store *s, const struct digest *key)
{
	char path[140];
	int fd;

	fixture_layer(s, key, "");
	(void)snprintf(path, sizeof(path), "%s/diff/file", key->hex);
	fd = openat(s->layers_fd, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
	CHECK(fd >= 0 && fd_write_all(fd, "content", 7) == 0);
	(void)close(fd);
}

/* The worker wants to be root of a user namespace: the one with a single id is to be had. */
static int make(struct store *s, const struct strv *keys, const struct idmap *inner, struct err *e)
{
	const struct idmap single = { .uid = { { 0, geteuid(), 1 } }, .n_uid = 1,
				      .gid = { { 0, getegid(), 1 } }, .n_gid = 1 };
	const struct shift_watch w = { 0 };

	return shift_make(s, keys, geteuid() ? &single : NULL, inner, &w, e);
}

TEST(making_is_done_once_and_for_all_layers)
{
	static const struct idmap zero = { .uid = { { 0, 0, 1 } }, .n_uid = 1,
					   .gid = { { 0, 0, 1 } }, .n_gid = 1 };
	auto_shift_id struct shift_id id = name(&zero);
	struct digest a = fixture_digest('a'), b = fixture_digest('b');
	auto_strv struct strv keys = STRV_INIT;
	struct err e = ERR_INIT;
	struct stat st, again;
	struct store s;
	char path[160];
	int fds;

	fixture_open(&s);
	make_layer(&s, &a);
	make_layer(&s, &b);
	/* One layer may stand in an image twice. */
	CHECK(strv_add(&keys, b.hex) == 0 && strv_add(&keys, a.hex) == 0 && strv_add(&keys, b.hex) == 0);
	put_map(&s, &a, &id, "left by a crash");
	fds = test_open_fds();
	CHECK_OK(make(&s, &keys, &zero, &e), e);
	CHECK_INT(test_open_fds(), fds);
	CHECK_INT(fixture_count(s.tmp_fd), 0);
	CHECK_INT(shift_check(&s, a.hex, &id), 1);
	CHECK_INT(shift_check(&s, b.hex, &id), 1);
	(void)snprintf(path, sizeof(path), "%s/%s/diff/file", b.hex, id.name);
	CHECK(fstatat(s.layers_fd, path, &st, 0) == 0);
	CHECK_INT(st.st_size, 7);
	CHECK_INT(st.st_mode & 07777, 0640);
	CHECK_OK(make(&s, &keys, &zero, &e), e);
	CHECK(fstatat(s.layers_fd, path, &again, 0) == 0 && again.st_ino == st.st_ino);
	store_close(&s);
}

TEST(an_id_that_is_not_mapped_leaves_nothing)
{
	struct digest a = fixture_digest('a');
	auto_strv struct strv keys = STRV_INIT;
	struct err e = ERR_INIT;
	struct idmap m;
	struct store s;

	fixture_open(&s);
	make_layer(&s, &a);
	CHECK_INT(strv_add(&keys, a.hex), 0);
	own_map(&m, 1);
	CHECK_ERR(make(&s, &keys, &m, &e), e, ERR_INVALID);
	CHECK_CONTAINS(e.text, "uid 0 of /");
	CHECK_CONTAINS(e.text, "size");
	CHECK_INT(fixture_count(s.tmp_fd), 0);
	{
		auto_close int fd = openat(s.layers_fd, a.hex, O_RDONLY | O_CLOEXEC);

		CHECK_INT(fixture_count(fd), 2);
	}
	CHECK_INT(strv_add(&keys, fixture_digest('c').hex), 0);
	CHECK_ERR(make(&s, &keys, &m, &e), e, ERR_NOT_FOUND);
	store_close(&s);
}
