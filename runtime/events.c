/* The command events: statistics of the container's cgroup and its OOM kills, as lines of JSON. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "cgroup.h"
#include "cgroup-place.h"
#include "fd.h"
#include "found.h"
#include "json.h"
#include "runtime.h"

#define INTERVAL_DEFAULT_NS (5 * INT64_C(1000000000))

/* Statistics are what the kernel has: a file or key that is not there is 0, as runc has it. */
static uint64_t number(int fd, const char *file)
{
	uint64_t v = 0;

	return cgroup_read_u64(fd, file, &v) < 0 ? 0 : v;
}

static uint64_t keyed(const char *text, const char *key)
{
	uint64_t v = 0;

	return !text || cgroup_key(text, key, &v) < 0 ? 0 : v;
}

/* JSON's integers here end at 2^63-1, which is as good as no limit. */
static json_t *integer(uint64_t v)
{
	return json_integer(v > INT64_MAX ? INT64_MAX : (json_int_t)v);
}

static void set(json_t *obj, const char *name, uint64_t v, bool omit_zero)
{
	if (v || !omit_zero)
		(void)json_object_set_new(obj, name, integer(v)); /* checked by json_dumps */
}

static json_t *cpu_stats(int fd)
{
	auto_free char *stat = NULL;
	json_t *usage = json_object(), *throttling = json_object();

	(void)cgroup_read(fd, "cpu.stat", &stat); /* NULL then */
	set(usage, "total", keyed(stat, "usage_usec") * 1000, true);
	set(usage, "kernel", keyed(stat, "system_usec") * 1000, false);
	set(usage, "user", keyed(stat, "user_usec") * 1000, false);
	set(throttling, "periods", keyed(stat, "nr_periods"), true);
	set(throttling, "throttledPeriods", keyed(stat, "nr_throttled"), true);
	set(throttling, "throttledTime", keyed(stat, "throttled_usec") * 1000, true);
	return json_pack("{s:o, s:o}", "usage", usage, "throttling", throttling);
}

static json_t *memory_entry(uint64_t limit, uint64_t usage, uint64_t max)
{
	json_t *obj = json_object();

	set(obj, "limit", limit, false);
	set(obj, "usage", usage, true);
	set(obj, "max", max, true);
	set(obj, "failcnt", 0, false);
	return obj;
}

static json_t *raw_memory(const char *stat)
{
	auto_free char *copy = strdup(stat);
	json_t *obj = json_object();
	char *save = NULL;

	for (char *line = copy ? strtok_r(copy, "\n", &save) : NULL; line;
	     line = strtok_r(NULL, "\n", &save)) {
		char *space = strchr(line, ' ');
		uint64_t v;

		if (!space)
			continue;
		*space = '\0';
		if (str_u64(space + 1, UINT64_MAX, &v) == 0)
			set(obj, line, v, false);
	}
	return obj;
}

static json_t *memory_stats(int fd)
{
	auto_free char *stat = NULL;
	uint64_t limit = number(fd, "memory.max"), usage = number(fd, "memory.current");
	uint64_t swap_limit = number(fd, "memory.swap.max"),
		 swap = number(fd, "memory.swap.current");
	json_t *obj = json_object();

	(void)cgroup_read(fd, "memory.stat", &stat); /* NULL then */
	set(obj, "cache", keyed(stat, "file"), true);
	(void)json_object_set_new(obj, "usage",
				  memory_entry(limit, usage, number(fd, "memory.peak")));
	/* Version 1 counts memory and swap together, and readers expect that. */
	if (__builtin_add_overflow(limit, swap_limit, &swap_limit))
		swap_limit = UINT64_MAX;
	(void)json_object_set_new(obj, "swap",
				  memory_entry(swap_limit, swap ? swap + usage : usage, 0));
	(void)json_object_set_new(obj, "kernel", memory_entry(0, 0, 0));
	(void)json_object_set_new(obj, "kernelTCP", memory_entry(0, 0, 0));
	if (stat)
		(void)json_object_set_new(obj, "raw", raw_memory(stat));
	return obj;
}

static json_t *pids_stats(int fd)
{
	uint64_t limit = number(fd, "pids.max");
	json_t *obj = json_object();

	set(obj, "current", number(fd, "pids.current"), true);
	set(obj, "limit", limit == CGROUP_NO_LIMIT ? 0 : limit, true);
	return obj;
}

static void add_io(json_t *arr, unsigned int major, unsigned int minor, const char *op, uint64_t v)
{
	(void)json_array_append_new(arr,
				    json_pack("{s:i, s:i, s:s, s:o}", "major", (int)major, "minor",
					      (int)minor, "op", op, "value", integer(v)));
}

/* "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6" */
static json_t *io_stats(int fd)
{
	static const struct {
		const char *key, *op;
		bool bytes;
	} keys[] = { { "rbytes", "Read", true },    { "wbytes", "Write", true },
		     { "dbytes", "Discard", true }, { "rios", "Read", false },
		     { "wios", "Write", false },    { "dios", "Discard", false } };
	auto_free char *stat = NULL;
	json_t *obj = json_object(), *bytes = json_array(), *times = json_array();
	char *save = NULL;

	(void)cgroup_read(fd, "io.stat", &stat); /* NULL then */
	for (char *line = stat ? strtok_r(stat, "\n", &save) : NULL; line;
	     line = strtok_r(NULL, "\n", &save)) {
		unsigned int major, minor;

		if (sscanf(line, "%u:%u ", &major, &minor) != 2)
			continue;
		for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
			char key[16];
			const char *at;

			(void)snprintf(key, sizeof(key), " %s=", keys[i].key);
			at = strstr(line, key);
			if (at)
				add_io(keys[i].bytes ? bytes : times, major, minor, keys[i].op,
				       strtoull(at + strlen(key), NULL, 10));
		}
	}
	if (json_array_size(bytes))
		(void)json_object_set(obj, "ioServiceBytesRecursive", bytes);
	if (json_array_size(times))
		(void)json_object_set(obj, "ioServicedRecursive", times);
	json_decref(bytes);
	json_decref(times);
	return obj;
}

static json_t *hugetlb_stats(int fd)
{
	static const char *const sizes[] = { "64KB", "1MB",   "2MB", "16MB",
					     "32MB", "512MB", "1GB", "16GB" };
	json_t *obj = json_object();

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		char file[48];
		uint64_t usage, failed = 0;
		json_t *one;

		(void)snprintf(file, sizeof(file), "hugetlb.%s.current", sizes[i]);
		if (cgroup_read_u64(fd, file, &usage) < 0)
			continue;
		(void)snprintf(file, sizeof(file), "hugetlb.%s.events", sizes[i]);
		(void)cgroup_read_key(fd, file, "max", &failed); /* 0 then */
		one = json_object();
		set(one, "usage", usage, true);
		set(one, "failcnt", failed, false);
		(void)json_object_set_new(obj, sizes[i], one);
	}
	return obj;
}

static int print_line(json_t *event_take, struct err *e)
{
	auto_json json_t *event = event_take;
	auto_free char *text = event ? json_dumps(event, JSON_COMPACT) : NULL;

	if (!text)
		return err_sys(e, ENOMEM, "print an event");
	/* Whoever reads along has gone: there is nobody to tell. */
	return printf("%s\n", text) < 0 || fflush(stdout) ? err_sys(e, errno, "print an event") : 0;
}

static int print_stats(const char *id, int fd, struct err *e)
{
	return print_line(json_pack("{s:s, s:s, s:{s:o, s:o, s:o, s:o, s:o, s:{}, s:n}}", "type",
				    "stats", "id", id, "data", "cpu", cpu_stats(fd), "memory",
				    memory_stats(fd), "pids", pids_stats(fd), "blkio", io_stats(fd),
				    "hugetlb", hugetlb_stats(fd), "intel_rdt",
				    "network_interfaces"),
			  e);
}

static int64_t now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static uint64_t oom_kills(int events_fd)
{
	char text[512];
	ssize_t n = events_fd < 0 ? -1 : pread(events_fd, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return 0;
	text[n] = '\0';
	return keyed(text, "oom_kill");
}

/* Until the container's first process ends. */
static int follow(const struct found *f, int fd, int64_t interval_ns, struct err *e)
{
	auto_close int events = openat(fd, "memory.events", O_RDONLY | O_CLOEXEC);
	uint64_t seen = oom_kills(events);
	int64_t next = now_ns() + interval_ns;
	int r = 0;

	while (r == 0) {
		struct pollfd pfd[] = { { .fd = f->init.pidfd, .events = POLLIN },
					{ .fd = events, .events = POLLPRI } };
		int64_t left = next - now_ns();
		uint64_t kills;

		if (poll(pfd, 2, left > 0 ? (int)(left / 1000000 + 1) : 0) < 0 && errno != EINTR)
			return err_sys(e, errno, "wait for events");
		for (kills = oom_kills(events); r == 0 && seen < kills; seen++)
			r = print_line(json_pack("{s:s, s:s}", "type", "oom", "id", f->state.id),
				       e);
		if (pfd[0].revents)
			return r;
		if (r == 0 && now_ns() >= next) {
			r = print_stats(f->state.id, fd, e);
			next += interval_ns;
		}
	}
	return r;
}

int cmd_events(struct args *a, struct err *e)
{
	auto_found struct found f = FOUND_INIT;
	auto_place struct place p = PLACE_INIT;
	int64_t interval_ns = INTERVAL_DEFAULT_NS;
	int r = no_more_args(a, 1, e);

	if (r == 0 && a->interval &&
	    (str_duration(a->interval, &interval_ns) < 0 || interval_ns <= 0 ||
	     interval_ns > INT64_C(86400) * 1000000000))
		return err_set(e, ERR_INVALID, "--interval: \"%s\" is not a duration like 5s",
			       a->interval);
	if (r == 0)
		r = found_open(a, &f, e);
	if (r == 0)
		r = found_check_alive(&f, "show events of", e);
	if (r == 0)
		r = place_open(&p, &f.state, "show events of", e);
	if (r < 0)
		return r;
	return a->stats ? print_stats(f.state.id, p.fd, e) : follow(&f, p.fd, interval_ns, e);
}
