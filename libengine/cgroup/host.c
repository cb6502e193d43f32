/* Which cgroup manager works on this host: looked for by what it needs, see ctrlite/cgroup.h. */
#include "ctrlite/cgroup.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cgroup-plan.h"
#include "cgroup.h"
#include "ctrlite/default-dirs.h"
#include "fd.h"
#include "path.h"

static const char *const manager_words[] = {
	[CTR_CGROUP_DISABLED] = "disabled",
	[CTR_CGROUP_CGROUPFS] = "cgroupfs",
	[CTR_CGROUP_SYSTEMD] = "systemd",
};
#define N_MANAGERS (sizeof(manager_words) / sizeof(manager_words[0]))
static_assert(N_MANAGERS == CTR_CGROUP_SYSTEMD + 1, "a word for every manager");

const char *ctr_cgroup_manager_str(enum ctr_cgroup_manager m)
{
	return manager_words[m];
}

int ctr_cgroup_manager_parse(const char *name, enum ctr_cgroup_manager *ret, struct err *e)
{
	auto_free char *shown = NULL;

	for (size_t i = 0; i < N_MANAGERS; i++)
		if (streq(manager_words[i], name)) {
			*ret = (enum ctr_cgroup_manager)i;
			return 0;
		}
	shown = str_quote(name);
	return err_set(e, ERR_INVALID, "--cgroup-manager %s: choose from systemd, cgroupfs, disabled",
		       shown ? shown : "");
}

void ctr_cgroup_host_done(struct ctr_cgroup_host *h)
{
	free(h->base);
	free(h->why);
	strv_done(&h->controllers);
	strv_done(&h->env);
	*h = (struct ctr_cgroup_host)CTR_CGROUP_HOST_INIT;
}

static int nomem(struct err *e)
{
	return err_sys(e, ENOMEM, "look for a cgroup manager");
}

static int set_controllers(struct ctr_cgroup_host *h, int cgroup_fd)
{
	auto_free char *text = NULL;
	int r = cgroup_read(cgroup_fd, "cgroup.controllers", &text);

	if (r < 0 || !text[0])
		return r;
	return strv_split(&h->controllers, text, ' ');
}

/* May we make cgroups in it and give controllers to them? */
static bool is_delegated(int cgroup_fd)
{
	return faccessat(cgroup_fd, ".", W_OK, AT_EACCESS) == 0 &&
	       faccessat(cgroup_fd, "cgroup.procs", W_OK, AT_EACCESS) == 0 &&
	       faccessat(cgroup_fd, "cgroup.subtree_control", W_OK, AT_EACCESS) == 0;
}

static int try_connect(const char *path)
{
	auto_close int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	if (sock < 0)
		return -errno;
	if (strlen(path) >= sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	memcpy(sa.sun_path, path, strlen(path) + 1);
	/* a full queue is one that somebody serves */
	return connect(sock, (const struct sockaddr *)&sa, sizeof(sa)) < 0 && errno != EAGAIN ? -errno
											      : 0;
}

/*
 * The user's manager: our own runtime asks it by its private socket, others on the session bus.
 * Either is looked for without a login session too (su, cron), and then the runtime is told.
 */
static int find_user_manager(struct ctr_cgroup_host *h, bool our_runtime, char **ret_where)
{
	const char *address = getenv("DBUS_SESSION_BUS_ADDRESS");
	const char *path = address ? str_after(address, "unix:path=") : NULL;
	auto_free char *private = NULL, *bus = NULL;
	char dir[PATH_MAX];
	bool has_bus;

	(void)ctr_user_run_dir(dir); /* where it is not there, nothing answers */
	private = path_join(dir, "systemd/private");
	bus = path ? strndup(path, strcspn(path, ",;")) : path_join(dir, "bus");
	if (path && bus && try_connect(bus) < 0) {
		free(bus); /* left by su or sudo, or by a session that has ended */
		bus = path_join(dir, "bus");
	}
	if (!private || !bus || strv_addf(&h->env, "XDG_RUNTIME_DIR=%s", dir) < 0)
		return -ENOMEM;
	has_bus = try_connect(bus) == 0;
	if (has_bus && strv_addf(&h->env, "DBUS_SESSION_BUS_ADDRESS=unix:path=%s", bus) < 0)
		return -ENOMEM;
	if (has_bus || (our_runtime && try_connect(private) == 0))
		return 1;
	*ret_where = take_ptr(&bus);
	return 0;
}

/* The cgroup of the user's service manager: above us, or where systemd puts it. */
static char *user_manager(const char *own)
{
	unsigned int uid = geteuid();
	auto_free char *name = str_printf("/user@%u.service", uid);
	const char *at = name && own ? strstr(own, name) : NULL;

	if (at && (at[strlen(name)] == '/' || !at[strlen(name)]))
		return strndup(own, (size_t)(at - own) + strlen(name));
	return str_printf("/user.slice/user-%u.slice/user@%u.service", uid, uid);
}

static int why(char **ret, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static int why(char **ret, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(ret, fmt, ap);
	va_end(ap);
	if (n >= 0)
		return 0;
	*ret = NULL;
	return -ENOMEM;
}

/* 1 when systemd makes scopes for us; 0 with *@ret_why. */
static int try_systemd(struct ctr_cgroup_host *h, const struct ctr_engine *eng, int mount_fd,
		       const char *own, char **ret_why)
{
	bool our_runtime = !eng->runtime || streq(path_base(eng->runtime), "ctr-lite-runtime");
	auto_free char *manager = eng->rootless ? user_manager(own) : strdup("/"), *where = NULL;
	auto_close int fd = FD_NONE;
	int r = 1;

	if (!manager)
		return -ENOMEM;
	if (access("/run/systemd/system", F_OK) < 0)
		return why(ret_why, "systemd does not run here");
	if (eng->rootless)
		r = find_user_manager(h, our_runtime, &where);
	if (r < 0)
		return r;
	if (r == 0)
		return why(ret_why, "the user's systemd cannot be reached at %s (start it with: loginctl "
			   "enable-linger%s)", where,
			   our_runtime ? "" : "; other runtimes than ours need the package "
					      "dbus-user-session too");
	fd = cgroup_open(mount_fd, manager);
	if (fd < 0 || !is_delegated(fd))
		return why(ret_why, "systemd has no cgroup %s that this user may use", manager);
	h->base = take_ptr(&manager);
	r = set_controllers(h, fd);
	return r < 0 ? r : 1;
}

/* The nearest of @own and those above it that is ours.  Processes that we moved out of the way once
 * sit in a leaf: the cgroup that was meant is above it. */
static int delegated_cgroup(int mount_fd, const char *own, char **ret, int *ret_fd)
{
	auto_free char *path = strdup(own);

	if (!path)
		return -ENOMEM;
	if (streq(path_base(path), CGROUP_LEAF))
		path[strlen(path) - strlen(CGROUP_LEAF) - 1] = '\0';
	for (;;) {
		auto_close int fd = cgroup_open(mount_fd, path);
		char *slash;

		if (fd >= 0 && is_delegated(fd)) {
			*ret = path[0] ? take_ptr(&path) : strdup("/");
			*ret_fd = take_fd(&fd);
			return *ret ? 1 : -ENOMEM;
		}
		slash = strrchr(path, '/');
		if (!slash)
			return 0;
		*slash = '\0';
	}
}

/* 1 when we make cgroups ourselves; 0 with *@ret_why. */
static int try_cgroupfs(struct ctr_cgroup_host *h, int mount_fd, bool rootless, const char *own,
			char **ret_why)
{
	auto_close int fd = FD_NONE;
	int r = 0;

	/* root's containers are nobody's part: they stay when its session ends */
	if (!rootless)
		r = delegated_cgroup(mount_fd, "/", &h->base, &fd);
	else if (own)
		r = delegated_cgroup(mount_fd, own, &h->base, &fd);
	if (r > 0)
		r = set_controllers(h, fd) < 0 ? -ENOMEM : 1;
	if (r != 0)
		return r;
	if (!rootless)
		return why(ret_why, CGROUP_MOUNT " is not writable: start the container around us with a "
			   "writable one (--privileged)");
	if (!own)
		return why(ret_why, "our own cgroup is outside of what " CGROUP_MOUNT " shows");
	return why(ret_why, "the cgroup %s is not delegated to this user: start the command in a unit "
		   "with Delegate=yes (systemd-run --user -p Delegate=yes ...), or let the container "
		   "around us delegate its own", own);
}

static int no_cgroup2(struct ctr_cgroup_host *h)
{
	bool v1 = access(CGROUP_MOUNT "/unified", F_OK) == 0 || access(CGROUP_MOUNT "/memory", F_OK) == 0 ||
		  access(CGROUP_MOUNT "/systemd", F_OK) == 0;

	if (!v1)
		return why(&h->why, "no cgroup2 file system is mounted on " CGROUP_MOUNT);
	return why(&h->why, "this host uses cgroup version 1, in which nothing can be delegated to a "
		   "container: boot it with the kernel parameter systemd.unified_cgroup_hierarchy=1");
}

/* The first that works of those that may be. */
static int probe(struct ctr_cgroup_host *h, const struct ctr_engine *eng, bool systemd, bool cgroupfs)
{
	auto_close int mount_fd = cgroup_open_mount();
	auto_free char *own = NULL, *why_systemd = NULL, *why_cgroupfs = NULL;
	int r = 0;

	h->v2 = mount_fd >= 0;
	if (!h->v2)
		return no_cgroup2(h);
	if (cgroup_of_pid(0, &own) == -ENOMEM)
		return -ENOMEM;
	if (systemd)
		r = try_systemd(h, eng, mount_fd, own, &why_systemd);
	if (r > 0)
		h->manager = CTR_CGROUP_SYSTEMD;
	else
		strv_done(&h->env);
	if (r == 0 && cgroupfs) {
		r = try_cgroupfs(h, mount_fd, eng->rootless, own, &why_cgroupfs);
		if (r > 0)
			h->manager = CTR_CGROUP_CGROUPFS;
	}
	if (r != 0)
		return r < 0 ? r : 0;
	return why(&h->why, "%s%s%s", why_systemd ? why_systemd : "",
			    why_systemd && why_cgroupfs ? "; " : "", why_cgroupfs ? why_cgroupfs : "");
}

int ctr_engine_cgroups(struct ctr_engine *eng, const struct ctr_cgroup_host **ret, struct err *e)
{
	enum ctr_cgroup_manager choice = CTR_CGROUP_DISABLED;
	bool chosen = eng->cgroup_manager != NULL;
	struct ctr_cgroup_host *h;
	int r = 0;

	*ret = eng->cgroups;
	if (eng->cgroups)
		return 0;
	if (chosen && (r = ctr_cgroup_manager_parse(eng->cgroup_manager, &choice, e)) < 0)
		return r;
	h = calloc(1, sizeof(*h));
	if (!h)
		return nomem(e);
	eng->cgroups = h;
	r = probe(h, eng, !chosen || choice == CTR_CGROUP_SYSTEMD,
		  !chosen || choice == CTR_CGROUP_CGROUPFS);
	if (r < 0)
		return nomem(e);
	if (chosen && choice == CTR_CGROUP_DISABLED) {
		free(h->why);
		h->why = strdup("--cgroup-manager=disabled was given");
	} else if (chosen && h->manager != choice) {
		return err_set(e, ERR_UNSUPPORTED, "--cgroup-manager=%s: %s", manager_words[choice],
			       h->why);
	}
	*ret = h;
	return h->manager == CTR_CGROUP_DISABLED && !h->why ? nomem(e) : 0;
}
