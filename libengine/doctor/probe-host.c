/* What is installed and set up around the kernel: programs, directories, services, settings. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "ctrlite/cgroup.h"
#include "ctrlite/default-dirs.h"
#include "ctrlite/helper-path.h"
#include "doctor-priv.h"
#include "fd.h"
#include "file.h"
#include "path.h"
#include "policy.h"
#include "registries-conf.h"
#include "str.h"

void probe_helpers(struct doctor *d, struct ctr_finding *f)
{
	static const char *const names[] = { "ctr-lite-monitor", "ctr-lite-runtime", "ctr-lite-transfer" };
	auto_strbuf struct strbuf dirs = STRBUF_INIT;
	struct err e = ERR_INIT;

	(void)d;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		auto_free char *path = NULL;

		if (ctr_helper_path(names[i], &path, &e) < 0) {
			doctor_found(f, CTR_HEALTH_REQUIRED, "%s", e.text);
			doctor_fix(f, "meson install -C build");
			return;
		}
		if (i == 0)
			strbuf_addn(&dirs, path, (size_t)(path_base(path) - path));
	}
	doctor_found(f, CTR_HEALTH_OK, "in %s", dirs.data ? dirs.data : "");
}

void probe_runtimes(struct doctor *d, struct ctr_finding *f)
{
	auto_free char *crun = path_find_program("crun"), *runc = path_find_program("runc");

	(void)d;
	doctor_found(f, CTR_HEALTH_OK, "%s%s%s (ours needs none of them)",
		     crun ? crun : runc ? runc : "none", crun && runc ? ", " : "",
		     crun && runc ? runc : "");
}

void probe_network(struct doctor *d, struct ctr_finding *f)
{
	auto_free char *pasta = path_find_helper("pasta"), *slirp = path_find_helper("slirp4netns");

	if (pasta) {
		doctor_found(f, CTR_HEALTH_OK, "%s", pasta);
		return;
	}
	doctor_found(f, CTR_HEALTH_OPTIONAL, slirp ? "%s: works, pasta is faster"
						   : "%s: only --network=none and host work",
		     slirp ? slirp : "neither pasta nor slirp4netns");
	doctor_install(d, f, "passt");
}

void probe_tun(struct doctor *d, struct ctr_finding *f)
{
	auto_close int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	if (fd >= 0) {
		doctor_found(f, CTR_HEALTH_OK, "yes");
		return;
	}
	doctor_found(f, CTR_HEALTH_OPTIONAL, "cannot be opened (%s): network helpers do not work, only "
		     "--network=none and host do", strerror(errno));
	if (errno == ENOENT || errno == ENODEV || errno == ENXIO)
		doctor_fix(f, "%smodprobe tun; inside of a container: start that with --device /dev/net/tun",
			   d->sudo);
	else
		doctor_fix(f, "%schmod 666 /dev/net/tun", d->sudo);
}

void probe_init(struct doctor *d, struct ctr_finding *f)
{
	static const char *const places[] = { "catatonit", "/usr/libexec/podman/catatonit",
					      "/usr/lib/podman/catatonit" };
	auto_free char *path = NULL;

	for (size_t i = 0; !path && i < sizeof(places) / sizeof(places[0]); i++)
		path = path_find_program(places[i]);
	if (path) {
		doctor_found(f, CTR_HEALTH_OK, "%s", path);
		return;
	}
	doctor_found(f, CTR_HEALTH_OPTIONAL, "not installed: --init does not work");
	doctor_install(d, f, "catatonit");
}

/* A directory that is ours alone. */
static bool is_private_dir(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() &&
	       (st.st_mode & 077) == 0;
}

void probe_run_dir(struct doctor *d, struct ctr_finding *f)
{
	const char *xdg = getenv("XDG_RUNTIME_DIR");
	auto_free char *ours = ctr_default_runroot();

	if (!d->rootless) {
		doctor_found(f, CTR_HEALTH_OK, "%s", ours ? ours : "/run");
		return;
	}
	if (xdg && *xdg == '/' && is_private_dir(xdg)) {
		doctor_found(f, CTR_HEALTH_OK, "%s", xdg);
		return;
	}
	doctor_found(f, CTR_HEALTH_OPTIONAL, "XDG_RUNTIME_DIR is %s: %s is used",
		     !xdg || !*xdg ? "not set" : "no directory of this user's own", ours ? ours : "/tmp");
	doctor_fix(f, "%sloginctl enable-linger %s, and export XDG_RUNTIME_DIR=/run/user/%u", d->sudo,
		   d->user, (unsigned int)geteuid());
}

/* Does somebody listen on the unix socket @path? */
static int try_connect(const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	auto_close int fd = FD_NONE;

	if (strlen(path) >= sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	memcpy(sa.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&sa, sizeof(sa)) < 0)
		return -errno;
	return 0;
}

/* Below the user's runtime directory, or where systemd would have made that. */
static char *run_path(const struct doctor *d, const char *name)
{
	const char *xdg = getenv("XDG_RUNTIME_DIR");

	if (!d->rootless)
		return str_printf("/run/%s", name);
	return xdg && *xdg == '/' ? path_join(xdg, name)
				  : str_printf("/run/user/%u/%s", (unsigned int)geteuid(), name);
}

static bool systemd_runs(void)
{
	struct stat st;

	return lstat("/run/systemd/system", &st) == 0 && S_ISDIR(st.st_mode);
}

void probe_systemd(struct doctor *d, struct ctr_finding *f)
{
	auto_free char *manager = run_path(d, "systemd/private");

	if (!systemd_runs()) {
		doctor_found(f, CTR_HEALTH_OPTIONAL, "this host was not booted by systemd: no scopes, no "
			     "limits by way of it");
		return;
	}
	if (!d->rootless || (manager && try_connect(manager) == 0)) {
		doctor_found(f, CTR_HEALTH_OK, d->rootless ? "the user's manager runs" : "yes");
		return;
	}
	doctor_found(f, CTR_HEALTH_OPTIONAL, "no manager runs for %s: it ends with the last login", d->user);
	doctor_fix(f, "%sloginctl enable-linger %s", d->sudo, d->user);
}

void probe_bus(struct doctor *d, struct ctr_finding *f)
{
	const char *env = getenv("DBUS_SESSION_BUS_ADDRESS");
	const char *unix_path = env ? str_after(env, "unix:path=") : NULL;
	auto_free char *path = unix_path && d->rootless ? strndup(unix_path, strcspn(unix_path, ",;"))
			       : d->rootless		? run_path(d, "bus")
							: strdup("/run/dbus/system_bus_socket");
	int r = path ? try_connect(path) : -ENOMEM;

	if (r == 0) {
		doctor_found(f, CTR_HEALTH_OK, "%s", path);
		return;
	}
	if (!systemd_runs()) {
		doctor_found(f, CTR_HEALTH_OK, "none, and not needed without systemd");
		return;
	}
	doctor_found(f, CTR_HEALTH_OPTIONAL, "%s: %s; limits by way of systemd need it",
		     path ? path : "the bus", strerror(-r));
	doctor_install(d, f, d->rootless ? "dbus-user-session" : "dbus");
}

void probe_linger(struct doctor *d, struct ctr_finding *f)
{
	auto_free char *path = str_printf("/var/lib/systemd/linger/%s", d->user);
	struct stat st;

	if (!d->rootless) {
		doctor_found(f, CTR_HEALTH_OK, "not needed by root");
	} else if (!systemd_runs()) {
		doctor_found(f, CTR_HEALTH_OK, "not needed without systemd: nothing ends at logout");
	} else if (path && lstat(path, &st) == 0) {
		doctor_found(f, CTR_HEALTH_OK, "yes");
	} else {
		doctor_found(f, CTR_HEALTH_OPTIONAL, "off: containers may be ended at logout");
		doctor_fix(f, "%sloginctl enable-linger %s", d->sudo, d->user);
	}
}

static void controllers_found(const struct doctor *d, struct ctr_finding *f,
			      const struct ctr_cgroup_host *h)
{
	static const char *const wanted[] = { "memory", "cpu", "pids", "io", "cpuset" };
	auto_strbuf struct strbuf missing = STRBUF_INIT;

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		if (!strv_has(&h->controllers, wanted[i]))
			strbuf_addf(&missing, "%s%s", missing.len ? ", " : "", wanted[i]);
	if (!missing.len) {
		doctor_found(f, CTR_HEALTH_OK, "by %s below %s", ctr_cgroup_manager_str(h->manager),
			     h->base);
		return;
	}
	doctor_found(f, CTR_HEALTH_OPTIONAL, "by %s below %s, without the controllers %s",
		     ctr_cgroup_manager_str(h->manager), h->base, missing.data);
	if (h->manager == CTR_CGROUP_SYSTEMD)
		doctor_fix(f, "printf '[Service]\\nDelegate=cpu cpuset io memory pids\\n' | %sinstall -Dm644 "
			   "/dev/stdin /etc/systemd/system/user@.service.d/delegate.conf, and log in again",
			   d->sudo);
	else
		doctor_fix(f, "delegate them too: write +NAME to cgroup.subtree_control above %s", h->base);
}

static void no_limits(const struct doctor *d, struct ctr_finding *f, const struct ctr_cgroup_host *h)
{
	doctor_found(f, CTR_HEALTH_OPTIONAL, "%s: --memory and its kind are refused", h->why);
	if (!h->v2)
		doctor_fix(f, "boot with systemd.unified_cgroup_hierarchy=1 on the kernel's command line");
	else if (systemd_runs() && d->rootless)
		doctor_fix(f, "%sloginctl enable-linger %s, and log in again", d->sudo, d->user);
	else
		doctor_fix(f, "start the session in a cgroup that belongs to %s", d->user);
}

/* What the engine itself would find. */
void probe_cgroups(struct doctor *d, struct ctr_finding *f)
{
	struct ctr_engine eng = CTR_ENGINE_INIT;
	const struct ctr_cgroup_host *h = NULL;
	struct err e = ERR_INIT;

	eng.rootless = d->rootless;
	if (ctr_engine_cgroups(&eng, &h, &e) < 0)
		doctor_found(f, CTR_HEALTH_OPTIONAL, "%s", e.text);
	else if (h->manager == CTR_CGROUP_DISABLED)
		no_limits(d, f, h);
	else
		controllers_found(d, f, h);
	if (eng.cgroups)
		ctr_cgroup_host_done(eng.cgroups);
	free(eng.cgroups);
}

void probe_registries(struct doctor *d, struct ctr_finding *f)
{
	auto_registries_conf struct registries_conf c = REGISTRIES_CONF_INIT;
	struct err e = ERR_INIT;

	(void)d;
	if (registries_conf_load(&c, &e) < 0) {
		doctor_found(f, CTR_HEALTH_REQUIRED, "%s", e.text);
		doctor_fix(f, "correct the file that is named, or take it away");
	} else if (c.search.n) {
		doctor_found(f, CTR_HEALTH_OK, "%zu to search for short names, first %s", c.search.n,
			     c.search.items[0]);
	} else {
		doctor_found(f, CTR_HEALTH_OK, "read; short names mean docker.io");
	}
}

void probe_policy(struct doctor *d, struct ctr_finding *f)
{
	struct err e = ERR_INIT;
	bool wants_gpg = false;
	int r = policy_check("docker.io/library/alpine:latest", &wants_gpg, &e);
	auto_free char *gpg = wants_gpg ? path_find_program("gpg") : NULL;

	if (r == 0 && wants_gpg && !gpg) {
		doctor_found(f, CTR_HEALTH_OPTIONAL, "images must be signed, and gpg, which verifies that, is not here");
		doctor_install(d, f, "gpg");
	} else if (r == 0) {
		doctor_found(f, CTR_HEALTH_OK, "images may be pulled");
	} else if (e.kind == ERR_DENIED || e.kind == ERR_UNSUPPORTED) {
		doctor_found(f, CTR_HEALTH_OPTIONAL, "%s", e.text);
		doctor_fix(f, "permit the registries that you use in ~/.config/containers/policy.json");
	} else {
		doctor_found(f, CTR_HEALTH_REQUIRED, "%s", e.text);
		doctor_fix(f, "correct the file that is named, or take it away");
	}
}
