/* Finding containers and telling their state, without taking a lock. */
#include "container-priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cgroup.h"
#include "ctrlite/event.h"
#include "file.h"
#include "jscan.h"
#include "json.h"
#include "log.h"
#include "path.h"

#define STATE_MAX_BYTES 16384
#define CGROUP_REMOVE_MS 5000
#define CTR_EXIT_BEGUN	".exit.json" /* see monitor-proto.h */
#define SAME_BOOT_NS	5000000000LL /* how far the clock may have been set since the start */

const char *ctr_status_str(const struct ctr_status *s)
{
	static const char *const words[] = { "created", "running", "exited", "exited" };

	if (s->state == CTR_RUNNING && (s->paused || s->restarting))
		return s->paused ? "paused" : "restarting";
	if (s->state == CTR_RUNNING && s->initialized)
		return "initialized";
	return words[s->state];
}

static bool is_hex(const char *s, size_t min, size_t max)
{
	size_t n = strspn(s, "0123456789abcdef");

	return s[n] == '\0' && n >= min && n <= max;
}

int container_dir(struct ctr_engine *eng, const char *id, struct err *e)
{
	int fd = path_open_beneath(eng->store.containers_fd, id, O_RDONLY | O_DIRECTORY);

	if (fd == -ENOENT)
		return err_set(e, ERR_NOT_FOUND, "no such container %.64s", id);
	return fd < 0 ? err_sys(e, fd, "open container %.64s", id) : fd;
}

int container_run_dir(struct ctr_engine *eng, const char *id, bool create, struct err *e)
{
	int fd;

	if (create && mkdirat(eng->store.run_containers_fd, id, 0700) < 0 && errno != EEXIST)
		return err_sys(e, errno, "make the run directory of container %.64s", id);
	fd = path_open_beneath(eng->store.run_containers_fd, id, O_RDONLY | O_DIRECTORY);
	return fd < 0 ? err_sys(e, fd, "open the run directory of container %.64s", id) : fd;
}

static int dir_exists(int dir_fd, const char *name)
{
	struct stat st;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	return S_ISDIR(st.st_mode);
}

static int find_by_prefix(struct ctr_engine *eng, const char *prefix, char ret_id[65], struct err *e)
{
	auto_dir DIR *d = NULL;
	int fd = path_open_beneath(eng->store.root_fd, "containers", O_RDONLY | O_DIRECTORY);
	size_t found = 0;
	struct dirent *de;

	if (fd < 0)
		return err_sys(e, fd, "list the containers");
	d = fdopendir(fd);
	if (!d) {
		(void)fd_close(fd);
		return err_sys(e, ENOMEM, "list the containers");
	}
	while ((de = readdir(d))) {
		if (!is_hex(de->d_name, 64, 64) || !str_starts(de->d_name, prefix))
			continue;
		if (found++)
			return err_set(e, ERR_INVALID, "more than one container has an ID that starts "
				       "with %s: give more of it", prefix);
		memcpy(ret_id, de->d_name, 65);
	}
	return found ? 0 : -ENOENT;
}

int ctr_container_find(struct ctr_engine *eng, const char *name, char ret_id[65], struct err *e)
{
	auto_free char *quoted = NULL;
	int r = -ENOENT;

	if (name[0] == '/')
		name++; /* docker's inspect prints names so */
	if (name[0] && path_is_component(name)) {
		if (is_hex(name, 64, 64) && dir_exists(eng->store.containers_fd, name) == 1) {
			memcpy(ret_id, name, 65);
			return 0;
		}
		r = store_name_lookup(&eng->store, name, ret_id);
		if (r == 0 && dir_exists(eng->store.containers_fd, ret_id) != 1)
			r = -ENOENT; /* just being made, or left by a maker that died */
		if (r == -ENOENT && is_hex(name, 1, 64))
			r = find_by_prefix(eng, name, ret_id, e);
	}
	if (r != -ENOENT)
		return r;
	quoted = str_quote(name);
	return err_set(e, ERR_NOT_FOUND, "no container with name or ID %s found: no such container",
		       quoted ? quoted : "");
}

int container_is_held(struct ctr_engine *eng, const char *id)
{
	auto_close int fd = FD_NONE;
	char path[80];

	(void)snprintf(path, sizeof(path), "%s/lock", id);
	fd = path_open_beneath(eng->store.run_containers_fd, path, O_RDWR);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	return file_ofd_held(fd);
}

void container_wait_released(struct ctr_engine *eng, const char *id)
{
	char path[80];

	(void)snprintf(path, sizeof(path), "%s/lock", id);
	for (int i = 0; i < 1000 && container_is_held(eng, id) == 1; i++) {
		auto_close int lock = path_open_beneath(eng->store.run_containers_fd, path, O_RDWR);

		if (lock >= 0)
			(void)file_ofd_lock(lock, true); /* the loop looks whether it is free */
	}
}

struct run_record {
	uint64_t version;
	int64_t pid, monitor_pid, started_ns, finished_ns, exit_code;
	uint64_t pid_start;
	int64_t net_pid;
	uint64_t net_pid_start;
	bool oom_killed, initialized, restarting, stopped;
	uint64_t log_lost_bytes, restarts;
	char *error;		/* owned; NULL or "": none */
	char *cgroup;		/* owned; NULL or "": none of its own */
};

static void run_record_done(struct run_record *r)
{
	free(r->cgroup);
	free(r->error);
}
#define auto_run_record __attribute__((cleanup(run_record_done)))

static const struct json_field run_fields[] = {
	{ "version", JSON_KIND_U64, offsetof(struct run_record, version), JSON_REQUIRED, 1 },
	{ "pid", JSON_KIND_I64, offsetof(struct run_record, pid), 0, 0 },
	{ "pid_start", JSON_KIND_U64, offsetof(struct run_record, pid_start), 0, 0 },
	{ "monitor_pid", JSON_KIND_I64, offsetof(struct run_record, monitor_pid), 0, 0 },
	{ "net_pid", JSON_KIND_I64, offsetof(struct run_record, net_pid), 0, 0 },
	{ "net_pid_start", JSON_KIND_U64, offsetof(struct run_record, net_pid_start), 0, 0 },
	{ "started_ns", JSON_KIND_I64, offsetof(struct run_record, started_ns), 0, 0 },
	{ "finished_ns", JSON_KIND_I64, offsetof(struct run_record, finished_ns), 0, 0 },
	{ "exit_code", JSON_KIND_I64, offsetof(struct run_record, exit_code), 0, 0 },
	{ "oom_killed", JSON_KIND_BOOL, offsetof(struct run_record, oom_killed), 0, 0 },
	{ "log_lost_bytes", JSON_KIND_U64, offsetof(struct run_record, log_lost_bytes), 0, 0 },
	{ "initialized", JSON_KIND_BOOL, offsetof(struct run_record, initialized), 0, 0 },
	{ "restarting", JSON_KIND_BOOL, offsetof(struct run_record, restarting), 0, 0 },
	{ "restarts", JSON_KIND_U64, offsetof(struct run_record, restarts), 0, UINT32_MAX },
	{ "stopped", JSON_KIND_BOOL, offsetof(struct run_record, stopped), 0, 0 },
	{ "error", JSON_KIND_STR, offsetof(struct run_record, error), 0, 0 },
	{ "cgroup", JSON_KIND_STR, offsetof(struct run_record, cgroup), 0, 0 },
	{ 0 },
};
#define N_RUN_FIELDS (sizeof(run_fields) / sizeof(run_fields[0]) - 1)

static bool run_field_scan(struct jscan *s, const struct json_field *f, struct run_record *ret)
{
	void *at = (char *)ret + f->offset;
	int64_t i = 0;

	switch (f->kind) {
	case JSON_KIND_STR:
		return jscan_str(s, at);
	case JSON_KIND_BOOL:
		return jscan_bool(s, at);
	case JSON_KIND_I64:
		return jscan_int(s, at);
	case JSON_KIND_U64:
		if (!jscan_int(s, &i) || i < 0 || (f->limit && (uint64_t)i > f->limit))
			return false;
		*(uint64_t *)at = (uint64_t)i;
		return true;
	default:
		return false;
	}
}

/* A record as the monitor writes it; false: the full parser must look at it. */
static bool run_record_scan(const char *text, size_t len, struct run_record *ret)
{
	struct jscan s = jscan_begin(text, len);
	bool seen[N_RUN_FIELDS] = { false };
	const char *name = NULL;
	size_t name_len = 0;

	while (jscan_member(&s, &name, &name_len)) {
		size_t i = 0;

		while (i < N_RUN_FIELDS && (strncmp(run_fields[i].name, name, name_len) != 0 ||
					    run_fields[i].name[name_len]))
			i++;
		if (i == N_RUN_FIELDS || seen[i] || !run_field_scan(&s, &run_fields[i], ret))
			return false;
		seen[i] = true;
	}
	return jscan_end(&s) && seen[0];
}

static int read_record_fully(int dir_fd, const char *path, struct run_record *ret, struct err *e)
{
	auto_json json_t *j = NULL;
	int r = json_parse_file(dir_fd, path, STATE_MAX_BYTES, &j, e);

	if (r == 0)
		r = json_read(j, run_fields, ret, JSON_ALLOW_UNKNOWN, "$", e);
	/* both are borrowed from @j until now */
	ret->cgroup = r == 0 ? strdup(ret->cgroup ? ret->cgroup : "") : NULL;
	ret->error = r == 0 ? strdup(ret->error ? ret->error : "") : NULL;
	if (r == 0 && (!ret->cgroup || !ret->error))
		r = err_sys(e, ENOMEM, "read %s", path);
	return r;
}

/* state.json or exit.json: 1 when read, 0 when there is none. */
static int read_record(int dir_fd, const char *id, const char *file, struct run_record *ret,
		       struct err *e)
{
	char path[96], buf[1024];
	ssize_t n;
	int r = 0;

	(void)snprintf(path, sizeof(path), "%s/%s", id, file);
	n = file_peek(dir_fd, path, buf, sizeof(buf));
	if (n == -ENOENT)
		return 0;
	if (n < 0)
		return err_sys(e, (int)n, "read %s of container %.64s", file, id);
	if (!run_record_scan(buf, (size_t)n, ret)) {
		run_record_done(ret);
		*ret = (struct run_record){ 0 };
		r = read_record_fully(dir_fd, path, ret, e);
	}
	return r < 0 ? err_wrap(e, r, "%s of container %.64s", file, id) : 1;
}

/* The monitor has begun an exit record and nobody lives who would finish it: the run directory went
 * with a reboot, or at the user's logout. */
static bool is_unfinished(struct ctr_engine *eng, const char *id, struct run_record *ret)
{
	auto_run_record struct run_record begun = { 0 };
	struct stat st;
	char path[96];

	(void)snprintf(path, sizeof(path), "%s/" CTR_EXIT_BEGUN, id);
	if (fstatat(eng->store.containers_fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	/* A full disk leaves it without content: then the time of its start is not known. */
	ret->exit_code = 137;
	if (read_record(eng->store.containers_fd, id, CTR_EXIT_BEGUN, &begun, NULL) == 1) {
		ret->started_ns = begun.started_ns;
		ret->finished_ns = begun.finished_ns;
		ret->exit_code = begun.exit_code;
		ret->restarts = begun.restarts;
	}
	return true;
}

static void status_end(struct ctr_status *st, const struct run_record *end)
{
	st->started_ns = end->started_ns;
	st->finished_ns = end->finished_ns;
	st->exit_code = (int)end->exit_code;
	st->oom_killed = end->oom_killed;
	st->restarts = (uint32_t)end->restarts;
	st->stopped_by_user = end->stopped;
	(void)snprintf(st->error, sizeof(st->error), "%s", end->error ? end->error : "");
}

int container_status_at_rest(struct ctr_engine *eng, const char *id, struct ctr_status *ret,
			     struct err *e)
{
	auto_run_record struct run_record end = { 0 };
	int has_end = read_record(eng->store.containers_fd, id, "exit.json", &end, e);

	if (has_end < 0)
		return has_end;
	*ret = (struct ctr_status){ .state = has_end ? CTR_EXITED : CTR_CREATED };
	if (!has_end && is_unfinished(eng, id, &end))
		ret->state = CTR_LOST;
	status_end(ret, &end);
	return 0;
}

static int open_cgroup(const char *path)
{
	auto_close int mount_fd = path && path[0] ? cgroup_open_mount() : FD_NONE;

	return mount_fd < 0 ? mount_fd : cgroup_open(mount_fd, path);
}

static bool is_frozen(const char *cgroup)
{
	auto_close int fd = open_cgroup(cgroup);

	return fd >= 0 && cgroup_frozen(fd) == 1;
}

int container_cgroup(struct ctr_engine *eng, const char *id, char **ret_path, struct err *e)
{
	auto_run_record struct run_record run = { 0 };
	int r = read_record(eng->store.run_containers_fd, id, "state.json", &run, e);
	int fd;

	if (r < 0)
		return r;
	fd = open_cgroup(run.cgroup);
	if (fd == -ENOENT || fd == -EBADF)
		return -ENOENT;
	if (fd < 0)
		return err_sys(e, fd, "open the cgroup %s of container %.12s", run.cgroup, id);
	if (ret_path)
		*ret_path = take_ptr(&run.cgroup);
	return fd;
}

static int status_of(struct ctr_engine *eng, const char *id, bool held, struct ctr_status *ret,
		     struct err *e)
{
	auto_run_record struct run_record run = { 0 }, end = { 0 };
	struct ctr_status st = { .state = CTR_CREATED };
	int has_run, has_end = 0;

	has_run = read_record(eng->store.run_containers_fd, id, "state.json", &run, e);
	if (has_run < 0)
		return has_run;
	/* A monitor removes the record of an earlier run at its start and writes its own before it
	 * cleans up: a record beside a living monitor is that of a container that has just ended. */
	has_end = read_record(eng->store.containers_fd, id, "exit.json", &end, e);
	if (has_end == 0 && has_run) /* --rm: the record outlives the monitor, not the container */
		has_end = read_record(eng->store.run_containers_fd, id, "exit.json", &end, e);
	if (has_end < 0)
		return has_end;
	if (held && has_run && !has_end) {
		st.state = CTR_RUNNING;
		st.restarting = run.restarting;
		st.initialized = run.initialized;
		if (run.restarting)
			status_end(&st, &run);
		st.restarts = (uint32_t)run.restarts;
		st.paused = !run.restarting && is_frozen(run.cgroup);
		st.pid = (pid_t)run.pid;
		st.pid_start = run.pid_start;
		st.monitor_pid = (pid_t)run.monitor_pid;
		st.started_ns = run.started_ns;
	} else if (has_end && !(has_run && run.started_ns > end.finished_ns)) {
		st.state = CTR_EXITED;
		status_end(&st, &end);
	} else if (has_run || (!held && is_unfinished(eng, id, &run))) {
		if (!run.finished_ns) /* between two runs the end of the last is known */
			run.exit_code = 137;
		status_end(&st, &run);
		st.state = CTR_LOST;
		st.pid = (pid_t)run.pid;
		st.pid_start = run.pid_start;
	}
	*ret = st;
	return 0;
}

int ctr_container_status(struct ctr_engine *eng, const char *id, struct ctr_status *ret, struct err *e)
{
	int held = container_is_held(eng, id);

	if (held < 0)
		return err_sys(e, held, "ask for the state of container %.64s", id);
	return status_of(eng, id, held, ret, e);
}

/* Kill what a dead monitor left; what is gone already is as it should be. */
static void kill_leftover(int64_t pid, uint64_t start)
{
	struct proc p = PROC_INIT;

	if (pid <= 0 || proc_open((pid_t)pid, start, &p) < 0)
		return;
	(void)proc_signal(&p, SIGKILL);
	(void)proc_poll(&p, 10000);
	proc_done(&p);
}

/* What is left in it dies; where systemd has made it, systemd removes it. */
static void remove_cgroup(const char *path)
{
	auto_close int fd = open_cgroup(path), mount_fd = fd < 0 ? FD_NONE : cgroup_open_mount();

	if (fd < 0)
		return;
	if (cgroup_populated(fd) == 1)
		(void)cgroup_kill(fd);
	if (!strstr(path, ".scope"))
		(void)cgroup_remove(mount_fd, path, CGROUP_REMOVE_MS);
}

/* Start times count from the boot, so those of another boot name nobody's process; or, with the same
 * number by chance, somebody else's. */
static bool is_of_this_boot(const struct run_record *run)
{
	int64_t boot_ns, start_ns;
	struct timespec now, up;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	(void)clock_gettime(CLOCK_BOOTTIME, &up);
	boot_ns = ((int64_t)now.tv_sec - up.tv_sec) * 1000000000 + now.tv_nsec - up.tv_nsec;
	start_ns = boot_ns + (int64_t)run->pid_start * (1000000000 / sysconf(_SC_CLK_TCK));
	return llabs(start_ns - run->started_ns) < SAME_BOOT_NS;
}

/* What the dead monitor, or one whose run directory was taken away, has left. */
static void kill_leftovers(struct ctr_engine *eng, const char *id)
{
	auto_run_record struct run_record run = { 0 };

	if (read_record(eng->store.run_containers_fd, id, "state.json", &run, NULL) != 1 &&
	    (read_record(eng->store.containers_fd, id, CTR_EXIT_BEGUN, &run, NULL) != 1 ||
	     !is_of_this_boot(&run)))
		return;
	kill_leftover(run.pid, run.pid_start);
	kill_leftover(run.net_pid, run.net_pid_start);
	remove_cgroup(run.cgroup);
}

static void say_died(struct ctr_engine *eng, const char *id)
{
	struct ctr_request req = CTR_REQUEST_INIT;

	if (ctr_container_load(eng, id, &req, NULL) == 0)
		ctr_event(eng, &(struct ctr_event){
			.type = "container", .status = "died", .id = id, .name = req.name,
			.image = req.image, .attrs = &req.labels, .has_exit_code = true,
			.exit_code = 137 });
	ctr_request_done(&req);
}

int ctr_container_settle(struct ctr_engine *eng, const char *id, struct err *e)
{
	auto_close int dir = FD_NONE, run_dir = FD_NONE, lock = FD_NONE;
	auto_strbuf struct strbuf b = STRBUF_INIT;
	struct ctr_status st;
	struct timespec now;
	int r;

	r = ctr_container_status(eng, id, &st, e);
	if (r < 0 || st.state != CTR_LOST)
		return r;
	/* Whoever holds the monitor's lock may settle: two commands do not write over one another. */
	run_dir = container_run_dir(eng, id, true, e); /* a reboot has taken it */
	if (run_dir < 0)
		return run_dir;
	lock = openat(run_dir, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (lock < 0)
		return err_sys(e, errno, "open the lock of container %.64s", id);
	if (file_ofd_lock(lock, false) < 0)
		return 0; /* another command does it, or it has just been started again */
	r = status_of(eng, id, false, &st, e); /* it is we who hold it */
	if (r < 0 || st.state != CTR_LOST)
		return r;
	kill_leftovers(eng, id);
	(void)clock_gettime(CLOCK_REALTIME, &now);
	if (!st.finished_ns)
		st.finished_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
	strbuf_addf(&b, "{\"version\":1,\"exit_code\":%d,\"finished_ns\":%lld,\"oom_killed\":%s,"
		    "\"started_ns\":%lld,\"restarts\":%u}\n",
		    st.exit_code, (long long)st.finished_ns, st.oom_killed ? "true" : "false",
		    (long long)st.started_ns, st.restarts);
	dir = container_dir(eng, id, e);
	if (dir < 0)
		return dir;
	r = b.failed ? -ENOMEM : file_replace(dir, "exit.json", b.data, b.len, 0600, FILE_SYNC_FULL);
	if (r < 0)
		return err_sys(e, r, "record the end of container %.64s", id);
	say_died(eng, id);
	(void)unlinkat(dir, CTR_EXIT_BEGUN, 0); /* the record counts more than what was begun */
	r = path_remove_tree(eng->store.run_containers_fd, id);
	return r < 0 ? err_sys(e, r, "clear the run directory of container %.64s", id) : 0;
}
