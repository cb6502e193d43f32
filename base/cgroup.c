/* Control groups, version 2. */
#include "cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "fd.h"
#include "path.h"
#include "str.h"

#define FREEZE_TIMEOUT_MS 10000
#define REMOVE_PAUSE_MS 5

#define DIR_FLAGS (O_RDONLY | O_DIRECTORY)

static uint64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static int left_ms(uint64_t deadline)
{
	uint64_t now = now_ms();

	return now >= deadline ? 0 : (int)(deadline - now);
}

bool cgroup_is_v2(int fd)
{
	struct statfs s;

	return fstatfs(fd, &s) == 0 && s.f_type == CGROUP2_SUPER_MAGIC;
}

int cgroup_open_mount(void)
{
	auto_close int fd = open(CGROUP_MOUNT, DIR_FLAGS | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? -EOPNOTSUPP : -errno;
	return cgroup_is_v2(fd) ? take_fd(&fd) : -EOPNOTSUPP;
}

/* The path without the slashes before it, as openat2 wants it. */
static const char *below(const char *path)
{
	while (*path == '/')
		path++;
	return *path ? path : ".";
}

int cgroup_open(int mount_fd, const char *path)
{
	return path_open_beneath(mount_fd, below(path), DIR_FLAGS);
}

int cgroup_make(int mount_fd, const char *path, bool *ret_made)
{
	auto_free char *left = strdup(below(path));
	auto_close int fd = path_open_beneath(mount_fd, ".", DIR_FLAGS);
	char *save = NULL;
	bool made = false;

	if (!left)
		return -ENOMEM;
	if (fd < 0)
		return fd;
	for (char *name = strtok_r(left, "/", &save); name; name = strtok_r(NULL, "/", &save)) {
		int next;

		if (streq(name, "."))
			continue;
		if (!path_is_component(name))
			return -EINVAL;
		next = path_open_beneath(fd, name, DIR_FLAGS);
		made = next == -ENOENT && mkdirat(fd, name, 0755) == 0;
		if (next == -ENOENT && !made && errno != EEXIST)
			return -errno;
		if (next == -ENOENT)
			next = path_open_beneath(fd, name, DIR_FLAGS);
		if (next < 0)
			return next;
		(void)fd_close(fd);
		fd = next;
	}
	if (ret_made)
		*ret_made = made;
	return take_fd(&fd);
}

int cgroup_of_pid(pid_t pid, char **ret_path)
{
	auto_free char *text = NULL;
	auto_close int fd = FD_NONE;
	char name[40] = "/proc/self/cgroup";
	char *at, *path;
	int r;

	if (pid > 0)
		(void)snprintf(name, sizeof(name), "/proc/%d/cgroup", (int)pid);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	r = fd_read_file(fd, CGROUP_FILE_MAX, &text, NULL);
	if (r < 0)
		return r;
	at = str_starts(text, "0::") ? text : strstr(text, "\n0::");
	if (!at)
		return -ENODATA;
	at = strchr(at, '/');
	if (!at)
		return -ENODATA;
	at[strcspn(at, "\n")] = '\0';
	if (streq(at, "/..") || str_starts(at, "/../") || str_ends(at, " (deleted)"))
		return -ENODATA;
	path = strdup(at);
	if (!path)
		return -ENOMEM;
	*ret_path = path;
	return 0;
}

static int open_file(int fd, const char *name, int flags)
{
	return path_is_component(name) ? path_open_beneath(fd, name, flags) : -EINVAL;
}

int cgroup_read(int fd, const char *name, char **ret_text)
{
	auto_close int file = open_file(fd, name, O_RDONLY);
	size_t len;
	int r;

	if (file < 0)
		return file;
	r = fd_read_file(file, CGROUP_FILE_MAX, ret_text, &len);
	if (r == 0 && len > 0 && (*ret_text)[len - 1] == '\n')
		(*ret_text)[len - 1] = '\0';
	return r;
}

int cgroup_write(int fd, const char *name, const char *text)
{
	auto_close int file = open_file(fd, name, O_WRONLY);
	size_t len = strlen(text);
	ssize_t n;

	if (file < 0)
		return file;
	do
		n = write(file, text, len);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EIO;
}

static int parse_number(const char *s, uint64_t *ret)
{
	if (streq(s, "max")) {
		*ret = CGROUP_NO_LIMIT;
		return 0;
	}
	return str_u64(s, UINT64_MAX, ret) < 0 ? -EBADMSG : 0;
}

int cgroup_read_u64(int fd, const char *name, uint64_t *ret)
{
	auto_free char *text = NULL;
	int r = cgroup_read(fd, name, &text);

	return r < 0 ? r : parse_number(text, ret);
}

int cgroup_key(const char *text, const char *key, uint64_t *ret)
{
	size_t len = strlen(key);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		char number[24];
		size_t n;

		line += *line == '\n';
		if (strncmp(line, key, len) != 0 || line[len] != ' ')
			continue;
		n = strcspn(line + len + 1, "\n");
		if (n >= sizeof(number))
			return -EBADMSG;
		memcpy(number, line + len + 1, n);
		number[n] = '\0';
		return parse_number(number, ret);
	}
	return -ENODATA;
}

int cgroup_read_key(int fd, const char *name, const char *key, uint64_t *ret)
{
	auto_free char *text = NULL;
	int r = cgroup_read(fd, name, &text);

	return r < 0 ? r : cgroup_key(text, key, ret);
}

bool cgroup_has_word(const char *text, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = text; *at;) {
		size_t n = strcspn(at, " \n");

		if (n == len && memcmp(at, word, len) == 0)
			return true;
		at += n;
		at += strspn(at, " \n");
	}
	return false;
}

int cgroup_has_controller(int fd, const char *controller)
{
	auto_free char *text = NULL;
	int r = cgroup_read(fd, "cgroup.controllers", &text);

	return r < 0 ? r : cgroup_has_word(text, controller);
}

/* Let the children of the cgroup @fd use it. */
static int enable_below(int fd, const char *controller)
{
	auto_free char *text = NULL, *order = NULL;
	int r = cgroup_read(fd, "cgroup.subtree_control", &text);

	if (r < 0 || cgroup_has_word(text, controller))
		return r;
	r = cgroup_has_controller(fd, controller);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	order = str_printf("+%s", controller);
	return order ? cgroup_write(fd, "cgroup.subtree_control", order) : -ENOMEM;
}

int cgroup_enable(int mount_fd, const char *path, const char *controller, char **ret_where)
{
	auto_free char *clean = path_clean_abs(path);
	size_t at = 0;

	if (!clean)
		return -ENOMEM;
	/* Each ancestor: "/", "/a", "/a/b" but not the last. */
	while (clean[at] && !streq(clean, "/")) {
		auto_free char *prefix = strndup(clean, at ? at : 1);
		auto_close int fd = prefix ? cgroup_open(mount_fd, prefix) : -ENOMEM;
		int r = fd < 0 ? fd : enable_below(fd, controller);

		if (r < 0) {
			if (ret_where)
				*ret_where = take_ptr(&prefix);
			return r;
		}
		at += 1 + strcspn(clean + at + 1, "/");
	}
	return 0;
}

int cgroup_add(int fd, pid_t pid)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "%d", (int)pid);
	return cgroup_write(fd, "cgroup.procs", text);
}

struct pids {
	pid_t *items;
	size_t n, cap;
};

static int pids_add(struct pids *p, pid_t pid)
{
	if (p->n == p->cap) {
		size_t cap = p->cap ? p->cap * 2 : 64;
		pid_t *grown = reallocarray(p->items, cap, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		p->items = grown;
		p->cap = cap;
	}
	p->items[p->n++] = pid;
	return 0;
}

static int pids_here(int fd, struct pids *p)
{
	auto_free char *text = NULL;
	char *save = NULL;
	int r = cgroup_read(fd, "cgroup.procs", &text);

	/* A threaded cgroup: its processes are listed where its domain is, above. */
	if (r == -EOPNOTSUPP)
		return 0;
	if (r < 0)
		return r;
	for (char *s = strtok_r(text, "\n", &save); s; s = strtok_r(NULL, "\n", &save)) {
		uint32_t pid;

		if (str_u32(s, INT32_MAX, &pid) < 0)
			return -EBADMSG;
		r = pids_add(p, (pid_t)pid);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The next directory in @d, NULL at the end. */
static const char *next_child(DIR *d)
{
	struct dirent *de;

	while ((de = readdir(d)))
		if (de->d_type == DT_DIR && !streq(de->d_name, ".") && !streq(de->d_name, ".."))
			return de->d_name;
	return NULL;
}

static int pids_below(int fd, struct pids *p, int depth)
{
	auto_close int copy = path_open_beneath(fd, ".", DIR_FLAGS);
	auto_dir DIR *d = copy < 0 ? NULL : fdopendir(copy);
	const char *name;
	int r = copy < 0 ? copy : d ? pids_here(fd, p) : -ENOMEM;

	if (d)
		(void)take_fd(&copy);
	while (r == 0 && (name = next_child(d))) {
		auto_close int child = path_open_beneath(fd, name, DIR_FLAGS);

		if (child == -ENOENT)
			continue;
		r = child < 0			? child
		    : depth >= CGROUP_DEPTH_MAX ? -ELOOP
						: pids_below(child, p, depth + 1);
		/* It went while we looked: reading files of a removed cgroup. */
		if (r == -ENODEV || r == -ENOENT)
			r = 0;
	}
	return r;
}

int cgroup_procs(int fd, bool deep, pid_t **ret, size_t *ret_n)
{
	struct pids p = { 0 };
	int r = deep ? pids_below(fd, &p, 0) : pids_here(fd, &p);

	if (r < 0) {
		free(p.items);
		return r;
	}
	*ret = p.items;
	*ret_n = p.n;
	return 0;
}

/* Wait until @key in cgroup.events is @want; the kernel notifies of each change. */
static int wait_event(int fd, const char *key, uint64_t want, int timeout_ms)
{
	auto_close int file = path_open_beneath(fd, "cgroup.events", O_RDONLY);
	uint64_t deadline = now_ms() + (uint64_t)(timeout_ms > 0 ? timeout_ms : 0);

	if (file < 0)
		return file;
	for (;;) {
		struct pollfd pfd = { .fd = file, .events = POLLPRI };
		char text[256];
		uint64_t value;
		ssize_t n = pread(file, text, sizeof(text) - 1, 0);
		int r, left = left_ms(deadline);

		if (n < 0)
			return -errno;
		text[n] = '\0';
		r = cgroup_key(text, key, &value);
		if (r < 0 || value == want)
			return r;
		if (left == 0)
			return -ETIMEDOUT;
		if (poll(&pfd, 1, left) < 0 && errno != EINTR)
			return -errno;
	}
}

int cgroup_populated(int fd)
{
	uint64_t value;
	int r = cgroup_read_key(fd, "cgroup.events", "populated", &value);

	return r < 0 ? r : value != 0;
}

int cgroup_frozen(int fd)
{
	uint64_t asked, done;
	int r = cgroup_read_u64(fd, "cgroup.freeze", &asked);

	/* A cgroup whose processes ended while it was frozen may say "frozen 1" for ever. */
	if (r < 0 || !asked)
		return r;
	r = cgroup_read_key(fd, "cgroup.events", "frozen", &done);
	return r < 0 ? r : done != 0;
}

int cgroup_freeze(int fd, bool freeze, int timeout_ms)
{
	int r = cgroup_write(fd, "cgroup.freeze", freeze ? "1" : "0");

	return r < 0 || !freeze ? r : wait_event(fd, "frozen", 1, timeout_ms);
}

static int signal_all(int fd, int sig)
{
	auto_free pid_t *pids = NULL;
	size_t n = 0;
	int r = cgroup_procs(fd, true, &pids, &n), bad = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		auto_close int pidfd = FD_NONE;

		/* Not in our pid namespace: and kill(0) would be for ourselves. */
		if (pids[i] <= 0) {
			bad = -ESRCH;
			continue;
		}
		pidfd = (int)syscall(SYS_pidfd_open, pids[i], 0);
		if ((pidfd < 0 || syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0) < 0) &&
		    errno != ESRCH && !bad)
			bad = -errno;
	}
	return r < 0 ? r : bad;
}

int cgroup_signal(int fd, int sig)
{
	int was = cgroup_frozen(fd), r, back;

	/* What cannot be frozen (a stuck process) is signalled all the same. */
	if (was == 0)
		(void)cgroup_freeze(fd, true, FREEZE_TIMEOUT_MS);
	r = signal_all(fd, sig);
	if (was != 0)
		return r;
	back = cgroup_freeze(fd, false, 0);
	return r < 0 ? r : back;
}

int cgroup_kill(int fd)
{
	int r = cgroup_write(fd, "cgroup.kill", "1");

	/* No such file before 5.14; a threaded cgroup has it and refuses. */
	return r == -ENOENT || r == -EOPNOTSUPP ? cgroup_signal(fd, SIGKILL) : r;
}

int cgroup_wait_empty(int fd, int timeout_ms)
{
	return wait_event(fd, "populated", 0, timeout_ms);
}

/* The first directory below @fd into @ret: 1, 0 when there is none, or -errno. */
static int first_child(int fd, char ret[NAME_MAX + 1])
{
	auto_close int copy = path_open_beneath(fd, ".", DIR_FLAGS);
	auto_dir DIR *d = copy < 0 ? NULL : fdopendir(copy);
	const char *name;

	if (!d)
		return copy < 0 ? copy : -ENOMEM;
	(void)take_fd(&copy);
	name = next_child(d);
	if (name)
		(void)snprintf(ret, NAME_MAX + 1, "%s", name);
	return name != NULL;
}

/*
 * Remove what is below @top.  Down to a leaf, up again by "..": whatever depth a container has
 * made of it, one descriptor is enough, and directories of a cgroup2 cannot be moved elsewhere.
 */
static int remove_below(int top)
{
	auto_close int at = path_open_beneath(top, ".", DIR_FLAGS);
	uint64_t depth = 0;
	bool came_up = false;

	while (at >= 0) {
		char name[NAME_MAX + 1];
		int next, r = first_child(at, name);

		if (r < 0)
			return r;
		if (r == 0 && depth == 0)
			return 0;
		if (r == 1 && (unlinkat(at, name, AT_REMOVEDIR) == 0 || errno == ENOENT)) {
			came_up = false;
			continue;
		}
		/* Nothing is below the one that we come from: a process is in it. */
		if (r == 1 && (errno != EBUSY || came_up))
			return -errno;
		next = r == 1 ? path_open_beneath(at, name, DIR_FLAGS)
			      : openat(at, "..", DIR_FLAGS | O_CLOEXEC);
		if (next == -ENOENT)
			continue;
		if (next < 0)
			return r == 1 ? next : -errno;
		came_up = r == 0;
		depth = came_up ? depth - 1 : depth + 1;
		(void)fd_close(at);
		at = next;
	}
	return at;
}

static int remove_try(int parent, const char *name, uint64_t deadline)
{
	auto_close int fd = FD_NONE;
	int r;

	if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	if (errno != EBUSY)
		return -errno;
	fd = path_open_beneath(parent, name, DIR_FLAGS);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	r = cgroup_wait_empty(fd, left_ms(deadline));
	if (r == 0)
		r = remove_below(fd);
	if (r == 0)
		r = unlinkat(parent, name, AT_REMOVEDIR) == 0 ? 0 : -errno;
	/* Somebody else is removing it as well. */
	if (r == -ENODEV || r == -ENOENT)
		return -EAGAIN;
	return r == -ETIMEDOUT ? -EBUSY : r;
}

int cgroup_remove(int mount_fd, const char *path, int timeout_ms)
{
	uint64_t deadline = now_ms() + (uint64_t)(timeout_ms > 0 ? timeout_ms : 0);
	auto_free char *clean = path_clean_abs(path), *parent = NULL;
	auto_close int fd = FD_NONE;
	const char *name;
	int r;

	if (!clean)
		return -ENOMEM;
	name = path_base(clean);
	if (!*name)
		return -EINVAL;
	parent = strndup(clean, (size_t)(name - clean));
	fd = parent ? cgroup_open(mount_fd, parent) : -ENOMEM;
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	while ((r = remove_try(fd, name, deadline)) == -EBUSY || r == -EAGAIN) {
		struct timespec pause = { .tv_nsec = REMOVE_PAUSE_MS * 1000000L };

		if (left_ms(deadline) == 0)
			return -EBUSY;
		(void)nanosleep(&pause, NULL);
	}
	return r;
}
