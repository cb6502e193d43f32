/* The columns of `top`: podman's descriptors, and ps(1)'s short ones. */
#include "top.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "ctrlite/inspect.h"
#include "fd.h"
#include "spec/caps.h"

#define NS_PER_S 1000000000u

typedef char *(*cell_fn)(const struct top_context *x, const struct top_proc *p);

/* "name:x:ID:": the name that passwd or group @text has for @id, else the number. */
static char *name_of(const char *text, uint32_t id)
{
	for (const char *line = text; line && *line;) {
		size_t len = strcspn(line, "\n"), name = strcspn(line, ":\n");
		const char *rest = line + name;

		if (name < len && name > 0) {
			size_t skip = strcspn(rest + 1, ":\n");
			char *end;

			if (rest[1 + skip] == ':' && strtoull(rest + skip + 2, &end, 10) == id &&
			    end != rest + skip + 2 && *end == ':')
				return strndup(line, name);
		}
		line += len + (line[len] != '\0');
	}
	return str_printf("%u", id);
}

static uint32_t inner_uid(const struct top_context *x, uint32_t host)
{
	uint32_t id;

	return idmap_to_container(x->map.uid, x->map.n_uid, host, &id) ? id : 65534;
}

static uint32_t inner_gid(const struct top_context *x, uint32_t host)
{
	uint32_t id;

	return idmap_to_container(x->map.gid, x->map.n_gid, host, &id) ? id : 65534;
}

static char *number(int64_t n)
{
	return str_printf("%lld", (long long)n);
}

/* As Go prints a time.Duration. */
static char *duration(uint64_t ns)
{
	uint64_t minutes = ns / (60ull * NS_PER_S);
	char s[32];
	size_t len;

	if (!ns)
		return strdup("0s");
	if (ns < NS_PER_S)
		(void)snprintf(s, sizeof(s), "%.6f", (double)ns / 1e6);
	else
		(void)snprintf(s, sizeof(s), "%llu.%09llu",
			       (unsigned long long)(ns / NS_PER_S % 60),
			       (unsigned long long)(ns % NS_PER_S));
	len = strlen(s);
	while (s[len - 1] == '0')
		s[--len] = '\0';
	if (s[len - 1] == '.')
		s[--len] = '\0';
	if (ns < NS_PER_S)
		return str_printf("%sms", s);
	if (minutes >= 60)
		return str_printf("%lluh%llum%ss", (unsigned long long)minutes / 60,
				  (unsigned long long)minutes % 60, s);
	return minutes ? str_printf("%llum%ss", (unsigned long long)minutes, s)
		       : str_printf("%ss", s);
}

static uint64_t ticks_ns(uint64_t ticks)
{
	return ticks * (NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK));
}

static uint64_t elapsed_ns(const struct top_context *x, const struct top_proc *p)
{
	int64_t started = x->boot_ns + (int64_t)ticks_ns(p->start_ticks);

	return x->now_ns > started ? (uint64_t)(x->now_ns - started) : 0;
}

static char *cell_args(const struct top_context *x, const struct top_proc *p)
{
	struct strbuf b = STRBUF_INIT;

	(void)x;
	if (!p->args.n) /* a thread of the kernel, or a zombie */
		return str_printf("[%s]", p->comm);
	for (size_t i = 0; i < p->args.n; i++)
		strbuf_addf(&b, "%s%s", i ? " " : "", p->args.items[i]);
	return strbuf_take(&b);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *caps_text(uint64_t caps)
{
	auto_strv struct strv names = STRV_INIT;
	struct strbuf b = STRBUF_INIT;

	if (!caps)
		return strdup("none");
	if ((caps & spec_caps_all()) == spec_caps_all())
		return strdup("full");
	if (spec_caps_names(caps, &names) < 0)
		return NULL;
	if (names.n)
		qsort(names.items, names.n, sizeof(char *), by_text);
	for (size_t i = 0; i < names.n; i++) {
		const char *name = str_after(names.items[i], "CAP_");

		strbuf_addf(&b, "%s%s", i ? "," : "", name ? name : names.items[i]);
	}
	return strbuf_take(&b);
}

#define CAPS_CELL(what)                                                                 \
	static char *cell_##what(const struct top_context *x, const struct top_proc *p) \
	{                                                                               \
		(void)x;                                                                \
		return caps_text(p->what);                                              \
	}
CAPS_CELL(ambient)
CAPS_CELL(bounding)
CAPS_CELL(effective)
CAPS_CELL(inherited)
CAPS_CELL(permitted)

static char *cell_comm(const struct top_context *x, const struct top_proc *p)
{
	(void)x;
	return strdup(p->comm);
}

static char *cell_etime(const struct top_context *x, const struct top_proc *p)
{
	return duration(elapsed_ns(x, p));
}

static char *cell_group(const struct top_context *x, const struct top_proc *p)
{
	return name_of(x->group, inner_gid(x, p->egid));
}

static char *cell_rgroup(const struct top_context *x, const struct top_proc *p)
{
	return name_of(x->group, inner_gid(x, p->rgid));
}

static char *groups_text(const struct top_context *x, const struct top_proc *p, bool inner)
{
	struct strbuf b = STRBUF_INIT;

	for (size_t i = 0; i < p->groups.n; i++) {
		uint32_t id = (uint32_t)strtoul(p->groups.items[i], NULL, 10);
		auto_free char *name = inner ? name_of(x->group, inner_gid(x, id)) : number(id);

		strbuf_addf(&b, "%s%s", i ? "," : "", name ? name : "");
	}
	return strbuf_take(&b);
}

static char *cell_groups(const struct top_context *x, const struct top_proc *p)
{
	return groups_text(x, p, true);
}

static char *cell_hgroups(const struct top_context *x, const struct top_proc *p)
{
	return groups_text(x, p, false);
}

static char *cell_hgroup(const struct top_context *x, const struct top_proc *p)
{
	(void)x;
	return number(p->egid);
}

static char *cell_hpid(const struct top_context *x, const struct top_proc *p)
{
	(void)x;
	return number(p->host_pid);
}

static char *cell_huser(const struct top_context *x, const struct top_proc *p)
{
	(void)x;
	return number(p->euid);
}

static char *cell_label(const struct top_context *x, const struct top_proc *p)
{
	(void)x;
	return strdup(p->label ? p->label : "?");
}

static char *cell_nice(const struct top_context *x, const struct top_proc *p)
{
	(void)x;
	return number(p->nice);
}

static char *cell_pcpu(const struct top_context *x, const struct top_proc *p)
{
	uint64_t ns = elapsed_ns(x, p);

	return str_printf("%.3f", ns ? 100.0 * (double)ticks_ns(p->ticks) / (double)ns : 0.0);
}

static char *cell_pgid(const struct top_context *x, const struct top_proc *p)
{
	(void)x;
	return number(p->pgid);
}

static char *cell_pid(const struct top_context *x, const struct top_proc *p)
{
	(void)x;
	return number(p->pid);
}

static char *cell_ppid(const struct top_context *x, const struct top_proc *p)
{
	(void)x;
	return number(p->ppid);
}

static char *cell_rss(const struct top_context *x, const struct top_proc *p)
{
	(void)x;
	return number(p->rss_pages * sysconf(_SC_PAGESIZE) / 1024);
}

static char *cell_ruser(const struct top_context *x, const struct top_proc *p)
{
	return name_of(x->passwd, inner_uid(x, p->ruid));
}

static char *cell_seccomp(const struct top_context *x, const struct top_proc *p)
{
	static const char *const modes[] = { "disabled", "strict", "filter" };

	(void)x;
	return strdup(p->seccomp >= 0 && p->seccomp < 3 ? modes[p->seccomp] : "?");
}

static char *cell_state(const struct top_context *x, const struct top_proc *p)
{
	(void)x;
	return str_printf("%c", p->state);
}

/* As Go prints a time.Time: 2026-11-22 23:02:24 +0000 UTC */
static char *cell_stime(const struct top_context *x, const struct top_proc *p)
{
	time_t t = (time_t)((x->boot_ns + (int64_t)ticks_ns(p->start_ticks)) / NS_PER_S);
	char text[64];
	struct tm tm;

	if (!localtime_r(&t, &tm) || !strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S %z %Z", &tm))
		return NULL;
	return strdup(text);
}

static char *cell_time(const struct top_context *x, const struct top_proc *p)
{
	(void)x;
	return duration(ticks_ns(p->ticks));
}

/* Numbers of Linux's own devices (Documentation/admin-guide/devices.txt). */
static char *cell_tty(const struct top_context *x, const struct top_proc *p)
{
	unsigned int major = (p->tty >> 8) & 0xfff,
		     minor = (p->tty & 0xff) | ((p->tty >> 12) & 0xfff00);

	(void)x;
	if (!p->tty)
		return strdup("?");
	if (major >= 136 && major < 144)
		return str_printf("pts/%u", minor + (major - 136) * 256);
	if (major == 4)
		return minor < 64 ? str_printf("tty%u", minor) : str_printf("ttyS%u", minor - 64);
	return major == 5 && minor == 1 ? strdup("console") : str_printf("%u:%u", major, minor);
}

static char *cell_uid(const struct top_context *x, const struct top_proc *p)
{
	return number(inner_uid(x, p->euid));
}

static char *cell_user(const struct top_context *x, const struct top_proc *p)
{
	return name_of(x->passwd, inner_uid(x, p->euid));
}

static char *cell_vsz(const struct top_context *x, const struct top_proc *p)
{
	(void)x;
	return number((int64_t)(p->vsz_bytes / 1024));
}

static const struct {
	const char *name, *code;
	const char *heading;
	cell_fn cell;
} columns[] = {
	{ "args", "%a", "COMMAND", cell_args },
	{ "capamb", NULL, "AMBIENT CAPS", cell_ambient },
	{ "capbnd", NULL, "BOUNDING CAPS", cell_bounding },
	{ "capeff", NULL, "EFFECTIVE CAPS", cell_effective },
	{ "capinh", NULL, "INHERITED CAPS", cell_inherited },
	{ "capprm", NULL, "PERMITTED CAPS", cell_permitted },
	{ "comm", "%c", "COMMAND", cell_comm },
	{ "etime", "%t", "ELAPSED", cell_etime },
	{ "group", "%G", "GROUP", cell_group },
	{ "groups", NULL, "GROUPS", cell_groups },
	{ "hgroup", NULL, "HGROUP", cell_hgroup },
	{ "hgroups", NULL, "HGROUPS", cell_hgroups },
	{ "hpid", NULL, "HPID", cell_hpid },
	{ "huid", NULL, "HUID", cell_huser },
	{ "huser", NULL, "HUSER", cell_huser },
	{ "label", NULL, "LABEL", cell_label },
	{ "nice", "%n", "NI", cell_nice },
	{ "pcpu", "%C", "%CPU", cell_pcpu },
	{ "pgid", "%r", "PGID", cell_pgid },
	{ "pid", "%p", "PID", cell_pid },
	{ "ppid", "%P", "PPID", cell_ppid },
	{ "rgroup", "%g", "RGROUP", cell_rgroup },
	{ "rss", NULL, "RSS", cell_rss },
	{ "ruser", "%u", "RUSER", cell_ruser },
	{ "seccomp", NULL, "SECCOMP", cell_seccomp },
	{ "state", NULL, "STATE", cell_state },
	{ "stime", NULL, "STIME", cell_stime },
	{ "time", "%x", "TIME", cell_time },
	{ "tty", "%y", "TTY", cell_tty },
	{ "uid", NULL, "UID", cell_uid },
	{ "user", "%U", "USER", cell_user },
	{ "vsz", "%z", "VSZ", cell_vsz },
};
#define N_COLUMNS ((int)(sizeof(columns) / sizeof(columns[0])))

int ctr_top_column(const char *name)
{
	for (int i = 0; i < N_COLUMNS; i++)
		if (streq(columns[i].name, name) ||
		    (columns[i].code && streq(columns[i].code, name)))
			return i;
	return -1;
}

const char *ctr_top_name(int column)
{
	return column >= 0 && column < N_COLUMNS ? columns[column].name : NULL;
}

const char *ctr_top_heading(int column)
{
	return column >= 0 && column < N_COLUMNS ? columns[column].heading : NULL;
}

char *top_cell(int column, const struct top_context *x, const struct top_proc *p)
{
	return columns[column].cell(x, p);
}
