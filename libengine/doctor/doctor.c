/* `doctor`: the table of probes, and what they share. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "accounts.h"
#include "ctrlite/default-dirs.h"
#include "doctor-priv.h"
#include "fd.h"
#include "file.h"
#include "path.h"
#include "str.h"

#define PASSWD_MAX_BYTES (1u << 20)

/* clang-format off */
static const struct {
	const char *id, *title;
	doctor_probe probe;
} probes[] = {
	/* Each may rely on what those above it have found out. */
	{ "kernel",		"kernel",			probe_kernel },
	{ "helpers",		"own programs",			probe_helpers },
	{ "userns",		"user namespaces",		probe_userns },
	{ "ranges",		"subordinate ids",		probe_ranges },
	{ "mappers",		"newuidmap, newgidmap",		probe_mappers },
	{ "mount-namespace",	"mount namespace",		probe_ns_mount },
	{ "pid-namespace",	"pid namespace",		probe_ns_pid },
	{ "network-namespace",	"network namespace",		probe_ns_net },
	{ "ipc-namespace",	"ipc namespace",		probe_ns_ipc },
	{ "uts-namespace",	"uts namespace",		probe_ns_uts },
	{ "cgroup-namespace",	"cgroup namespace",		probe_ns_cgroup },
	{ "time-namespace",	"time namespace",		probe_ns_time },
	{ "proc",		"a /proc of its own",		probe_proc },
	{ "seccomp",		"seccomp filters",		probe_seccomp },
	{ "landlock",		"landlock",			probe_landlock },
	{ "keyring",		"session keyring",		probe_keyring },
	{ "store",		"file system of the store",	probe_store },
	{ "overlay",		"overlay mounts",		probe_overlay },
	{ "idmapped",		"id-mapped mounts",		probe_idmapped },
	{ "network",		"network helper",		probe_network },
	{ "tun",		"/dev/net/tun",			probe_tun },
	{ "cgroups",		"resource limits",		probe_cgroups },
	{ "run-dir",		"runtime directory",		probe_run_dir },
	{ "systemd",		"systemd",			probe_systemd },
	{ "bus",		"D-Bus session",		probe_bus },
	{ "linger",		"lingering",			probe_linger },
	{ "init",		"catatonit",			probe_init },
	{ "runtimes",		"other OCI runtimes",		probe_runtimes },
	{ "files-limit",	"open files",			probe_files_limit },
	{ "registries",		"registries.conf",		probe_registries },
	{ "policy",		"policy.json",			probe_policy },
};
/* clang-format on */
#define N_PROBES (sizeof(probes) / sizeof(probes[0]))

const char *ctr_health_str(enum ctr_health h)
{
	static const char *const names[] = { "ok", "optional", "required" };

	_Static_assert(sizeof(names) / sizeof(names[0]) == CTR_HEALTH_COUNT_, "a word for each");
	return names[h < CTR_HEALTH_COUNT_ ? h : CTR_HEALTH_REQUIRED];
}

void ctr_findings_done(struct ctr_findings *f)
{
	for (size_t i = 0; i < f->n; i++) {
		free(f->items[i].found);
		free(f->items[i].fix);
	}
	free(f->items);
	*f = (struct ctr_findings)CTR_FINDINGS_INIT;
}

static void set_text(char **to, const char *fmt, va_list ap)
{
	char *text;

	if (vasprintf(&text, fmt, ap) < 0)
		return; /* ctr_doctor() sees that it is missing */
	free(*to);
	*to = text;
}

void doctor_found(struct ctr_finding *f, enum ctr_health h, const char *fmt, ...)
{
	va_list ap;

	f->health = h;
	va_start(ap, fmt);
	set_text(&f->found, fmt, ap);
	va_end(ap);
}

void doctor_fix(struct ctr_finding *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set_text(&f->fix, fmt, ap);
	va_end(ap);
}

void doctor_install(const struct doctor *d, struct ctr_finding *f, const char *package)
{
	static const struct {
		const char *program, *command;
	} managers[] = {
		{ "apt-get", "apt-get install" }, { "dnf", "dnf install" }, { "zypper", "zypper install" },
		{ "pacman", "pacman -S" },	  { "apk", "apk add" },
	};
	/* What is called otherwise there, in the same order. */
	static const char *const names[][5] = {
		{ "uidmap", "shadow-utils", "shadow", "shadow", "shadow-uidmap" },
		{ "gpg", "gnupg2", "gpg2", "gnupg", "gnupg" },
	};
	size_t m = 0, n = 0;

	for (; m < sizeof(managers) / sizeof(managers[0]); m++) {
		auto_free char *path = path_find_program(managers[m].program);

		if (path)
			break;
	}
	if (m == sizeof(managers) / sizeof(managers[0])) {
		doctor_fix(f, "install the package %s", package);
		return;
	}
	while (n < sizeof(names) / sizeof(names[0]) && !streq(names[n][0], package))
		n++;
	doctor_fix(f, "%s%s %s", d->sudo, managers[m].command,
		   n < sizeof(names) / sizeof(names[0]) ? names[n][m] : package);
}

static int child_main(int (*fn)(void *arg, struct err *e), void *arg, int err_fd)
{
	struct err e = ERR_INIT;

	if (fn(arg, &e) >= 0)
		return 0;
	(void)err_send(err_fd, &e); /* without it the status still says that it failed */
	return 1;
}

int doctor_try(const struct doctor *d, bool whole, uint64_t flags, int (*fn)(void *arg, struct err *e),
	       void *arg, struct err *e)
{
	struct idmap single = { .uid = { { 0, geteuid(), 1 } }, .gid = { { 0, getegid(), 1 } },
				.n_uid = 1, .n_gid = 1 };
	auto_close int rd = FD_NONE, wr = FD_NONE;
	struct proc p = PROC_INIT;
	int fds[2], status = 0, r;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(e, errno, "make a pipe");
	rd = fds[0];
	wr = fds[1];
	r = d->rootless ? userns_fork(whole && d->have_map ? &d->map : &single, flags, &p, e)
			: proc_clone(flags, &p);
	if (r == 0)
		_exit(child_main(fn, arg, wr));
	if (r < 0)
		return e && e->kind != ERR_NONE ? r : err_sys(e, r, "start a process");
	wr = fd_close(wr);
	r = err_recv(rd, e);
	if (proc_wait(&p, &status) < 0)
		status = 1;
	proc_done(&p);
	if (r == 1)
		return err_kind_errno(e ? e->kind : ERR_OS);
	return status == 0 ? 0 : err_set(e, ERR_OS, "the process that tried it died");
}

/* The name in the host's passwd; for users of a directory service $USER, else the number. */
static char *user_name(void)
{
	struct spec_account a = { 0 };
	auto_free char *passwd = NULL;
	const char *env = getenv("USER");
	size_t len = 0;
	char *name;

	if (file_read_path("/etc/passwd", PASSWD_MAX_BYTES, &passwd, &len) >= 0 &&
	    spec_account_find(passwd, len, NULL, 0, NULL, geteuid(), &a, NULL) == 0)
		name = strdup(a.name);
	else
		name = env && *env ? strdup(env) : str_printf("%u", (unsigned int)geteuid());
	spec_account_done(&a);
	return name;
}

int ctr_doctor(const char *root, struct ctr_findings *ret, struct err *e)
{
	auto_free char *user = user_name(), *place = root ? strdup(root) : ctr_default_root();
	struct ctr_findings all = { .items = calloc(N_PROBES, sizeof(*all.items)) };
	struct doctor d = { .root = place ? place : "/", .user = user, .rootless = geteuid() != 0 };

	if (!user || !all.items) {
		free(all.items);
		return err_sys(e, ENOMEM, "look at the host");
	}
	d.sudo = d.rootless ? "sudo " : "";
	for (size_t i = 0; i < N_PROBES; i++) {
		struct ctr_finding *f = &all.items[all.n++];

		f->id = probes[i].id;
		f->title = probes[i].title;
		probes[i].probe(&d, f);
		if (!f->found) {
			ctr_findings_done(&all);
			return err_sys(e, ENOMEM, "look at the host");
		}
		if (f->health > all.worst)
			all.worst = f->health;
	}
	*ret = all;
	return 0;
}
