/* The commands start, state, kill, delete and list: what needs only the state directory. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cgroup.h"
#include "cgroup-place.h"
#include "fd.h"
#include "found.h"
#include "hooks.h"
#include "json.h"
#include "path.h"
#include "report.h"
#include "runtime.h"
#include "start-fifo.h"
#include "state.h"

static int run_stored_hooks(const struct found *f, enum hook_kind kind, const char *status,
			    struct err *e)
{
	struct oci_hooks hooks = { 0 };
	auto_free char *text = NULL;
	int r;

	if (!f->state.hooks)
		return 0;
	r = oci_hooks_read(f->state.hooks, &hooks, e);
	text = state_json(f->state.id, status, f->status == STATUS_STOPPED ? 0 : f->state.pid,
			  f->state.bundle, f->state.annotations);
	if (r == 0)
		r = text ? hooks_run(&hooks, kind, text, e) : err_sys(e, ENOMEM, "run hooks");
	oci_hooks_done(&hooks);
	return r;
}

int cmd_start(struct args *a, struct err *e)
{
	auto_found struct found f = FOUND_INIT;
	struct err hook = ERR_INIT;
	int r = no_more_args(a, 1, e);

	if (r == 0)
		r = found_open(a, &f, e);
	if (r < 0)
		return r;
	if (f.status != STATUS_CREATED)
		return err_set(e, ERR_BUSY, "cannot start container \"%s\": it is %s", a->argv[0],
			       container_status_str(f.status));
	r = start_fifo_go(f.dir_fd, &f.init, e);
	if (r < 0)
		return r;
	/* The runtime-spec: a failing poststart hook is a warning. */
	if (run_stored_hooks(&f, HOOK_POSTSTART, "running", &hook) < 0)
		report_warning(&hook);
	return 0;
}

int cmd_state(struct args *a, struct err *e)
{
	auto_found struct found f = FOUND_INIT;
	auto_free char *text = NULL;
	int r = no_more_args(a, 1, e);

	if (r == 0)
		r = found_open(a, &f, e);
	if (r < 0)
		return r;
	text = state_json(f.state.id, container_status_str(f.status),
			  f.status == STATUS_STOPPED ? 0 : f.state.pid, f.state.bundle,
			  f.state.annotations);
	if (!text)
		return err_sys(e, ENOMEM, "print the state");
	(void)printf("%s\n", text);
	return 0;
}

static int signal_one(const struct proc *p, void *arg)
{
	(void)proc_signal(p, *(int *)arg); /* it may just have ended */
	return 0;
}

/* By its cgroup none escapes; without one, and after the first process, nobody is left. */
static int kill_all(const struct found *f, int sig, struct err *e)
{
	auto_place struct place p = PLACE_INIT;
	int r;

	if (!f->state.cgroup_path)
		return f->init.pidfd < 0
			       ? 0
			       : found_each_process(f, "kill --all", signal_one, &sig, e);
	r = place_open(&p, &f->state, "kill --all", e);
	if (r == -ENOENT && f->init.pidfd < 0)
		return 0;
	if (r < 0)
		return r;
	r = sig == SIGKILL ? cgroup_kill(p.fd) : cgroup_signal(p.fd, sig);
	return r < 0 ? err_sys(e, r, "send signal %d to cgroup %s", sig, p.path) : 0;
}

int cmd_kill(struct args *a, struct err *e)
{
	auto_found struct found f = FOUND_INIT;
	int sig = SIGTERM, r = no_more_args(a, 2, e);

	if (r == 0 && a->argc == 2) {
		sig = sig_parse(a->argv[1]);
		if (sig < 0)
			return err_set(e, ERR_INVALID, "\"%s\" is not a signal", a->argv[1]);
	}
	if (r == 0)
		r = found_open(a, &f, e);
	if (r < 0)
		return r;
	if (a->all)
		return kill_all(&f, sig, e);
	if (f.init.pidfd < 0)
		return err_set(e, ERR_BUSY, "container \"%s\" is not running", a->argv[0]);
	r = proc_signal(&f.init, sig);
	if (r == -ESRCH)
		return err_set(e, ERR_BUSY, "container \"%s\" is not running", a->argv[0]);
	return r < 0 ? err_sys(e, r, "send signal %d to container \"%s\"", sig, a->argv[0]) : 0;
}

int cmd_delete(struct args *a, struct err *e)
{
	auto_found struct found f = FOUND_INIT;
	struct err hook = ERR_INIT;
	int r = no_more_args(a, 1, e);

	if (r == 0)
		r = found_open(a, &f, e);
	if (r == -ENOENT && a->force && f.dir_fd >= 0)
		return state_dir_remove(f.root_fd, a->argv[0], e); /* its maker died early */
	if (r == -ENOENT && a->force && a->argc == 1)
		return 0;
	if (r < 0)
		return r;
	if (f.init.pidfd >= 0) {
		/* One that was never started has nothing to lose. */
		if (!a->force && f.status != STATUS_CREATED)
			return err_set(e, ERR_BUSY,
				       "cannot delete container \"%s\": it is %s; stop it or use "
				       "--force",
				       a->argv[0], container_status_str(f.status));
		(void)proc_signal(&f.init, SIGKILL); /* it may just have ended */
		if (proc_poll(&f.init, 10000) != 1)
			return err_set(e, ERR_BUSY, "container \"%s\" does not die", a->argv[0]);
	}
	r = place_remove(&f.state, e);
	if (r == 0)
		r = state_dir_remove(f.root_fd, a->argv[0], e);
	if (r < 0)
		return r;
	f.status = STATUS_STOPPED;
	if (run_stored_hooks(&f, HOOK_POSTSTOP, "stopped", &hook) < 0)
		report_warning(&hook);
	return 0;
}

static int list_one(struct args *a, int root_fd, const char *id, json_t *arr, struct err *e)
{
	auto_close int dir = state_dir_open(root_fd, id, e);
	auto_state struct state s = { 0 };
	const char *status;
	json_t *obj;

	/* What vanishes or is half made meanwhile is not listed. */
	if (dir < 0 || state_read(dir, &s, e) < 0)
		return 0;
	status = container_status_str(state_status(dir, &s, NULL));
	if (a->quiet) {
		(void)printf("%s\n", s.id);
	} else if (arr) {
		obj = json_pack("{s:s, s:s, s:I, s:s, s:s, s:s, s:s, s:i}", "ociVersion",
				OCI_VERSION, "id", s.id, "pid",
				(json_int_t)(streq(status, "stopped") ? 0 : s.pid), "status",
				status, "bundle", s.bundle, "rootfs", s.rootfs, "created",
				s.created, "uid", (int)s.uid);
		if (!obj || json_array_append_new(arr, obj) < 0)
			return err_sys(e, ENOMEM, "list containers");
	} else {
		(void)printf("%-20s %-8llu %-10s %-40s %-32s %u\n", s.id,
			     (unsigned long long)(streq(status, "stopped") ? 0 : s.pid), status,
			     s.bundle, s.created, s.uid);
	}
	return 0;
}

int cmd_list(struct args *a, struct err *e)
{
	bool json = a->format && streq(a->format, "json");
	auto_json json_t *arr = json ? json_array() : NULL;
	auto_free char *text = NULL;
	auto_dir DIR *d = NULL;
	struct err ignored;
	struct dirent *de;
	int root = state_root_open(a->root, false, &ignored), r = no_more_args(a, 0, e);

	if (r < 0)
		return r;
	if (a->format && !json && !streq(a->format, "table"))
		return err_set(e, ERR_INVALID, "--format: \"%s\" is not table or json", a->format);
	if (root < 0 && root != -ENOENT) {
		*e = ignored;
		return root;
	}
	if (!json && !a->quiet)
		(void)printf("%-20s %-8s %-10s %-40s %-32s %s\n", "ID", "PID", "STATUS", "BUNDLE",
			     "CREATED", "OWNER");
	d = root < 0 ? NULL : fdopendir(root);
	while (d && r == 0 && (de = readdir(d)))
		if (state_check_id(de->d_name, &ignored) == 0)
			r = list_one(a, dirfd(d), de->d_name, arr, e);
	if (r < 0 || !json)
		return r;
	text = json_dumps(arr, JSON_INDENT(2));
	if (!text)
		return err_sys(e, ENOMEM, "list containers");
	(void)printf("%s\n", text);
	return 0;
}
