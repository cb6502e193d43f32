/* Changing a container that exists: its record, and what can be changed while it runs. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cgroup/cgroup-plan.h"
#include "container-priv.h"
#include "namespaces.h"
#include "ulimit.h"
#include "file.h"
#include "json.h"
#include "path.h"

#define RUNTIME_SAYS_MAX 4096

/* A file without a name that holds @text, from its beginning. */
static int text_file(const char *text, struct err *e)
{
	auto_close int fd = memfd_create("resources.json", MFD_CLOEXEC);
	int r = fd < 0 ? -errno : fd_write_all(fd, text, strlen(text));

	if (r == 0 && lseek(fd, 0, SEEK_SET) < 0)
		r = -errno;
	return r < 0 ? err_sys(e, r, "write the resources") : take_fd(&fd);
}

/* The runtime's own word on stderr: its last line. */
static int runtime_failed(int said_fd, const char *runtime, struct err *e)
{
	auto_free char *text = NULL, *shown = NULL;
	size_t len = 0;
	char *line;

	if (fd_read_file(said_fd, RUNTIME_SAYS_MAX, &text, &len) < 0)
		len = 0;
	while (len && text[len - 1] == '\n')
		text[--len] = '\0';
	line = len ? strrchr(text, '\n') : NULL;
	shown = str_printable(len ? (line ? line + 1 : text) : "it gave no reason");
	return err_set(e, ERR_OS, "%s update failed: %s", path_base(runtime), shown ? shown : "");
}

static int runtime_update(struct ctr_engine *eng, const struct ctr_request *req, struct proc *init,
			  int file_fd, struct err *e)
{
	auto_strv struct strv argv = STRV_INIT;
	auto_free char *runtime = NULL;
	auto_close int said = memfd_create("stderr", MFD_CLOEXEC);
	struct proc_fd fds[] = { { file_fd, STDIN_FILENO }, { said, STDERR_FILENO } };
	struct proc_spawn s = { .fds = fds, .n_fds = 2, .dir_fd = FD_NONE };
	struct ns_outer outer = NS_OUTER_INIT;
	struct proc p = PROC_INIT;
	int status = 0, r;
	bool ours;

	r = said < 0 ? err_sys(e, errno, "make a file") : runtime_path(req->runtime, &runtime, &ours, e);
	if (r < 0)
		return r;
	if (!ours && eng->rootless) {
		r = ns_outer_open(&outer, init, e);
		if (r < 0)
			return r;
		s.prepare = ns_outer_enter;
		s.prepare_arg = &outer;
	}
	r = strv_add(&argv, runtime);
	r = r < 0 ? r : strv_addf(&argv, "--root=%s/containers/%s/runtime", eng->store.run, req->id);
	r = r < 0 ? r : strv_add(&argv, "update");
	r = r < 0 ? r : strv_add(&argv, "--resources=-");
	r = r < 0 ? r : strv_add(&argv, req->id);
	if (r < 0)
		return err_sys(e, r, "start the runtime");
	s.path = runtime;
	s.argv = strv_argv(&argv);
	r = proc_spawn(&s, &p, e);
	ns_outer_done(&outer);
	if (r == 0)
		r = proc_wait(&p, &status) < 0 ? err_sys(e, errno, "wait for the runtime") : 0;
	proc_done(&p);
	if (r == 0 && status != 0)
		r = lseek(said, 0, SEEK_SET) < 0 ? err_sys(e, errno, "read what the runtime said")
						 : runtime_failed(said, runtime, e);
	return r;
}

/* Only what changes, and what stands in one file with it: the runtime leaves the rest as it is. */
static int changes_json(const struct spec_resources *all, const struct spec_resources *changes,
			json_t **ret, struct err *e)
{
	struct spec_resources r = *changes; /* borrows its texts */

	if (r.memory || r.memory_swap) {
		r.memory = all->memory;
		r.memory_swap = all->memory_swap;
	}
	if (r.cpu_quota_us || r.cpu_period_us) {
		r.cpu_quota_us = all->cpu_quota_us;
		r.cpu_period_us = all->cpu_period_us;
	}
	return spec_resources_json(&r, access("/proc/swaps", F_OK) == 0 ? SPEC_RESOURCES_SWAP : 0, ret, e);
}

static int update_running(struct ctr_engine *eng, const struct ctr_request *req,
			  const struct ctr_status *st, const struct spec_resources *changes,
			  struct err *e)
{
	struct spec_resource_need need;
	auto_free char *text = NULL;
	auto_json json_t *j = NULL;
	auto_close int file = FD_NONE;
	struct proc init = PROC_INIT;
	int r = container_cgroup(eng, req->id, NULL, e);

	if (r == -ENOENT && !spec_resources_needs(changes, &need, 1))
		return 0; /* there is no limit to lift */
	if (r == -ENOENT)
		return container_lacks_cgroup(eng, req->id, "update", e);
	if (r < 0)
		return r;
	(void)fd_close(r);
	r = changes_json(&req->limits, changes, &j, e);
	if (r < 0 || !j)
		return r;
	text = json_dumps(j, JSON_COMPACT);
	file = text ? text_file(text, e) : err_sys(e, ENOMEM, "write the resources");
	if (file < 0)
		return file;
	if (proc_open(st->pid, st->pid_start, &init) < 0)
		return err_set(e, ERR_BUSY, "container %.12s has just stopped: container state improper",
			       req->id);
	r = runtime_update(eng, req, &init, file, e);
	proc_done(&init);
	return r;
}

static int update_limits(struct ctr_engine *eng, struct ctr_request *req,
			 const struct ctr_status *st, const struct spec_resources *changes,
			 struct err *e)
{
	struct cgroup_plan plan = CGROUP_PLAN_INIT;
	int r = spec_resources_merge(&req->limits, changes, e);

	if (r == 0)
		r = spec_resources_check(&req->limits, e);
	/* Whether they can be had is seen when it starts. */
	if (r == 0 && st->state == CTR_RUNNING && !st->restarting) {
		r = cgroup_plan(eng, req, &plan, e);
		if (r == 0)
			r = cgroup_plan_prepare(&plan, changes, e);
		if (r == 0)
			r = update_running(eng, req, st, changes, e);
	}
	cgroup_plan_done(&plan);
	return r;
}

/* The record and, should it run, its monitor. */
static int update_restart(struct ctr_engine *eng, struct ctr_request *req, const char *text,
			  struct err *e)
{
	struct mon_policy p;
	char *policy;
	int r = ctr_restart_parse(text, &policy, &p.max, e);

	if (r < 0)
		return r;
	free(req->restart);
	req->restart = policy;
	req->restart_max = p.max;
	p.restart = restart_number(policy);
	if (req->rm && policy && p.restart != MON_RESTART_ON_FAILURE)
		return err_set(e, ERR_INVALID, "container %.12s is removed when it ends (--rm): it cannot "
			       "have a restart policy", req->id);
	return container_tell(eng, req->id, MON_POLICY, &p, sizeof(p), e);
}

static void env_unset(struct strv *env, const char *key)
{
	const size_t len = strlen(key);

	for (size_t i = 0; i < env->n; i++) {
		if (strncmp(env->items[i], key, len) != 0 || env->items[i][len] != '=')
			continue;
		free(env->items[i]);
		env->n--;
		memmove(&env->items[i], &env->items[i + 1], (env->n - i + 1) * sizeof(char *));
		return;
	}
}

static int update_env(struct ctr_request *req, const struct ctr_update *u)
{
	int r = 0;

	for (size_t i = 0; u->unsetenv && i < u->unsetenv->n; i++)
		env_unset(&req->env, u->unsetenv->items[i]);
	for (size_t i = 0; u->env && r == 0 && i < u->env->n; i++) {
		auto_free char *key = strdup(u->env->items[i]);
		char *eq = key ? strchr(key, '=') : NULL;

		if (!key)
			return -ENOMEM;
		if (eq)
			*eq = '\0';
		r = strv_env_set(&req->env, key, eq ? eq + 1 : "");
	}
	return r;
}

/* A later one of the same resource counts. */
static int update_ulimits(struct ctr_request *req, const struct ctr_update *u, struct err *e)
{
	for (size_t i = 0; u->ulimits && i < u->ulimits->n; i++) {
		const char *text = u->ulimits->items[i];
		struct spec_ulimits check = SPEC_ULIMITS_INIT;
		int r = spec_ulimits_add(&check, text, e);

		if (r < 0)
			return r;
		if (strv_add(&req->ulimits, text) < 0)
			return err_sys(e, ENOMEM, "update container %.12s", req->id);
	}
	return 0;
}

/* The record and, should it run, its monitor, which begins anew with what it has now. */
static int update_health(struct ctr_engine *eng, int dir_fd, struct ctr_request *req,
			 const struct ctr_healthcheck_options *o, struct err *e)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;
	auto_strv struct strv command = STRV_INIT;
	int r = ctr_healthcheck_apply(&req->health, o, e);

	if (r == 0)
		r = health_command(eng, req, &command, e);
	if (r == 0) /* what is run reads it */
		r = request_replace(dir_fd, req, e);
	for (size_t i = 0; i < command.n; i++)
		strbuf_addn(&b, command.items[i], strlen(command.items[i]) + 1);
	if (r == 0 && b.failed)
		r = err_sys(e, ENOMEM, "update container %.12s", req->id);
	return r < 0 ? r : container_tell(eng, req->id, MON_HEALTH, b.data, b.len, e);
}

static int update_locked(struct ctr_engine *eng, int dir_fd, struct ctr_request *req,
			 const struct ctr_update *u, struct err *e)
{
	struct ctr_status st;
	int r = ctr_container_status(eng, req->id, &st, e);

	/* What can be refused comes before what changes a running container. */
	if (r == 0 && update_env(req, u) < 0)
		r = err_sys(e, ENOMEM, "update container %.12s", req->id);
	if (r == 0)
		r = update_ulimits(req, u, e);
	if (r == 0 && u->limits)
		r = update_limits(eng, req, &st, u->limits, e);
	if (r == 0 && u->restart)
		r = update_restart(eng, req, u->restart, e);
	if (r == 0 && u->health)
		r = update_health(eng, dir_fd, req, u->health, e);
	return r < 0 ? r : request_replace(dir_fd, req, e);
}

int ctr_container_update(struct ctr_engine *eng, const char *id, const struct ctr_update *u,
			 struct err *e)
{
	auto_close int dir = container_dir(eng, id, e);
	struct ctr_request req = CTR_REQUEST_INIT;
	int r;

	if (dir < 0)
		return dir;
	/* Neither two updates at once, nor one beside a start. */
	r = file_lock(dir, true, true);
	if (r < 0)
		return err_sys(e, r, "lock container %.12s", id);
	r = ctr_container_settle(eng, id, e);
	if (r == 0)
		r = ctr_container_load(eng, id, &req, e);
	if (r == 0)
		r = update_locked(eng, dir, &req, u, e);
	ctr_request_done(&req);
	return r;
}
