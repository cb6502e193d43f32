/* The parameters of one run: parsing and checking. */
#include "params.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fd.h"
#include "monitor-proto.h"
#include "path.h"
#include "str.h"

enum param_kind {
	PARAM_STR,   /* const char * */
	PARAM_PATH,  /* the same, must be absolute */
	PARAM_LIST,  /* struct param_list */
	PARAM_PATHS, /* the same, all absolute */
	PARAM_BOOL,  /* "0" or "1" */
	PARAM_U32,
	PARAM_U64,
	PARAM_WORD, /* uint32_t, one of the words of the row */
};

struct param {
	const char *key;
	enum param_kind kind;
	size_t offset;
	enum params_phase phase;
	const char *const *words; /* NULL-terminated */
	bool required;
};

static const char *const log_driver_words[] = {
	[LOG_DRIVER_NONE] = "none",
	[LOG_DRIVER_K8S_FILE] = "k8s-file",
	[LOG_DRIVER_JOURNALD] = "journald",
	[LOG_DRIVER_PASSTHROUGH] = "passthrough",
	NULL,
};
static_assert(sizeof(log_driver_words) / sizeof(log_driver_words[0]) == LOG_DRIVER_COUNT_ + 1,
	      "a word for every log driver");
static const char *const events_words[] = {
	[MON_EVENTS_NONE] = "none",
	[MON_EVENTS_FILE] = "file",
	[MON_EVENTS_JOURNALD] = "journald",
	NULL,
};
static_assert(sizeof(events_words) / sizeof(events_words[0]) == MON_EVENTS_COUNT_ + 1,
	      "a word for every place of events");
static const char *const net_ready_words[] = {
	[NET_READY_PIDFILE] = "pidfile",
	[NET_READY_FD] = "fd",
	[NET_READY_EXIT] = "exit",
	NULL,
};
static_assert(sizeof(net_ready_words) / sizeof(net_ready_words[0]) == NET_READY_COUNT_ + 1,
	      "a word for every way of being ready");

static const char *const restart_words[] = {
	[MON_RESTART_NO] = "no",
	[MON_RESTART_ALWAYS] = "always",
	[MON_RESTART_ON_FAILURE] = "on-failure",
	[MON_RESTART_UNLESS_STOPPED] = "unless-stopped",
	NULL,
};
static_assert(sizeof(restart_words) / sizeof(restart_words[0]) == MON_RESTART_COUNT_ + 1,
	      "a word for every restart policy");

#define AT(member) offsetof(struct params, member)
/* clang-format off */
static const struct param table[] = {
	{ "uidmap",	    PARAM_STR,	 AT(uidmap),	     PARAMS_PREPARE },
	{ "gidmap",	    PARAM_STR,	 AT(gidmap),	     PARAMS_PREPARE },
	{ "inner-uidmap",   PARAM_STR,	 AT(inner_uidmap),   PARAMS_PREPARE },
	{ "inner-gidmap",   PARAM_STR,	 AT(inner_gidmap),   PARAMS_PREPARE },
	{ "join",	    PARAM_LIST,	 AT(join),	     PARAMS_PREPARE },
	{ "keep-groups",    PARAM_BOOL,	 AT(keep_groups),    PARAMS_PREPARE },
	{ "netns",	    PARAM_WORD,	 AT(netns_new),	     PARAMS_PREPARE },
	{ "id",		    PARAM_STR,	 AT(id),	     PARAMS_RUN, NULL, true },
	{ "rundir",	    PARAM_PATH,	 AT(rundir),	     PARAMS_RUN, NULL, true },
	{ "ctrdir",	    PARAM_PATH,	 AT(ctrdir),	     PARAMS_RUN, NULL, true },
	{ "tmpdir",	    PARAM_PATH,	 AT(tmpdir),	     PARAMS_RUN },
	{ "namesdir",	    PARAM_PATH,	 AT(namesdir),	     PARAMS_RUN },
	{ "name",	    PARAM_STR,	 AT(name),	     PARAMS_RUN },
	{ "bundle",	    PARAM_PATH,	 AT(bundle),	     PARAMS_RUN, NULL, true },
	{ "rootfs",	    PARAM_PATH,	 AT(rootfs),	     PARAMS_RUN },
	{ "lower",	    PARAM_PATHS, AT(lower),	     PARAMS_RUN },
	{ "upper",	    PARAM_PATH,	 AT(upper),	     PARAMS_RUN },
	{ "work",	    PARAM_PATH,	 AT(work),	     PARAMS_RUN },
	{ "upper-owner",    PARAM_PATH,	 AT(upper_owner),    PARAMS_RUN },
	{ "root-ids",	    PARAM_STR,	 AT(root_ids),	     PARAMS_RUN },
	{ "own",	    PARAM_LIST,	 AT(own),	     PARAMS_RUN },
	{ "owner",	    PARAM_LIST,	 AT(owner),	     PARAMS_RUN },
	{ "volatile",	    PARAM_BOOL,	 AT(volatile_),	     PARAMS_RUN },
	{ "copyup",	    PARAM_PATHS, AT(copyup),	     PARAMS_RUN },
	{ "prepare",	    PARAM_LIST,	 AT(prepare),	     PARAMS_RUN },
	{ "append",	    PARAM_PATHS, AT(append),	     PARAMS_RUN },
	{ "runtime",	    PARAM_PATH,	 AT(runtime),	     PARAMS_RUN, NULL, true },
	{ "runtime-arg",    PARAM_LIST,	 AT(runtime_arg),    PARAMS_RUN },
	{ "runtime-env",    PARAM_LIST,	 AT(runtime_env),    PARAMS_RUN },
	{ "runtime-ours",   PARAM_BOOL,	 AT(runtime_ours),   PARAMS_RUN },
	{ "runtime-root",   PARAM_PATH,	 AT(runtime_root),   PARAMS_RUN, NULL, true },
	{ "runtime-delete", PARAM_BOOL,	 AT(runtime_delete), PARAMS_RUN },
	{ "cgroup",	    PARAM_PATH,	 AT(cgroup),	     PARAMS_RUN },
	{ "terminal",	    PARAM_BOOL,	 AT(terminal),	     PARAMS_RUN },
	{ "rows",	    PARAM_U32,	 AT(rows),	     PARAMS_RUN },
	{ "cols",	    PARAM_U32,	 AT(cols),	     PARAMS_RUN },
	{ "stdin",	    PARAM_BOOL,	 AT(want_stdin),     PARAMS_RUN },
	{ "attach",	    PARAM_BOOL,	 AT(attach),	     PARAMS_RUN },
	{ "log-driver",	    PARAM_WORD,	 AT(log_driver),     PARAMS_RUN, log_driver_words },
	{ "log-path",	    PARAM_PATH,	 AT(log_path),	     PARAMS_RUN },
	{ "log-label",	    PARAM_LIST,	 AT(log_label),	     PARAMS_RUN },
	{ "log-max-files",  PARAM_U32,	 AT(log_max_files),  PARAMS_RUN },
	{ "log-tag",	    PARAM_STR,	 AT(log_tag),	     PARAMS_RUN },
	{ "log-max-bytes",  PARAM_U64,	 AT(log_max_bytes),  PARAMS_RUN },
	{ "events",	    PARAM_WORD,	 AT(events),	     PARAMS_RUN, events_words },
	{ "events-path",    PARAM_PATH,	 AT(events_path),    PARAMS_RUN },
	{ "image",	    PARAM_STR,	 AT(image),	     PARAMS_RUN },
	{ "label",	    PARAM_LIST,	 AT(label),	     PARAMS_RUN },
	{ "net-path",	    PARAM_PATH,	 AT(net_path),	     PARAMS_RUN },
	{ "net-arg",	    PARAM_LIST,	 AT(net_arg),	     PARAMS_RUN },
	{ "net-ready",	    PARAM_WORD,	 AT(net_ready),	     PARAMS_RUN, net_ready_words },
	{ "net-api",	    PARAM_STR, 	 AT(net_api),	     PARAMS_RUN },
	{ "net-fwd",	    PARAM_LIST,	 AT(net_fwd),	     PARAMS_RUN },
	{ "stop-signal",    PARAM_U32,	 AT(stop_signal),    PARAMS_RUN },
	{ "stop-timeout",   PARAM_U32,	 AT(stop_timeout_s), PARAMS_RUN },
	{ "rm",		    PARAM_BOOL,	 AT(rm),	     PARAMS_RUN },
	{ "timeout",	    PARAM_U32,	 AT(timeout_s),	     PARAMS_RUN },
	{ "volume-rm",	    PARAM_PATHS, AT(volume_rm),	     PARAMS_RUN },
	{ "cidfile",	    PARAM_PATH,	 AT(cidfile),	     PARAMS_RUN },
	{ "health",	    PARAM_LIST,	 AT(health),	     PARAMS_RUN },
	{ "exit-sync",	    PARAM_BOOL,	 AT(exit_sync),	     PARAMS_RUN },
	{ "hold",	    PARAM_BOOL,	 AT(hold),	     PARAMS_RUN },
	{ "preserve-fds",   PARAM_U32,	 AT(preserve_fds),   PARAMS_RUN },
	{ "restart",	    PARAM_WORD,	 AT(restart),	     PARAMS_RUN, restart_words },
	{ "restart-max",    PARAM_U32,	 AT(restart_max),    PARAMS_RUN },
};
/* clang-format on */

int params_add(struct params *p, const void *body, size_t len, struct err *e)
{
	char *text;

	if (len == 0)
		return 0;
	if (((const char *)body)[len - 1] != '\0')
		return err_set(e, ERR_INVALID, "a request to the monitor is cut off");
	if (len > PARAMS_TEXT_MAX - p->text_len)
		return err_set(e, ERR_LIMIT, "a request to the monitor has more than %u bytes",
			       PARAMS_TEXT_MAX);
	text = realloc(p->text, p->text_len + len);
	if (!text)
		return err_sys(e, ENOMEM, "keep the request");
	memcpy(text + p->text_len, body, len);
	p->text = text;
	p->text_len += len;
	return 0;
}

static int list_add(struct param_list *l, const char *value)
{
	/* Grows when the count is a power of two: no separate capacity. */
	if ((l->n & (l->n - 1)) == 0) {
		const char **items = reallocarray(l->items, l->n ? 2 * l->n : 1, sizeof(*items));

		if (!items)
			return -ENOMEM;
		l->items = items;
	}
	l->items[l->n++] = value;
	return 0;
}

static int word_index(const char *const *words, const char *value, uint32_t *ret)
{
	for (uint32_t i = 0; words[i]; i++)
		if (streq(words[i], value)) {
			*ret = i;
			return 0;
		}
	return -EINVAL;
}

static int set_value(struct params *p, const struct param *row, const char *value)
{
	void *at = (char *)p + row->offset;
	bool is_path = row->kind == PARAM_PATH || row->kind == PARAM_PATHS;

	for (const unsigned char *c = (const unsigned char *)value; *c; c++)
		if (*c < 0x20 && !(*c == '\t' &&
				    (row->offset == AT(copyup) || row->offset == AT(append) ||
				     row->offset == AT(prepare))))
			return -EINVAL;
	if (is_path && value[0] != '/')
		return -EINVAL;
	switch (row->kind) {
	case PARAM_STR:
	case PARAM_PATH:
		*(const char **)at = value;
		return 0;
	case PARAM_LIST:
	case PARAM_PATHS:
		return list_add(at, value);
	case PARAM_BOOL:
		if (!streq(value, "0") && !streq(value, "1"))
			return -EINVAL;
		*(bool *)at = value[0] == '1';
		return 0;
	case PARAM_U32:
		return str_u32(value, UINT32_MAX, at);
	case PARAM_U64:
		return str_u64(value, UINT64_MAX, at);
	case PARAM_WORD:
		if (row->offset == AT(netns_new)) {
			if (!streq(value, "new") && !streq(value, "host"))
				return -EINVAL;
			p->netns_new = value[0] == 'n';
			return 0;
		}
		return word_index(row->words, value, at);
	}
	return -EINVAL;
}

static const struct param *find_row(const char *key, size_t len, enum params_phase phase)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].phase == phase && strlen(table[i].key) == len &&
		    memcmp(table[i].key, key, len) == 0)
			return &table[i];
	return NULL;
}

static int check_id(const char *id)
{
	return strlen(id) == 64 && strspn(id, "0123456789abcdef") == 64 ? 0 : -EINVAL;
}

/* The number before a colon; what stands behind it, or NULL. */
static const char *read_id(const char *s, uint32_t *ret)
{
	char num[12] = "";
	size_t len = strcspn(s, ":");

	if (len >= sizeof(num) || s[len] != ':')
		return NULL;
	memcpy(num, s, len);
	return str_u32(num, UINT32_MAX - 1, ret) == 0 ? s + len + 1 : NULL;
}

static bool read_root_ids(struct params *p)
{
	const char *gid = read_id(p->root_ids, &p->root_uid);

	return gid && str_u32(gid, UINT32_MAX - 1, &p->root_gid) == 0;
}

const char *params_owner(const char *text, uint32_t *ret_uid, uint32_t *ret_gid)
{
	const char *s = read_id(text, ret_uid);

	s = s ? read_id(s, ret_gid) : NULL;
	return s && *s && *s != '/' ? s : NULL;
}

static int check_prepare(const struct params *p, struct err *e)
{
	if (!p->inner_uidmap != !p->inner_gidmap)
		return err_set(e, ERR_INVALID, "inner-uidmap and inner-gidmap go together");
	for (size_t i = 0; i < p->join.n; i++) {
		if (p->netns_new && str_starts(p->join.items[i], "net:"))
			return err_set(e, ERR_INVALID, "a network namespace cannot be new and joined");
		if (p->inner_uidmap && str_starts(p->join.items[i], "user:"))
			return err_set(e, ERR_INVALID, "a user namespace cannot be new and joined");
	}
	return 0;
}

static int check_run(struct params *p, struct err *e)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].required && !*(const char *const *)((const char *)p + table[i].offset))
			return err_set(e, ERR_INVALID, "the request to the monitor has no %s",
				       table[i].key);
	if (check_id(p->id) < 0)
		return err_set(e, ERR_INVALID, "the container's id is not 64 hex digits");
	if (p->log_driver == LOG_DRIVER_JOURNALD && !p->name)
		return err_set(e, ERR_INVALID, "a log in the journal needs the container's name");
	if (p->log_driver == LOG_DRIVER_PASSTHROUGH && p->terminal)
		return err_set(e, ERR_INVALID, "stdio that is passed through is no terminal of ours");
	if (p->log_max_files > LOG_FILES_MAX)
		return err_set(e, ERR_INVALID, "more than %u log files", LOG_FILES_MAX);
	if (p->log_driver == LOG_DRIVER_K8S_FILE && !p->log_path)
		return err_set(e, ERR_INVALID, "log driver k8s-file needs a log path");
	if (p->net_path && p->net_arg.n == 0)
		return err_set(e, ERR_INVALID, "the network helper %s has no arguments",
			       p->net_path);
	if (p->net_fwd.n > 0 && !p->net_api)
		return err_set(e, ERR_INVALID, "net-fwd needs net-api");
	if (p->net_api && (!path_is_component(p->net_api) || strlen(p->net_api) > 64))
		return err_set(e, ERR_INVALID, "net-api is no short name in the run directory");
	if (p->events == MON_EVENTS_FILE && !p->events_path)
		return err_set(e, ERR_INVALID, "events in a file need events-path");
	if (p->rm && (!p->tmpdir || (p->name && !p->namesdir)))
		return err_set(e, ERR_INVALID, "removing the container needs tmpdir and namesdir");
	if (p->rm && p->restart != MON_RESTART_NO && p->restart != MON_RESTART_ON_FAILURE)
		return err_set(e, ERR_INVALID, "a container that is removed when it ends has no restarts");
	if (p->preserve_fds > MON_FDS_MAX)
		return err_set(e, ERR_INVALID, "more than %d descriptors", MON_FDS_MAX);
	if (p->name && !path_is_component(p->name))
		return err_set(e, ERR_INVALID, "the container's name is not a file name");
	if (p->lower.n > 0 && !p->rootfs)
		return err_set(e, ERR_INVALID, "layers without a directory to mount them on");
	if (!p->upper != !p->work)
		return err_set(e, ERR_INVALID, "an overlay needs both upper and work or neither");
	if (p->root_ids && !read_root_ids(p))
		return err_set(e, ERR_INVALID, "root-ids is not UID:GID");
	if ((p->own.n > 0 || p->upper_owner) && !p->root_ids)
		return err_set(e, ERR_INVALID, "upper-owner and own need root-ids");
	for (size_t i = 0; i < p->own.n; i++)
		if (!path_is_component(p->own.items[i]))
			return err_set(e, ERR_INVALID, "own is no name in the run directory");
	for (size_t i = 0; i < p->owner.n; i++) {
		uint32_t uid, gid;

		if (!params_owner(p->owner.items[i], &uid, &gid))
			return err_set(e, ERR_INVALID, "owner is not UID:GID:PATH");
	}
	if (p->rows > UINT16_MAX || p->cols > UINT16_MAX)
		return err_set(e, ERR_INVALID, "the terminal's size is out of range");
	for (size_t i = 0; i < p->runtime_env.n; i++)
		if (!strchr(p->runtime_env.items[i], '='))
			return err_set(e, ERR_INVALID, "runtime-env needs a variable and its value");
	for (size_t i = 0; i < p->copyup.n; i++)
		if (!strstr(p->copyup.items[i], "\t/"))
			return err_set(e, ERR_INVALID,
				       "copyup needs a volume and an absolute path");
	for (size_t i = 0; i < p->append.n; i++)
		if (!strchr(p->append.items[i], '\t'))
			return err_set(e, ERR_INVALID, "append needs a path and a line");
	return 0;
}

int params_parse(struct params *p, enum params_phase phase, struct err *e)
{
	const char *end = p->text + p->text_len;

	for (const char *s = p->text; s < end; s += strlen(s) + 1) {
		const char *eq = strchr(s, '=');
		const struct param *row = eq ? find_row(s, (size_t)(eq - s), phase) : NULL;
		int r;

		if (!row)
			return err_set(e, ERR_INVALID,
				       "the monitor does not know \"%.40s\" (do its version "
				       "and that of ctr-lite differ?)",
				       s);
		r = set_value(p, row, eq + 1);
		if (r == -ENOMEM)
			return err_sys(e, r, "read the request");
		if (r < 0)
			return err_set(e, ERR_INVALID,
				       "bad value in the request to the monitor: %.200s", s);
	}
	return phase == PARAMS_RUN ? check_run(p, e) : check_prepare(p, e);
}

int params_environ(const struct params *p, struct err *e)
{
	for (size_t i = 0; i < p->runtime_env.n; i++)
		if (putenv((char *)(uintptr_t)p->runtime_env.items[i]) != 0)
			return err_sys(e, ENOMEM, "set the runtime's environment");
	return 0;
}

void params_done(struct params *p)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].kind == PARAM_LIST || table[i].kind == PARAM_PATHS)
			free(((struct param_list *)((char *)p + table[i].offset))->items);
	free(p->text);
	*p = (struct params)PARAMS_INIT;
}
