/* The cgroup of one container, see cgroup-plan.h. */
#include "cgroup-plan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "cgroup.h"
#include "fd.h"
#include "path.h"

#define MOVE_ROUNDS 500
#define MOVE_ROUNDS_AT_ONCE 5 /* then a millisecond between them */

void cgroup_plan_done(struct cgroup_plan *p)
{
	free(p->base);
	free(p->dir);
	free(p->path);
	*p = (struct cgroup_plan)CGROUP_PLAN_INIT;
}

static int nomem(struct err *e)
{
	return err_sys(e, ENOMEM, "plan the container's cgroup");
}

static bool is_mode(const struct ctr_request *r, const char *mode)
{
	return r->cgroups_mode && streq(r->cgroups_mode, mode);
}

/* A manager is there, but @controller is not among what it can give. */
static int lacks_controller(const struct ctr_cgroup_host *h, const char *option, const char *controller,
			    struct err *e)
{
	if (h->manager == CTR_CGROUP_SYSTEMD && !streq(h->base, "/"))
		return err_set(e, ERR_UNSUPPORTED, "--%s: the cgroup controller %s is not delegated to "
			       "this user; put \"[Service]\" and \"Delegate=cpu cpuset io memory pids\" "
			       "on two lines into /etc/systemd/system/user@.service.d/delegate.conf, run "
			       "systemctl daemon-reload, and log in again", option, controller);
	if (streq(h->base, "/"))
		return err_set(e, ERR_UNSUPPORTED, "--%s: the kernel does not offer the cgroup "
			       "controller %s; look at /proc/cgroups, and at cgroup_disable= and "
			       "cgroup_enable= of the kernel's command line", option, controller);
	return err_set(e, ERR_UNSUPPORTED, "--%s: the cgroup controller %s is not available in %s; "
		       "whoever delegates that has to delegate the controller too (systemd: "
		       "Delegate=yes)", option, controller, h->base);
}

int cgroup_check_limits(const struct ctr_cgroup_host *h, const struct spec_resources *limits,
			struct err *e)
{
	struct spec_resource_need needs[SPEC_RESOURCE_NEEDS_MAX];
	size_t n = spec_resources_needs(limits, needs, SPEC_RESOURCE_NEEDS_MAX);

	for (size_t i = 0; i < n; i++) {
		const char *c = needs[i].controller;

		if (h->manager == CTR_CGROUP_DISABLED)
			return err_set(e, ERR_UNSUPPORTED, "--%s needs %s%s of a cgroup, which containers "
				       "cannot have here: %s", needs[i].option,
				       c ? "the controller " : "files", c ? c : "", h->why);
		if (c && !strv_has(&h->controllers, c))
			return lacks_controller(h, needs[i].option, c, e);
	}
	return 0;
}

/* --cgroup-parent: a path; what is not absolute is below the base. */
static int use_parent(struct cgroup_plan *p, const char *parent, struct err *e)
{
	auto_free char *joined = parent[0] == '/' ? strdup(parent) : path_join(p->base, parent);
	auto_free char *clean = joined ? path_clean_abs(joined) : NULL;

	if (!clean)
		return nomem(e);
	if (str_ends(clean, ".slice"))
		return err_set(e, ERR_INVALID, "systemd slice received as cgroup parent when using "
			       "cgroupfs: invalid argument");
	free(p->base);
	p->base = take_ptr(&clean);
	return 0;
}

/* --cgroups=split: beside the processes of the cgroup that we are in, whatever else there is. */
static int use_own(struct cgroup_plan *p, struct err *e)
{
	auto_close int mount_fd = cgroup_open_mount();
	auto_free char *own = NULL;
	auto_close int fd = FD_NONE;
	size_t len;
	int r = mount_fd < 0 ? mount_fd : cgroup_of_pid(0, &own);

	if (r < 0)
		return err_set(e, ERR_UNSUPPORTED, "--cgroups=split: there is no cgroup to split: %s",
			       p->host->why ? p->host->why : strerror(-r));
	len = strlen(own);
	if (streq(path_base(own), CGROUP_LEAF))
		own[len > sizeof(CGROUP_LEAF) ? len - sizeof(CGROUP_LEAF) : 1] = '\0';
	fd = cgroup_open(mount_fd, own);
	if (fd < 0 || faccessat(fd, "cgroup.subtree_control", W_OK, AT_EACCESS) < 0)
		return err_set(e, ERR_UNSUPPORTED, "--cgroups=split: the cgroup %s that this command "
			       "runs in is not delegated to this user; start it in a unit with "
			       "Delegate=yes", own);
	free(p->base);
	p->base = take_ptr(&own);
	p->manager = CTR_CGROUP_CGROUPFS;
	return 0;
}

static int plan_path(struct cgroup_plan *p, const struct ctr_request *r, struct err *e)
{
	const char *slice = r->cgroup_parent, *id = r->id ? r->id : ""; /* not yet made: only checked */

	if (p->manager == CTR_CGROUP_SYSTEMD) {
		if (slice && !str_ends(slice, ".slice"))
			return err_set(e, ERR_INVALID, "did not receive systemd slice as cgroup parent "
				       "when using systemd to manage cgroups: invalid argument");
		if (!slice)
			slice = streq(p->host->base, "/") ? "machine.slice" : "user.slice";
		p->path = str_printf("%s:ctr-lite:%s", path_base(slice), id);
		return p->path ? 0 : nomem(e);
	}
	p->dir = str_printf("%s/ctr-lite-%s", streq(p->base, "/") ? "" : p->base, id);
	p->path = p->dir ? strdup(p->dir) : NULL;
	return p->path ? 0 : nomem(e);
}

static int plan_none(const struct ctr_request *r, struct err *e)
{
	static const struct ctr_cgroup_host none = {
		.manager = CTR_CGROUP_DISABLED, .why = (char *)(uintptr_t)"--cgroups=disabled was given",
	};

	return cgroup_check_limits(&none, &r->limits, e);
}

static int make_plan(struct cgroup_plan *p, const struct ctr_request *r, struct err *e)
{
	const struct ctr_cgroup_host *h = p->host;
	int rc;

	if (r->cgroup_parent && h->manager == CTR_CGROUP_DISABLED)
		return err_set(e, ERR_UNSUPPORTED, "--cgroup-parent %s: containers cannot have a cgroup "
			       "here: %s", r->cgroup_parent, h->why);
	if (is_mode(r, "split") && (rc = use_own(p, e)) < 0)
		return rc;
	rc = cgroup_check_limits(h, &r->limits, e);
	if (rc < 0 || p->manager == CTR_CGROUP_DISABLED)
		return rc;
	if (!p->base && !(p->base = strdup(h->base)))
		return nomem(e);
	if (p->manager == CTR_CGROUP_CGROUPFS && r->cgroup_parent &&
	    (rc = use_parent(p, r->cgroup_parent, e)) < 0)
		return rc;
	p->pids = r->limits.pids;
	if (!p->pids && strv_has(&h->controllers, "pids"))
		p->pids = CGROUP_PIDS_DEFAULT;
	p->swap = r->limits.memory && access("/proc/swaps", F_OK) == 0;
	return plan_path(p, r, e);
}

int cgroup_plan(struct ctr_engine *eng, const struct ctr_request *r, struct cgroup_plan *ret,
		struct err *e)
{
	struct cgroup_plan p = CGROUP_PLAN_INIT;
	int rc = ctr_engine_cgroups(eng, &p.host, e);

	if (rc == 0 && is_mode(r, "disabled")) {
		rc = plan_none(r, e);
	} else if (rc == 0) {
		p.manager = p.host->manager;
		rc = make_plan(&p, r, e);
	}
	if (rc < 0)
		cgroup_plan_done(&p);
	else
		*ret = p;
	return rc;
}

/*
 * All processes of @path go to a leaf in it, before it gives controllers away: memory and io are
 * refused where there are some, and cpu and pids would make it a threaded domain, which can have no
 * container below it.  The root of the hierarchy may have both.  New ones may be born meanwhile.
 */
static int empty_cgroup(int mount_fd, const char *path)
{
	auto_free char *leaf_path = path_join(path, CGROUP_LEAF);
	auto_close int fd = cgroup_open(mount_fd, path), leaf = FD_NONE;

	if (fd < 0 || !leaf_path)
		return fd < 0 ? fd : -ENOMEM;
	if (faccessat(fd, "cgroup.type", F_OK, 0) < 0)
		return 0;
	for (int round = 0; round < MOVE_ROUNDS; round++) {
		static const struct timespec a_moment = { .tv_nsec = 1000000 };
		auto_free pid_t *pids = NULL;
		size_t n = 0;
		int r = cgroup_procs(fd, false, &pids, &n);

		if (r < 0 || n == 0)
			return r;
		if (leaf < 0 && (leaf = cgroup_make(mount_fd, leaf_path, NULL)) < 0)
			return leaf;
		for (size_t i = 0; i < n; i++) {
			/* one that we do not see is one that we cannot move */
			r = pids[i] > 0 ? cgroup_add(leaf, pids[i]) : -EBUSY;
			if (r < 0 && r != -ESRCH)
				return r;
		}
		/* One that is exiting is listed until it is gone, and a move of it does nothing. */
		if (round >= MOVE_ROUNDS_AT_ONCE)
			(void)nanosleep(&a_moment, NULL);
	}
	return -EBUSY;
}

int cgroup_plan_prepare(struct cgroup_plan *p, const struct spec_resources *limits, struct err *e)
{
	/* These two also without a limit: for the default one, and for what `stats` reads. */
	static const char *const always[] = { "memory", "pids" };
	struct spec_resource_need needs[SPEC_RESOURCE_NEEDS_MAX];
	size_t n = spec_resources_needs(limits, needs, SPEC_RESOURCE_NEEDS_MAX);
	auto_close int mount_fd = FD_NONE, base_fd = FD_NONE;
	int r;

	if (p->manager != CTR_CGROUP_CGROUPFS)
		return 0;
	mount_fd = cgroup_open_mount();
	base_fd = mount_fd < 0 ? mount_fd : cgroup_make(mount_fd, p->base, NULL);
	if (base_fd < 0)
		return err_sys(e, base_fd, "make the cgroup %s", p->base);
	if (!p->host->controllers.n)
		return 0;
	r = empty_cgroup(mount_fd, p->base);
	if (r == 0 && p->host->manager == CTR_CGROUP_CGROUPFS && !streq(p->host->base, p->base))
		r = empty_cgroup(mount_fd, p->host->base);
	if (r < 0)
		return err_sys(e, r, "move the processes of the cgroup %s into %s below it", p->base,
			       CGROUP_LEAF);
	for (size_t i = 0; i < n; i++) {
		auto_free char *where = NULL;

		r = needs[i].controller
			    ? cgroup_enable(mount_fd, p->dir, needs[i].controller, &where)
			    : 0;
		if (r < 0)
			return err_sys(e, r, "--%s: enable the cgroup controller %s in %s",
				       needs[i].option, needs[i].controller, where ? where : p->base);
	}
	for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++) {
		auto_free char *where = NULL;

		if (strv_has(&p->host->controllers, always[i]) &&
		    cgroup_enable(mount_fd, p->dir, always[i], &where) < 0 &&
		    streq(always[i], "pids") && !limits->pids)
			p->pids = 0; /* nobody asked for it: then there is no limit */
	}
	return 0;
}
