/* What a running container uses: the counters of its cgroup and of its network namespace. */
#include <ctrlite/stats.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>

#include "cgroup.h"
#include "container-priv.h"
#include "file.h"

#define NET_DEV_MAX_BYTES (256u << 10)

/* A counter that this host's controllers do not keep is zero. */
static uint64_t counter(int fd, const char *name)
{
	uint64_t value;

	return cgroup_read_u64(fd, name, &value) == 0 ? value : 0;
}

/* The smallest memory.max from the cgroup upwards, and what the host has. */
static uint64_t memory_limit(const char *path)
{
	auto_close int mount_fd = cgroup_open_mount();
	auto_free char *at = strdup(path);
	struct sysinfo si;
	uint64_t limit = sysinfo(&si) == 0 ? (uint64_t)si.totalram * si.mem_unit : 0;

	while (mount_fd >= 0 && at && at[0]) {
		auto_close int fd = cgroup_open(mount_fd, at);
		uint64_t max;

		if (fd >= 0 && cgroup_read_u64(fd, "memory.max", &max) == 0 && max < limit)
			limit = max;
		*strrchr(at, '/') = '\0';
	}
	return limit;
}

/* Every "rbytes=" and "wbytes=" of io.stat together. */
static void read_io(int fd, struct ctr_stats *s)
{
	auto_free char *text = NULL;
	char *save = NULL;

	if (cgroup_read(fd, "io.stat", &text) < 0)
		return;
	for (char *w = strtok_r(text, " \n", &save); w; w = strtok_r(NULL, " \n", &save)) {
		const char *in = str_after(w, "rbytes="), *out = str_after(w, "wbytes=");
		uint64_t n;

		if (in && str_u64(in, UINT64_MAX, &n) == 0)
			s->block_in += n;
		if (out && str_u64(out, UINT64_MAX, &n) == 0)
			s->block_out += n;
	}
}

/* Processes, where the kernel counts none for us. */
static uint64_t count_pids(int fd)
{
	auto_free pid_t *pids = NULL;
	size_t n = 0;

	return cgroup_procs(fd, true, &pids, &n) == 0 ? n : 0;
}

static int read_cgroup(int fd, const char *path, struct ctr_stats *s)
{
	uint64_t us;
	int r = cgroup_read_key(fd, "cpu.stat", "usage_usec", &us);

	if (r < 0)
		return r;
	s->cpu_ns = us * 1000;
	s->mem_bytes = counter(fd, "memory.current");
	s->mem_limit = memory_limit(path);
	if (cgroup_read_u64(fd, "pids.current", &s->pids) < 0)
		s->pids = count_pids(fd);
	read_io(fd, s);
	return 0;
}

/* With the host's network the counters would be the host's. */
static bool own_network(pid_t pid)
{
	char path[40];
	struct stat its, ours;

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	return stat(path, &its) == 0 && stat("/proc/self/ns/net", &ours) == 0 &&
	       its.st_ino != ours.st_ino;
}

/* /proc/PID/net/dev: two lines of headings, then "NAME: 8 numbers received, 8 sent". */
static void read_network(pid_t pid, struct ctr_stats *s)
{
	auto_free char *text = NULL;
	char path[40], *save = NULL;

	(void)snprintf(path, sizeof(path), "/proc/%d/net/dev", (int)pid);
	if (!own_network(pid) || file_read_path(path, NET_DEV_MAX_BYTES, &text, NULL) < 0)
		return;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *colon = strchr(line, ':');
		unsigned long long in, out;

		line += strspn(line, " ");
		if (!colon || str_starts(line, "lo:") ||
		    sscanf(colon + 1, "%llu %*u %*u %*u %*u %*u %*u %*u %llu", &in, &out) != 2)
			continue;
		s->net_in += in;
		s->net_out += out;
	}
}

static int64_t now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int ctr_container_stats(struct ctr_engine *eng, const struct ctr_container *c, struct ctr_stats *ret,
			struct err *e)
{
	struct ctr_stats s = { 0 };
	auto_free char *path = NULL;
	auto_close int fd = container_cgroup(eng, c->req.id, &path, e);
	struct ctr_status st;
	int r;

	if (fd < 0 && fd != -ENOENT)
		return fd;
	r = fd < 0 ? fd : read_cgroup(fd, path, &s);
	s.at_ns = now_ns();
	if (r == 0) {
		read_network(c->status.pid, &s);
		*ret = s;
		return 0;
	}
	/* It may have ended since it was listed. */
	r = ctr_container_status(eng, c->req.id, &st, e);
	if (r < 0)
		return r;
	if (st.state != CTR_RUNNING)
		return err_set(e, ERR_NOT_FOUND, "container %.12s is not running", c->req.id);
	return container_lacks_cgroup(eng, c->req.id, "get stats of", e);
}
