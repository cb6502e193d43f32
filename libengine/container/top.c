/* The processes of a container, read from the host's /proc. */
#include "top.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "container-priv.h"
#include "fd.h"
#include "file.h"
#include "path.h"

#define PROC_FILE_MAX 65536
#define ACCOUNTS_MAX_BYTES (1u << 20)
#define PROCS_MAX 65536
#define NS_PER_S 1000000000LL

void top_proc_done(struct top_proc *p)
{
	strv_done(&p->groups);
	strv_done(&p->args);
	free(p->comm);
	free(p->label);
}

void ctr_top_done(struct ctr_top *t)
{
	for (size_t i = 0; i < t->n; i++)
		strv_done(&t->rows[i]);
	free(t->rows);
	*t = (struct ctr_top)CTR_TOP_INIT;
}

int top_open_init(struct ctr_engine *eng, const char *id, struct proc *ret, struct err *e)
{
	struct ctr_status st;
	int r = ctr_container_status(eng, id, &st, e);

	if (r < 0)
		return r;
	if (st.state == CTR_RUNNING && proc_open(st.pid, st.pid_start, ret) == 0)
		return 0;
	return err_set(e, ERR_BUSY, "top can only be used on running containers");
}

/* All that a file of one process has; -ESRCH when it has ended. */
static int read_proc(pid_t pid, const char *name, char **ret, size_t *ret_len)
{
	char path[48];
	int r;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	r = file_read_path(path, PROC_FILE_MAX, ret, ret_len);
	return r == -ENOENT ? -ESRCH : r;
}

/* Behind the last ")": what stands before it may hold anything. */
static int parse_stat(const char *text, struct top_proc *p)
{
	const char *open = strchr(text, '('), *close = strrchr(text, ')');
	unsigned long long utime, stime, start, vsize;
	long long rss;
	int ppid, nice;

	if (!open || !close || close < open)
		return -EBADMSG;
	p->comm = strndup(open + 1, (size_t)(close - open - 1));
	if (!p->comm)
		return -ENOMEM;
	if (sscanf(close + 1,
		   " %c %d %*d %*d %u %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d %d %*d %*d "
		   "%llu %llu %lld",
		   &p->state, &ppid, &p->tty, &utime, &stime, &nice, &start, &vsize, &rss) != 9)
		return -EBADMSG;
	p->host_ppid = ppid;
	p->ticks = utime + stime;
	p->nice = nice;
	p->start_ticks = start;
	p->vsz_bytes = vsize;
	p->rss_pages = rss;
	return 0;
}

/* The number at @level of a list such as NSpid's; the last where there are fewer. */
static int64_t at_level(const char *list, size_t level)
{
	int64_t n = 0;

	for (size_t i = 0; i <= level; i++) {
		char *end;
		long long v = strtoll(list, &end, 10);

		if (end == list)
			break;
		n = v;
		list = end;
	}
	return n;
}

static int add_groups(struct top_proc *p, char *list)
{
	char *save = NULL;

	for (char *w = strtok_r(list, " \t", &save); w; w = strtok_r(NULL, " \t", &save))
		if (strv_add(&p->groups, w) < 0)
			return -ENOMEM;
	return 0;
}

static int parse_status(char *text, size_t level, struct top_proc *p)
{
	char *save = NULL;
	int r = 0;

	for (char *line = strtok_r(text, "\n", &save); r == 0 && line;
	     line = strtok_r(NULL, "\n", &save)) {
		char *value = strchr(line, ':');

		if (!value)
			continue;
		*value++ = '\0';
		if (streq(line, "Uid"))
			r = sscanf(value, "%u %u", &p->ruid, &p->euid) == 2 ? 0 : -EBADMSG;
		else if (streq(line, "Gid"))
			r = sscanf(value, "%u %u", &p->rgid, &p->egid) == 2 ? 0 : -EBADMSG;
		else if (streq(line, "Groups"))
			r = add_groups(p, value);
		else if (streq(line, "NSpid"))
			p->pid = at_level(value, level);
		else if (streq(line, "NSpgid"))
			p->pgid = at_level(value, level);
		else if (streq(line, "CapInh"))
			p->inherited = strtoull(value, NULL, 16);
		else if (streq(line, "CapPrm"))
			p->permitted = strtoull(value, NULL, 16);
		else if (streq(line, "CapEff"))
			p->effective = strtoull(value, NULL, 16);
		else if (streq(line, "CapBnd"))
			p->bounding = strtoull(value, NULL, 16);
		else if (streq(line, "CapAmb"))
			p->ambient = strtoull(value, NULL, 16);
		else if (streq(line, "Seccomp"))
			p->seccomp = atoi(value);
	}
	return r;
}

/* One process; -ESRCH when it has ended meanwhile. */
static int read_one(pid_t pid, size_t level, struct top_proc *p)
{
	auto_free char *stat = NULL, *status = NULL, *args = NULL;
	size_t len = 0;
	int r = read_proc(pid, "stat", &stat, NULL);

	p->host_pid = pid;
	if (r == 0)
		r = parse_stat(stat, p);
	if (r == 0)
		r = read_proc(pid, "status", &status, NULL);
	if (r == 0)
		r = parse_status(status, level, p);
	if (r < 0)
		return r;
	if (read_proc(pid, "cmdline", &args, &len) == 0)
		for (size_t i = 0; i < len; i += strlen(args + i) + 1)
			if (strv_add(&p->args, args + i) < 0)
				return -ENOMEM;
	/* -EINVAL: no security module that has labels */
	if (read_proc(pid, "attr/current", &p->label, &len) == 0)
		p->label[strcspn(p->label, "\n")] = '\0';
	return 0;
}

static ino_t pid_namespace(pid_t pid)
{
	char path[40];
	struct stat st;

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/pid", (int)pid);
	return stat(path, &st) < 0 ? 0 : st.st_ino;
}

/* How deep the namespace of @pid is below that of /proc: the number of its PIDs but one. */
static size_t level_of(pid_t pid)
{
	auto_free char *status = NULL;
	const char *at;
	size_t n = 0;

	if (read_proc(pid, "status", &status, NULL) < 0)
		return 0;
	at = strstr(status, "\nNSpid:");
	if (!at)
		return 0;
	for (at += strlen("\nNSpid:"); *at && *at != '\n';) {
		at += strspn(at, "\t ");
		n += *at >= '0' && *at <= '9';
		at += strcspn(at, "\t \n");
	}
	return n ? n - 1 : 0;
}

struct procs {
	struct top_proc *items;
	size_t n;
};

static void procs_done(struct procs *l)
{
	for (size_t i = 0; i < l->n; i++)
		top_proc_done(&l->items[i]);
	free(l->items);
}

/* Its parent is there already, as parents nearly always have the smaller number; what is missed so
 * is found by the next round. */
static const struct top_proc *find_host(const struct procs *l, pid_t host_pid)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->items[i].host_pid == host_pid)
			return &l->items[i];
	return NULL;
}

static bool is_wanted(const struct procs *l, pid_t init, ino_t ns, pid_t pid)
{
	auto_free char *stat = NULL;
	struct top_proc p = { .host_pid = 0 };
	bool yes;

	if (pid == init)
		return true;
	if (ns && pid_namespace(pid) == ns)
		return true;
	if (read_proc(pid, "stat", &stat, NULL) < 0 || parse_stat(stat, &p) < 0)
		p.host_ppid = 0;
	yes = p.host_ppid > 0 && find_host(l, p.host_ppid);
	top_proc_done(&p);
	return yes;
}

/* One walk through /proc: how many were found that are new, or -errno. */
static int collect(struct procs *l, pid_t init, ino_t ns, size_t level)
{
	auto_dir DIR *d = opendir("/proc");
	struct dirent *de;
	int found = 0;

	if (!d)
		return -errno;
	while ((de = readdir(d))) {
		struct top_proc *grown, p = { .seccomp = -1 };
		uint64_t pid;
		int r;

		if (str_u64(de->d_name, INT32_MAX, &pid) < 0 || find_host(l, (pid_t)pid) ||
		    !is_wanted(l, init, ns, (pid_t)pid))
			continue;
		r = l->n < PROCS_MAX ? read_one((pid_t)pid, level, &p) : -E2BIG;
		grown = r == 0 ? reallocarray(l->items, l->n + 1, sizeof(*grown)) : NULL;
		if (!grown) {
			top_proc_done(&p);
			if (r == -ESRCH)
				continue;
			return r < 0 ? r : -ENOMEM;
		}
		l->items = grown;
		l->items[l->n++] = p;
		found++;
	}
	return found;
}

static int by_pid(const void *a, const void *b)
{
	const struct top_proc *x = a, *y = b;

	return x->pid < y->pid ? -1 : x->pid > y->pid;
}

static int read_map(pid_t pid, const char *name, struct idmap_range *r, uint32_t *n)
{
	auto_free char *text = NULL;
	char *save = NULL;
	int rc = read_proc(pid, name, &text, NULL);

	if (rc < 0)
		return rc;
	*n = 0;
	for (char *line = strtok_r(text, "\n", &save); line && *n < IDMAP_MAX;
	     line = strtok_r(NULL, "\n", &save))
		if (sscanf(line, "%u %u %u", &r[*n].container, &r[*n].host, &r[*n].count) == 3)
			(*n)++;
	return 0;
}

/* The container's own file, resolved inside of its root; NULL when there is none of a fitting size.
 */
static char *read_inside(int root, const char *path)
{
	auto_close int fd = path_open_in(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	char *text = NULL;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return NULL;
	return fd_read_file(fd, ACCOUNTS_MAX_BYTES, &text, NULL) < 0 ? NULL : text;
}

static int64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	(void)clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

static int read_context(struct ctr_engine *eng, const struct proc *init, struct top_context *x)
{
	char path[40];
	auto_close int root = FD_NONE;
	int r = read_map(init->pid, "uid_map", x->map.uid, &x->map.n_uid);

	if (r == 0)
		r = read_map(init->pid, "gid_map", x->map.gid, &x->map.n_gid);
	if (r < 0)
		return r;
	(void)snprintf(path, sizeof(path), "/proc/%d/root", (int)init->pid);
	root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root >= 0 &&
	    proc_poll(init, 0) == 0) { /* else the number may be another process's by now */
		x->passwd = read_inside(root, "etc/passwd");
		x->group = read_inside(root, "etc/group");
	}
	x->rootless = eng->rootless;
	x->now_ns = clock_ns(CLOCK_REALTIME);
	x->boot_ns = x->now_ns - clock_ns(CLOCK_BOOTTIME);
	return 0;
}

/* Parents outside of the container are nobody's there: 0. */
static void set_parents(struct procs *l)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct top_proc *parent = find_host(l, l->items[i].host_ppid);

		l->items[i].ppid = parent ? parent->pid : 0;
	}
}

static int make_rows(const struct procs *l, const struct top_context *x, const int *columns,
		     size_t n, struct ctr_top *ret)
{
	ret->rows = calloc(l->n + 1, sizeof(*ret->rows));
	if (!ret->rows)
		return -ENOMEM;
	for (size_t i = 0; i < l->n; i++) {
		ret->n++;
		for (size_t k = 0; k < n; k++)
			if (strv_add_take(&ret->rows[i], top_cell(columns[k], x, &l->items[i])) < 0)
				return -ENOMEM;
	}
	return 0;
}

int ctr_container_top(struct ctr_engine *eng, const char *id, const int *columns, size_t n_columns,
		      struct ctr_top *ret, struct err *e)
{
	auto_free struct top_context *x = calloc(1, sizeof(*x));
	struct procs l = { NULL, 0 };
	struct proc init = PROC_INIT;
	ino_t ns = 0;
	int r = x ? top_open_init(eng, id, &init, e) : err_sys(e, ENOMEM, "look at processes");

	if (r < 0)
		return r;
	r = read_context(eng, &init, x);
	if (r == 0) {
		ns = pid_namespace(init.pid);
		if (ns == pid_namespace(getpid()))
			ns = 0; /* the host's */
		do
			r = collect(&l, init.pid, ns, level_of(init.pid));
		while (r > 0);
	}
	if (r == 0) {
		set_parents(&l);
		if (l.n)
			qsort(l.items, l.n, sizeof(*l.items), by_pid);
		r = make_rows(&l, x, columns, n_columns, ret);
	}
	procs_done(&l);
	free(x->passwd);
	free(x->group);
	/* what was read after its end may have been another's */
	if (r == -ESRCH || (r == 0 && proc_poll(&init, 0) != 0))
		r = err_set(e, ERR_BUSY, "top can only be used on running containers");
	else if (r < 0)
		(void)err_sys(e, r, "look at the processes of container %.12s", id);
	proc_done(&init);
	if (r < 0)
		ctr_top_done(ret);
	return r;
}
