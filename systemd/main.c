/*
 * ctr-lite-systemd: asks systemd for a container's cgroup.  A program of its own, so that none of
 * those that run for every container carries libsystemd.
 *
 *	start-scope UNIT --slice SLICE --pid PID [--property NAME=VALUE]...
 *	attach UNIT --pid PID
 *	set-property UNIT NAME=VALUE...
 *	stop-scope UNIT
 *	probe
 *
 * VALUE is GVariant text ("uint64 5", "'x'", "true").  It talks to the system's manager as root,
 * else to the user's.  Exit status 0, or 1 with a line on stderr and, with --err-fd FD as the first
 * option, a struct err there.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <systemd/sd-bus.h>
#include <time.h>
#include <unistd.h>

#include "config.h"
#include "err.h"
#include "fd.h"
#include "str.h"
#include "userns.h"
#include "variant.h"

#define PROGRAM "ctr-lite-systemd"
#define MANAGER \
	"org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager"
#define CALL_TIMEOUT_US (25ULL * 1000000)
#define GONE_TIMEOUT_MS 2000

struct request {
	const char *unit, *slice;
	uint32_t pid;
	struct strv properties;
	bool user; /* whose manager answers */
	char *address, *version;
};

/* The bus or the manager's own socket at @address, tried by asking for its version. */
static int try_address(const char *address, bool direct, char **ret_version, sd_bus **ret)
{
	sd_bus *bus = NULL;
	int r = sd_bus_new(&bus);

	if (r >= 0)
		r = sd_bus_set_address(bus, address);
	if (r >= 0)
		r = sd_bus_set_bus_client(bus, !direct);
	if (r >= 0)
		r = sd_bus_set_method_call_timeout(bus, CALL_TIMEOUT_US);
	if (r >= 0)
		r = sd_bus_start(bus);
	if (r >= 0)
		r = sd_bus_get_property_string(bus, MANAGER, "Version", NULL, ret_version);
	if (r < 0) {
		(void)sd_bus_close_unref(bus);
		return r;
	}
	*ret = bus;
	return 0;
}

/* The host's number of the user that we are: root of a user namespace is mapped to him. */
static uint32_t outer_uid(void)
{
	auto_file FILE *f = fopen("/proc/self/uid_map", "re");
	uint32_t inside, outside, count, uid = (uint32_t)geteuid();

	while (f && fscanf(f, "%" SCNu32 " %" SCNu32 " %" SCNu32, &inside, &outside, &count) == 3)
		if (uid >= inside && uid - inside < count)
			return outside + (uid - inside);
	return uid;
}

static int add_sockets(struct strv *addresses, const char *run_dir)
{
	int r = strv_addf(addresses, "unix:path=%s/systemd/private", run_dir);

	return r < 0 ? r : strv_addf(addresses, "unix:path=%s/bus", run_dir);
}

/* Where the environment says, and where it is: su(1) may leave the one of whom it came from. */
static int user_addresses(struct strv *addresses)
{
	const char *run = getenv("XDG_RUNTIME_DIR"), *session = getenv("DBUS_SESSION_BUS_ADDRESS");
	auto_free char *usual = str_printf("/run/user/%u", outer_uid());
	int r = usual ? 0 : -ENOMEM;

	if (r == 0 && run && run[0] == '/')
		r = add_sockets(addresses, run);
	if (r == 0 && session && session[0])
		r = strv_add(addresses, session);
	if (r == 0 && !(run && streq(run, usual)))
		r = add_sockets(addresses, usual);
	return r;
}

static int connect_any(struct request *q, const struct strv *addresses, sd_bus **ret)
{
	int r = -ENOENT;

	for (size_t i = 0; i < addresses->n; i++) {
		const char *address = addresses->items[i];

		free(q->address);
		q->address = strdup(address);
		if (!q->address)
			return -ENOMEM;
		r = try_address(address, str_ends(address, "/private"), &q->version, ret);
		if (r == 0)
			return 0;
	}
	return r;
}

static int connect_manager(struct request *q, sd_bus **ret, struct err *e)
{
	auto_strv struct strv addresses = STRV_INIT;
	int r;

	q->user = geteuid() != 0 || !userns_is_initial();
	if (q->user)
		r = user_addresses(&addresses);
	else if ((r = strv_add(&addresses, "unix:path=/run/systemd/private")) == 0)
		r = strv_add(&addresses, "unix:path=/run/dbus/system_bus_socket");
	if (r == 0)
		r = connect_any(q, &addresses, ret);
	if (r == 0)
		return 0;
	if (!q->user)
		return err_set(e, ERR_UNSUPPORTED,
			       "systemd does not answer (%s: %s): use --cgroup-manager=cgroupfs",
			       q->address ? q->address : "", strerror(-r));
	return err_set(
		e, ERR_UNSUPPORTED,
		"the user's systemd does not answer (%s: %s): log in, as root run "
		"\"loginctl enable-linger\" for the user, or use --cgroup-manager=cgroupfs in a "
		"delegated cgroup",
		q->address ? q->address : "", strerror(-r));
}

static int append_item(sd_bus_message *m, char type, const struct variant_item *it)
{
	switch (type) {
	case 'b':
		return sd_bus_message_append(m, "b", (int)it->i);
	case 'y':
		return sd_bus_message_append(m, "y", (unsigned int)it->u);
	case 'n':
		return sd_bus_message_append(m, "n", (int)it->i);
	case 'q':
		return sd_bus_message_append(m, "q", (unsigned int)it->u);
	case 'i':
		return sd_bus_message_append(m, "i", (int)it->i);
	case 'u':
		return sd_bus_message_append(m, "u", (uint32_t)it->u);
	case 'x':
		return sd_bus_message_append(m, "x", it->i);
	case 't':
		return sd_bus_message_append(m, "t", it->u);
	case 'd':
		return sd_bus_message_append(m, "d", it->d);
	default:
		return sd_bus_message_append_basic(m, type, it->s);
	}
}

static int append_variant(sd_bus_message *m, const char *name, const struct variant *v)
{
	char type[3] = { v->array ? 'a' : v->type, v->array ? v->type : '\0', '\0' };
	char item[2] = { v->type, '\0' };
	int r = sd_bus_message_open_container(m, 'r', "sv");

	if (r >= 0)
		r = sd_bus_message_append(m, "s", name);
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'v', type);
	if (r >= 0 && v->array)
		r = sd_bus_message_open_container(m, 'a', item);
	for (size_t i = 0; r >= 0 && i < v->n; i++)
		r = append_item(m, v->type, &v->items[i]);
	if (r >= 0 && v->array)
		r = sd_bus_message_close_container(m);
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

/* "NAME=VALUE"; a "NameSec" becomes the "NameUSec" that systemd has. */
static int append_property(sd_bus_message *m, const char *text, struct err *e)
{
	const char *eq = strchr(text, '=');
	auto_free char *name = eq ? strndup(text, (size_t)(eq - text)) : NULL, *usec = NULL;
	struct variant v = { 0 };
	size_t n = name ? strlen(name) : 0;
	int r;

	if (n == 0)
		return err_set(e, ERR_INVALID, "\"%.60s\" is not NAME=VALUE", text);
	r = variant_parse(eq + 1, &v);
	if (r == 0 && n > 3 && str_ends(name, "Sec") && name[n - 4] >= 'a' && name[n - 4] <= 'z') {
		r = variant_sec_to_usec(&v);
		usec = str_printf("%.*sUSec", (int)(n - 3), name);
	}
	if (r == 0)
		r = append_variant(m, usec ? usec : name, &v);
	variant_done(&v);
	return r < 0 ? err_set(e, ERR_INVALID,
			       "property %.60s: \"%.80s\" is not a value in GVariant's text form",
			       name, eq + 1)
		     : 0;
}

static int append_properties(sd_bus_message *m, const struct strv *props, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < props->n; i++)
		r = append_property(m, props->items[i], e);
	return r;
}

/* How a job ended, once the signal of it has come. */
struct job {
	const char *path;
	char result[32];
};

static int on_job_removed(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct job *job = arg;
	const char *path, *unit, *result;
	uint32_t id;

	(void)error;
	if (sd_bus_message_read(m, "uoss", &id, &path, &unit, &result) >= 0 && job->path &&
	    streq(path, job->path))
		(void)snprintf(job->result, sizeof(job->result), "%s", result);
	return 0;
}

static uint64_t now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* Send @m, which starts a job, and wait until that is done. */
static int run_job(sd_bus *bus, sd_bus_message *m, const char *doing, sd_bus_error *error,
		   struct err *e)
{
	uint64_t deadline = now_us() + CALL_TIMEOUT_US;
	sd_bus_message *reply = NULL;
	sd_bus_slot *slot = NULL;
	struct job job = { 0 };
	int r = sd_bus_match_signal(bus, &slot, NULL, "/org/freedesktop/systemd1",
				    "org.freedesktop.systemd1.Manager", "JobRemoved",
				    on_job_removed, &job);

	if (r >= 0)
		r = sd_bus_call(bus, m, 0, error, &reply);
	if (r >= 0)
		r = sd_bus_message_read(reply, "o", &job.path);
	while (r >= 0 && !job.result[0]) {
		r = sd_bus_process(bus, NULL);
		if (r == 0 && now_us() >= deadline)
			r = -ETIMEDOUT;
		else if (r == 0)
			r = sd_bus_wait(bus, deadline - now_us());
	}
	if (r < 0)
		r = err_set(e, r == -EEXIST ? ERR_EXISTS : ERR_OS, "systemd: %s: %s", doing,
			    error->message ? error->message : strerror(-r));
	else if (!streq(job.result, "done"))
		r = err_set(e, ERR_OS, "systemd: %s: the job ended as \"%s\"", doing, job.result);
	(void)sd_bus_message_unref(reply);
	(void)sd_bus_slot_unref(slot);
	return r < 0 ? r : 0;
}

static int new_scope(sd_bus *bus, const struct request *q, sd_bus_message **ret, struct err *e)
{
	sd_bus_message *m = NULL;
	int r = sd_bus_message_new_method_call(bus, &m, MANAGER, "StartTransientUnit");

	if (r >= 0)
		r = sd_bus_message_append(m, "ss", q->unit, "replace");
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'a', "(sv)");
	if (r >= 0)
		r = sd_bus_message_append(m, "(sv)(sv)(sv)(sv)", "Description", "s",
					  "container of ctr-lite", "Slice", "s", q->slice, "PIDs",
					  "au", 1, q->pid, "Delegate", "b", 1);
	/* Gone without a trace when it is empty, and not in the way of a shutdown. */
	if (r >= 0)
		r = sd_bus_message_append(m, "(sv)(sv)", "DefaultDependencies", "b", 0,
					  "CollectMode", "s", "inactive-or-failed");
	if (r >= 0)
		r = sd_bus_message_append(m, "(sv)(sv)(sv)(sv)", "CPUAccounting", "b", 1,
					  "MemoryAccounting", "b", 1, "IOAccounting", "b", 1,
					  "TasksAccounting", "b", 1);
	if (r >= 0)
		r = append_properties(m, &q->properties, e);
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	if (r >= 0)
		r = sd_bus_message_append(m, "a(sa(sv))", 0);
	if (r < 0) {
		(void)sd_bus_message_unref(m);
		return e->kind ? r : err_sys(e, r, "ask systemd for the scope %s", q->unit);
	}
	*ret = m;
	return 0;
}

/* One of the same name that has ended is in the way until it is collected. */
static void wait_gone(sd_bus *bus, const char *unit)
{
	for (int ms = 0; ms < GONE_TIMEOUT_MS; ms += 20) {
		struct timespec pause = { .tv_nsec = 20000000 };
		sd_bus_error error = SD_BUS_ERROR_NULL;
		int r;

		/* Without a failure to reset it says so: nothing to be done about either. */
		(void)sd_bus_call_method(bus, MANAGER, "ResetFailedUnit", NULL, NULL, "s", unit);
		r = sd_bus_call_method(bus, MANAGER, "GetUnit", &error, NULL, "s", unit);
		sd_bus_error_free(&error);
		if (r < 0)
			return;
		(void)nanosleep(&pause, NULL);
	}
}

static int start_scope(sd_bus *bus, struct request *q, struct err *e)
{
	int r = -EINVAL;

	if (!q->slice || q->pid == 0)
		return err_set(e, ERR_INVALID, "start-scope needs --slice and --pid");
	for (int i = 0; i < 2; i++) {
		sd_bus_error error = SD_BUS_ERROR_NULL;
		sd_bus_message *m = NULL;
		bool taken;

		r = new_scope(bus, q, &m, e);
		if (r < 0)
			return r;
		*e = (struct err)ERR_INIT;
		r = run_job(bus, m, q->unit, &error, e);
		taken = sd_bus_error_has_name(&error, "org.freedesktop.systemd1.UnitExists");
		(void)sd_bus_message_unref(m);
		sd_bus_error_free(&error);
		if (!taken)
			return r;
		if (i == 0)
			wait_gone(bus, q->unit);
	}
	return r;
}

static int stop_scope(sd_bus *bus, struct request *q, struct err *e)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *m = NULL;
	int r = sd_bus_message_new_method_call(bus, &m, MANAGER, "StopUnit");

	if (r >= 0)
		r = sd_bus_message_append(m, "ss", q->unit, "replace");
	if (r < 0)
		r = err_sys(e, r, "stop the scope %s", q->unit);
	else
		r = run_job(bus, m, q->unit, &error, e);
	if (sd_bus_error_has_name(&error, "org.freedesktop.systemd1.NoSuchUnit"))
		r = 0; /* it has ended by itself */
	(void)sd_bus_message_unref(m);
	sd_bus_error_free(&error);
	return r;
}

/* Call @m and forget the answer. */
static int call(sd_bus *bus, sd_bus_message *m, int r, const char *unit, struct err *e)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;

	if (r >= 0)
		r = sd_bus_call(bus, m, 0, &error, NULL);
	if (r < 0 && e->kind == ERR_NONE)
		r = err_set(e, ERR_OS, "systemd: %s: %s", unit,
			    error.message ? error.message : strerror(-r));
	(void)sd_bus_message_unref(m);
	sd_bus_error_free(&error);
	return r < 0 ? r : 0;
}

static int set_property(sd_bus *bus, struct request *q, struct err *e)
{
	sd_bus_message *m = NULL;
	int r = sd_bus_message_new_method_call(bus, &m, MANAGER, "SetUnitProperties");

	if (r >= 0)
		r = sd_bus_message_append(m, "sb", q->unit,
					  1); /* a scope has no file to write to */
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'a', "(sv)");
	if (r >= 0)
		r = append_properties(m, &q->properties, e);
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	return call(bus, m, r, q->unit, e);
}

static int attach(sd_bus *bus, struct request *q, struct err *e)
{
	sd_bus_message *m = NULL;
	int r = sd_bus_message_new_method_call(bus, &m, MANAGER, "AttachProcessesToUnit");

	if (r >= 0)
		r = sd_bus_message_append(m, "ssau", q->unit, "", 1, q->pid);
	return call(bus, m, r, q->unit, e);
}

static int probe(sd_bus *bus, struct request *q, struct err *e)
{
	(void)bus;
	(void)e;
	(void)printf("manager %s\nversion %s\naddress %s\n", q->user ? "user" : "system",
		     q->version, q->address);
	return 0;
}

static const struct verb {
	const char *name;
	int (*run)(sd_bus *bus, struct request *q, struct err *e);
	int args; /* -1: a unit and properties */
	bool pid;
} verbs[] = {
	{ "start-scope", start_scope, 1, true },
	{ "attach", attach, 1, true },
	{ "set-property", set_property, -1, false },
	{ "stop-scope", stop_scope, 1, false },
	{ "probe", probe, 0, false },
};

static int parse(int argc, char **argv, struct request *q, uint32_t *err_fd,
		 const struct verb **ret, struct err *e)
{
	static const struct option options[] = {
		{ "err-fd", required_argument, NULL, 'e' },
		{ "slice", required_argument, NULL, 's' },
		{ "pid", required_argument, NULL, 'p' },
		{ "property", required_argument, NULL, 'P' },
		{ "version", no_argument, NULL, 'v' },
		{ 0 },
	};
	const struct verb *v = NULL;
	int c, n;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		int r = 0;

		switch (c) {
		case 'e':
			r = str_u32(optarg, 65535, err_fd);
			break;
		case 's':
			q->slice = optarg;
			break;
		case 'p':
			r = str_u32(optarg, INT32_MAX, &q->pid);
			break;
		case 'P':
			r = strv_add(&q->properties, optarg);
			break;
		case 'v':
			(void)printf(PROGRAM " version " CTR_VERSION "\n");
			exit(0);
		default:
			r = -EINVAL;
		}
		if (r < 0)
			return err_set(e, ERR_INVALID, "wrong option or value");
	}
	n = argc - optind;
	for (size_t i = 0; n > 0 && i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (streq(verbs[i].name, argv[optind]))
			v = &verbs[i];
	if (!v || (v->args >= 0 ? n != v->args + 1 : n < 3) || (v->pid && q->pid == 0))
		return err_set(
			e, ERR_INVALID,
			"usage: " PROGRAM " start-scope UNIT --slice SLICE --pid PID "
			"[--property NAME=VALUE]... | attach UNIT --pid PID | set-property UNIT "
			"NAME=VALUE... | stop-scope UNIT | probe");
	q->unit = n > 1 ? argv[optind + 1] : NULL;
	for (int i = 2; i < n; i++)
		if (strv_add(&q->properties, argv[optind + i]) < 0)
			return err_sys(e, ENOMEM, "read the arguments");
	*ret = v;
	return 0;
}

int main(int argc, char **argv)
{
	struct request q = { 0 };
	const struct verb *verb = NULL;
	struct err e = ERR_INIT;
	sd_bus *bus = NULL;
	uint32_t err_fd = 0;
	int r;

	if (fd_sanitize_std() < 0)
		return 1;
	opterr = 0;
	r = parse(argc, argv, &q, &err_fd, &verb, &e);
	if (err_fd)
		(void)fd_set_cloexec((int)err_fd, true); /* we execute nothing: tidiness */
	if (r == 0)
		r = connect_manager(&q, &bus, &e);
	if (r == 0)
		r = verb->run(bus, &q, &e);
	if (r < 0) {
		if (!err_fd || err_send((int)err_fd, &e) < 0)
			(void)fprintf(stderr, PROGRAM ": %s\n", e.text);
	}
	(void)sd_bus_flush_close_unref(bus);
	strv_done(&q.properties);
	free(q.address);
	free(q.version);
	return r < 0 ? 1 : fflush(stdout) == 0 ? 0 : 1;
}
