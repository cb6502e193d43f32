/* Measuring a container's writable layer, see ctrlite/size.h. */
#include <ctrlite/size.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fd.h"
#include "path.h"
#include "proc.h"
#include "str.h"

struct inode {
	dev_t dev;
	ino_t ino;
};

struct sum {
	uint64_t bytes;
	bool links_once;
	unsigned int depth;
	struct inode *seen;	/* those with several names; a hash table of open addressing */
	size_t n_seen, cap;
};

static size_t slot_of(const struct inode *table, size_t cap, const struct inode *i)
{
	size_t at = (size_t)(i->ino * 0x9e3779b97f4a7c15u ^ i->dev) & (cap - 1);

	while (table[at].ino && (table[at].ino != i->ino || table[at].dev != i->dev))
		at = (at + 1) & (cap - 1);
	return at;
}

/* 1 the first time, then 0, or -ENOMEM. */
static int first_name(struct sum *s, const struct stat *st)
{
	const struct inode i = { st->st_dev, st->st_ino };
	size_t at;

	if (2 * (s->n_seen + 1) > s->cap) {
		size_t cap = s->cap ? 2 * s->cap : 256;
		struct inode *grown = calloc(cap, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		for (size_t k = 0; k < s->cap; k++)
			if (s->seen[k].ino)
				grown[slot_of(grown, cap, &s->seen[k])] = s->seen[k];
		free(s->seen);
		s->seen = grown;
		s->cap = cap;
	}
	at = slot_of(s->seen, s->cap, &i);
	if (s->seen[at].ino)
		return 0;
	s->seen[at] = i;
	s->n_seen++;
	return 1;
}

static int sum_entry(int dir_fd, const char *name, void *arg)
{
	auto_close int fd = FD_NONE;
	struct sum *sum = arg;
	struct stat st;
	int r;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (S_ISREG(st.st_mode) && st.st_size > 0) {
		r = sum->links_once && st.st_nlink > 1 ? first_name(sum, &st) : 1;
		if (r < 0)
			return r;
		sum->bytes += r ? (uint64_t)st.st_size : 0;
	}
	if (!S_ISDIR(st.st_mode))
		return 0;
	if (sum->depth == CTR_SIZE_DEPTH_MAX)
		return -ELOOP;
	fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) /* removed or replaced since */
		return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? 0 : -errno;
	sum->depth++;
	r = path_each(fd, sum_entry, sum);
	sum->depth--;
	return r;
}

static int sum_tree(int dir_fd, bool links_once, uint64_t *ret)
{
	struct sum sum = { .links_once = links_once };
	int r = path_each(dir_fd, sum_entry, &sum);

	free(sum.seen);
	*ret = sum.bytes;
	return r;
}

static int sum_path(int parent_fd, const char *path, bool links_once, uint64_t *ret)
{
	auto_close int fd = path_open_beneath(parent_fd, path, O_PATH | O_DIRECTORY);

	*ret = 0;
	if (fd < 0) /* never made, or removed since */
		return fd == -ENOENT || fd == -ENOTDIR ? 0 : fd;
	return sum_tree(fd, links_once, ret);
}

static int sum_paths(int parent_fd, const struct strv *paths, bool links_once, uint64_t *ret)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < paths->n; i++)
		r = sum_path(parent_fd, paths->items[i], links_once, &ret[i]);
	return r;
}

/* In the child: root of a user namespace in which every id of the files is mapped. */
static void __attribute__((noreturn)) child(int parent_fd, const struct strv *paths, bool links_once,
					    uint64_t *sums, int out_fd)
{
	int r = sum_paths(parent_fd, paths, links_once, sums);

	if (fd_write_all(out_fd, &r, sizeof(r)) < 0)
		_exit(1);
	_exit(fd_write_all(out_fd, sums, paths->n * sizeof(*sums)) < 0);
}

static int sum_mapped(int parent_fd, const struct strv *paths, bool links_once, const struct idmap *map,
		      uint64_t *ret, struct err *e)
{
	size_t bytes = paths->n * sizeof(*ret);
	struct proc p = PROC_INIT;
	int fds[2], r, answer = 0;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(e, errno, "make a pipe");
	auto_close int rd = fds[0];
	auto_close int wr = fds[1];
	r = userns_fork(map, 0, &p, e);
	if (r < 0)
		return r;
	if (r == 0)
		child(parent_fd, paths, links_once, ret, wr);
	wr = fd_close(wr);
	r = fd_read_full(rd, &answer, sizeof(answer)) == (ssize_t)sizeof(answer) ? answer : -EIO;
	if (r == 0 && fd_read_full(rd, ret, bytes) != (ssize_t)bytes)
		r = -EIO;
	(void)proc_wait(&p, NULL); /* its answer is what counts */
	proc_done(&p);
	return r;
}

static int measure(struct ctr_engine *eng, int parent_fd, const struct strv *paths, bool links_once,
		   const char *what, uint64_t *ret, struct err *e)
{
	const struct idmap *map;
	int r = ctr_engine_idmap(eng, &map, e);

	if (r < 0)
		return r;
	r = map ? sum_mapped(parent_fd, paths, links_once, map, ret, e)
		: sum_paths(parent_fd, paths, links_once, ret);
	if (r == -ELOOP)
		return err_set(e, ERR_LIMIT, "measure %s: more than %d directories deep", what,
			       CTR_SIZE_DEPTH_MAX);
	return r < 0 ? err_sys(e, r, "measure %s", what) : 0;
}

int ctr_tree_sizes(struct ctr_engine *eng, int parent_fd, const struct strv *paths, const char *what,
		   uint64_t *ret_bytes, struct err *e)
{
	return measure(eng, parent_fd, paths, true, what, ret_bytes, e);
}

int ctr_container_size(struct ctr_engine *eng, const char *id, uint64_t *ret_bytes, struct err *e)
{
	auto_strv struct strv paths = STRV_INIT;
	auto_free char *what = str_printf("container %.12s", id);
	uint64_t sum = 0;
	int r;

	if (!what || strv_addf(&paths, "%s/upper", id) < 0)
		return err_sys(e, ENOMEM, "measure container %.12s", id);
	r = measure(eng, eng->store.containers_fd, &paths, false, what, &sum, e);
	if (r == 0)
		*ret_bytes = sum;
	return r;
}
