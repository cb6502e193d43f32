/* Measuring a container's writable layer, see ctrlite/size.h. */
#include <ctrlite/size.h>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fd.h"
#include "path.h"
#include "proc.h"
#include "str.h"

static int sum_dir(int fd, unsigned int depth, uint64_t *sum);

static int sum_entry(int dir_fd, const char *name, unsigned int depth, uint64_t *sum)
{
	struct stat st;
	int fd;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (S_ISREG(st.st_mode) && st.st_size > 0)
		*sum += (uint64_t)st.st_size;
	if (!S_ISDIR(st.st_mode))
		return 0;
	if (depth == CTR_SIZE_DEPTH_MAX)
		return -ELOOP;
	fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) /* removed or replaced since */
		return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? 0 : -errno;
	return sum_dir(fd, depth + 1, sum);
}

/* Takes @fd over. */
static int sum_dir(int fd, unsigned int depth, uint64_t *sum)
{
	auto_dir DIR *d = fdopendir(fd);
	struct dirent *entry;
	int r = 0;

	if (!d) {
		r = -errno;
		(void)fd_close(fd);
		return r;
	}
	while (r == 0 && (errno = 0, entry = readdir(d)))
		if (!streq(entry->d_name, ".") && !streq(entry->d_name, ".."))
			r = sum_entry(dirfd(d), entry->d_name, depth, sum);
	return r == 0 && errno ? -errno : r;
}

struct answer {
	int r;
	uint64_t sum;
};

/* In the child: root of a user namespace in which every id of the layer is mapped. */
static void __attribute__((noreturn)) child(int upper_fd, int out_fd)
{
	struct answer a = { 0 };
	int fd = openat(upper_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	a.r = fd < 0 ? -errno : sum_dir(fd, 0, &a.sum);
	_exit(fd_write_all(out_fd, &a, sizeof(a)) < 0);
}

static int sum_mapped(int upper_fd, const struct idmap *map, uint64_t *ret, struct err *e)
{
	struct proc p = PROC_INIT;
	struct answer a;
	int fds[2], r;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(e, errno, "make a pipe");
	auto_close int rd = fds[0];
	auto_close int wr = fds[1];
	r = userns_fork(map, 0, &p, e);
	if (r < 0)
		return r;
	if (r == 0)
		child(upper_fd, wr);
	wr = fd_close(wr);
	r = fd_read_full(rd, &a, sizeof(a)) == (ssize_t)sizeof(a) ? a.r : -EIO;
	(void)proc_wait(&p, NULL); /* its answer is what counts */
	proc_done(&p);
	if (r >= 0)
		*ret = a.sum;
	return r;
}

int ctr_container_size(struct ctr_engine *eng, const char *id, uint64_t *ret_bytes, struct err *e)
{
	auto_free char *name = str_printf("%s/upper", id);
	const struct idmap *map;
	uint64_t sum = 0;
	int r;

	if (!name)
		return err_sys(e, ENOMEM, "measure container %.12s", id);
	auto_close int upper_fd =
		path_open_beneath(eng->store.containers_fd, name, O_PATH | O_DIRECTORY);
	if (upper_fd == -ENOENT) { /* never started */
		*ret_bytes = 0;
		return 0;
	}
	if (upper_fd < 0)
		return err_sys(e, upper_fd, "measure container %.12s", id);
	r = ctr_engine_idmap(eng, &map, e);
	if (r < 0)
		return r;
	if (map) {
		r = sum_mapped(upper_fd, map, &sum, e);
	} else {
		int fd = openat(upper_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		r = fd < 0 ? -errno : sum_dir(fd, 0, &sum);
	}
	if (r == -ELOOP)
		return err_set(e, ERR_LIMIT,
			       "measure container %.12s: more than %d directories deep", id,
			       CTR_SIZE_DEPTH_MAX);
	if (r < 0)
		return err_sys(e, r, "measure container %.12s", id);
	*ret_bytes = sum;
	return 0;
}
