/* registries.conf, its drop-ins and aliases. */
#include "registries-conf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf-file.h"
#include "fd.h"
#include "file.h"
#include "json.h"
#include "path.h"
#include "userns.h"

#define SYSTEM_CONF "/etc/containers/registries.conf"
#define SYSTEM_CONF_DIR "/etc/containers/registries.conf.d"
#define USER_CONF ".config/containers/registries.conf"
#define ALIAS_FILE "short-name-aliases.conf"
#define RULES_MAX 10000		/* [[registry]] tables of all files */
#define MIRRORS_MAX 100		/* of one [[registry]] */
#define ALIASES_MAX 100000	/* of all files */
#define SEARCH_MAX 100
#define HELPERS_MAX 100		/* credential-helpers */

static void rule_done(struct registry_rule *r)
{
	for (size_t i = 0; i < r->n_mirrors; i++)
		free(r->mirrors[i].location);
	free(r->mirrors);
	free(r->prefix);
	free(r->location);
	*r = (struct registry_rule){ 0 };
}

void registries_conf_done(struct registries_conf *c)
{
	int saved = errno;

	for (size_t i = 0; i < c->n_rules; i++)
		rule_done(&c->rules[i]);
	for (size_t i = 0; i < c->n_aliases; i++) {
		free(c->aliases[i].name);
		free(c->aliases[i].value);
		free(c->aliases[i].origin);
	}
	free(c->rules);
	free(c->aliases);
	free(c->path);
	free(c->search_origin);
	strv_done(&c->search);
	strv_done(&c->helpers);
	*c = (struct registries_conf)REGISTRIES_CONF_INIT;
	errno = saved;
}

static int oom(const char *path, struct err *e)
{
	return err_sys(e, ENOMEM, "read %s", path);
}

/* A location or prefix as it is compared: no scheme, no trailing slash.  Fresh in *@ret. */
static int clean_location(const char *path, const char *s, char **ret, struct err *e)
{
	size_t n = strlen(s);
	char *out;

	if (str_starts(s, "http://") || str_starts(s, "https://"))
		return err_set(e, ERR_CORRUPT, "%s: location \"%s\": write host[:port]/path without a "
			       "URI scheme", path, s);
	while (n > 0 && s[n - 1] == '/')
		n--;
	out = strndup(s, n);
	if (!out)
		return oom(path, e);
	*ret = out;
	return 0;
}

/* [[registry.mirror]] */

static int read_pull_from(const char *path, const char *s, enum mirror_pull *ret, struct err *e)
{
	static const char *const words[] = { "all", "digest-only", "tag-only" };

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (streq(s, words[i])) {
			*ret = (enum mirror_pull)i;
			return 0;
		}
	}
	return err_set(e, ERR_CORRUPT, "%s: pull-from-mirror is \"%.40s\", must be all, digest-only or "
		       "tag-only", path, s);
}

static int read_mirror(const char *path, const json_t *j, const struct registry_rule *rule,
		       struct registry_mirror *m, struct err *e)
{
	struct {
		const char *location, *pull;
		bool insecure;
	} f = { .location = "", .pull = "" };
	static const struct json_field fields[] = {
		{ "location", JSON_KIND_STR, 0, 0, 1000 },
		{ "pull-from-mirror", JSON_KIND_STR, sizeof(char *), 0, 100 },
		{ "insecure", JSON_KIND_BOOL, 2 * sizeof(char *) },
		{ 0 },
	};
	auto_free char *where = str_printf("%s: registry.mirror", path);
	int r = where ? json_read(j, fields, &f, JSON_ALLOW_UNKNOWN, where, e) : oom(path, e);

	if (r < 0)
		return r;
	if (!*f.location)
		return err_set(e, ERR_CORRUPT, "%s: a mirror of \"%s\" has no location", path,
			       rule->prefix);
	if (*f.pull && rule->mirror_by_digest_only)
		return err_set(e, ERR_CORRUPT, "%s: registry \"%s\" has mirror-by-digest-only, so its "
			       "mirrors cannot have pull-from-mirror", path, rule->prefix);
	if (*f.pull) {
		r = read_pull_from(path, f.pull, &m->pull, e);
		if (r < 0)
			return r;
	}
	m->insecure = f.insecure;
	return clean_location(path, f.location, &m->location, e);
}

static int read_mirrors(const char *path, const json_t *arr, struct registry_rule *rule,
			struct err *e)
{
	size_t n = json_array_size(arr);

	if (n == 0)
		return 0;
	rule->mirrors = calloc(n, sizeof(*rule->mirrors));
	if (!rule->mirrors)
		return oom(path, e);
	for (size_t i = 0; i < n; i++) {
		int r = read_mirror(path, json_array_get(arr, i), rule, &rule->mirrors[rule->n_mirrors++], e);

		if (r < 0)
			return r;
	}
	return 0;
}

/* [[registry]] */

struct rule_fields {
	const char *prefix, *location, *pull;
	bool insecure, blocked, by_digest;
	const json_t *mirrors;
};

static const struct json_field rule_fields[] = {
	{ "prefix", JSON_KIND_STR, offsetof(struct rule_fields, prefix), 0, 1000 },
	{ "location", JSON_KIND_STR, offsetof(struct rule_fields, location), 0, 1000 },
	{ "pull-from-mirror", JSON_KIND_STR, offsetof(struct rule_fields, pull), 0, 100 },
	{ "insecure", JSON_KIND_BOOL, offsetof(struct rule_fields, insecure) },
	{ "blocked", JSON_KIND_BOOL, offsetof(struct rule_fields, blocked) },
	{ "mirror-by-digest-only", JSON_KIND_BOOL, offsetof(struct rule_fields, by_digest) },
	{ "mirror", JSON_KIND_ARRAY, offsetof(struct rule_fields, mirrors), 0, MIRRORS_MAX },
	{ 0 },
};

static int read_rule(const char *path, size_t index, const json_t *j, struct registry_rule *rule,
		     struct err *e)
{
	struct rule_fields f = { .prefix = "", .location = "" };
	auto_free char *where = str_printf("%s: registry[%zu]", path, index);
	int r = where ? json_read(j, rule_fields, &f, JSON_ALLOW_UNKNOWN, where, e) : oom(path, e);

	if (r < 0)
		return r;
	if (f.pull)
		return err_set(e, ERR_CORRUPT, "%s: pull-from-mirror belongs into [[registry.mirror]], not "
			       "into [[registry]]", where);
	if (!*f.prefix && !*f.location)
		return err_set(e, ERR_CORRUPT, "%s: neither prefix nor location is set", where);
	if (!*f.location && !str_starts(f.prefix, "*."))
		return err_set(e, ERR_CORRUPT, "%s: location is not set and prefix is not of the form "
			       "*.example.com", where);
	if (str_starts(f.prefix, "*.") && strpbrk(f.prefix, "/:@"))
		return err_set(e, ERR_CORRUPT, "%s: a prefix with a wildcard is only *.example.com", where);
	r = clean_location(path, *f.prefix ? f.prefix : f.location, &rule->prefix, e);
	if (r == 0)
		r = clean_location(path, f.location, &rule->location, e);
	if (r < 0)
		return r;
	rule->insecure = f.insecure;
	rule->blocked = f.blocked;
	rule->mirror_by_digest_only = f.by_digest;
	return read_mirrors(path, f.mirrors, rule, e);
}

/* Two tables of one file about one location must agree on what they say of the host. */
static int check_conflict(const char *path, const struct registries_conf *c,
			  const struct registry_rule *rule, struct err *e)
{
	for (size_t i = 0; i < c->n_rules; i++) {
		const struct registry_rule *o = &c->rules[i];

		if (!*rule->location || !streq(o->location, rule->location))
			continue;
		if (o->insecure != rule->insecure || o->blocked != rule->blocked)
			return err_set(e, ERR_CORRUPT, "%s: registry \"%s\" is defined twice with different "
				       "settings of \"%s\"", path, rule->location,
				       o->insecure != rule->insecure ? "insecure" : "blocked");
	}
	return 0;
}

/* Later files replace a rule of the same prefix. */
static int add_rule(const char *path, struct registries_conf *c, struct registry_rule *rule,
		    struct err *e)
{
	struct registry_rule *rules;

	for (size_t i = 0; i < c->n_rules; i++) {
		if (streq(c->rules[i].prefix, rule->prefix)) {
			rule_done(&c->rules[i]);
			c->rules[i] = *rule;
			return 0;
		}
	}
	if (c->n_rules == RULES_MAX)
		return err_set(e, ERR_LIMIT, "%s: more than %d registries", path, RULES_MAX);
	rules = reallocarray(c->rules, c->n_rules + 1, sizeof(*rules));
	if (!rules)
		return oom(path, e);
	c->rules = rules;
	c->rules[c->n_rules++] = *rule;
	return 0;
}

static int read_rules(const char *path, const json_t *arr, struct registries_conf *c, struct err *e)
{
	struct registries_conf own = REGISTRIES_CONF_INIT; /* of this file, for the conflict check */
	int r = 0;

	for (size_t i = 0; r == 0 && i < json_array_size(arr); i++) {
		struct registry_rule rule = { 0 };

		r = read_rule(path, i, json_array_get(arr, i), &rule, e);
		if (r == 0)
			r = check_conflict(path, &own, &rule, e);
		if (r == 0)
			r = add_rule(path, &own, &rule, e);
		if (r < 0)
			rule_done(&rule);
	}
	for (size_t i = 0; r == 0 && i < own.n_rules; i++) {
		r = add_rule(path, c, &own.rules[i], e);
		if (r == 0)
			own.rules[i] = (struct registry_rule){ 0 };
	}
	registries_conf_done(&own);
	return r;
}

/* [aliases] */

static int read_aliases(const char *path, const json_t *obj, struct registries_conf *c, struct err *e)
{
	json_t *o = (json_t *)(uintptr_t)obj; /* jansson's iterator takes no const */
	size_t n = json_object_size(obj);
	struct registry_alias *aliases;
	const char *key;
	json_t *v;

	if (n == 0)
		return 0;
	if (c->n_aliases + n > ALIASES_MAX)
		return err_set(e, ERR_LIMIT, "%s: more than %d aliases", path, ALIASES_MAX);
	aliases = reallocarray(c->aliases, c->n_aliases + n, sizeof(*aliases));
	if (!aliases)
		return oom(path, e);
	c->aliases = aliases;
	json_object_foreach(o, key, v) {
		struct registry_alias a = { 0 };

		if (!json_is_string(v))
			return err_set(e, ERR_CORRUPT, "%s: aliases.%.60s: expected a string", path, key);
		a.name = strdup(key);
		a.value = strdup(json_string_value(v));
		a.origin = strdup(path);
		c->aliases[c->n_aliases++] = a;
		if (!a.name || !a.value || !a.origin)
			return oom(path, e);
	}
	return 0;
}

/* Files */

struct file_fields {
	const json_t *search, *rules, *aliases, *helpers, *v1;
	const char *mode;
};

static const struct json_field file_fields[] = {
	{ "unqualified-search-registries", JSON_KIND_ARRAY, offsetof(struct file_fields, search), 0,
	  SEARCH_MAX },
	{ "registry", JSON_KIND_ARRAY, offsetof(struct file_fields, rules), 0, RULES_MAX },
	{ "aliases", JSON_KIND_OBJECT, offsetof(struct file_fields, aliases) },
	{ "credential-helpers", JSON_KIND_ARRAY, offsetof(struct file_fields, helpers), 0, HELPERS_MAX },
	{ "registries", JSON_KIND_ANY, offsetof(struct file_fields, v1) },
	{ "short-name-mode", JSON_KIND_STR, offsetof(struct file_fields, mode), 0, 100 },
	{ 0 },
};

static int read_mode(const char *path, const char *s, enum short_name_mode *ret, struct err *e)
{
	if (streq(s, "permissive") || !*s)
		*ret = SHORT_NAME_PERMISSIVE;
	else if (streq(s, "enforcing"))
		*ret = SHORT_NAME_ENFORCING;
	else if (streq(s, "disabled"))
		*ret = SHORT_NAME_DISABLED;
	else
		return err_set(e, ERR_CORRUPT, "%s: short-name-mode is \"%.40s\", must be enforcing, "
			       "permissive or disabled", path, s);
	return 0;
}

static int read_search(const char *path, const json_t *arr, struct registries_conf *c, struct err *e)
{
	auto_strv struct strv names = STRV_INIT;
	auto_free char *where = str_printf("%s: unqualified-search-registries", path);
	int r = where ? json_read_strv(arr, &names, SEARCH_MAX, where, e) : oom(path, e);

	if (r < 0)
		return r;
	strv_done(&c->search);
	free(c->search_origin);
	c->search_origin = strdup(path);
	if (!c->search_origin)
		return oom(path, e);
	for (size_t i = 0; i < names.n; i++) {
		char *clean = NULL;

		r = clean_location(path, names.items[i], &clean, e);
		if (r < 0)
			return r;
		if (!*clean) {
			free(clean);
			return err_set(e, ERR_CORRUPT, "%s[%zu] is empty", where, i);
		}
		if (strv_add_take(&c->search, clean) < 0)
			return oom(path, e);
	}
	return 0;
}

static int read_helpers(const char *path, const json_t *arr, struct registries_conf *c, struct err *e)
{
	auto_free char *where = str_printf("%s: credential-helpers", path);

	strv_done(&c->helpers);
	return where ? json_read_strv(arr, &c->helpers, HELPERS_MAX, where, e) : oom(path, e);
}

/* Lay one file on what is there; 0 where there is none. */
static int read_file(const char *path, struct registries_conf *c, struct err *e)
{
	auto_json json_t *j = NULL;
	struct file_fields f = { 0 };
	auto_free char *where = str_printf("%s: ", path);
	int r = where ? conf_load(path, &j, e) : oom(path, e);

	if (r <= 0)
		return r;
	r = json_read(j, file_fields, &f, JSON_ALLOW_UNKNOWN, where, e);
	if (r < 0)
		return r;
	if (f.v1)
		return err_set(e, ERR_UNSUPPORTED, "%s: the [registries.*] tables of version 1 are not "
			       "supported: use unqualified-search-registries and [[registry]], see "
			       "containers-registries.conf(5)", path);
	if (f.search)
		r = read_search(path, f.search, c, e);
	if (r == 0 && f.helpers)
		r = read_helpers(path, f.helpers, c, e);
	if (r == 0 && f.mode)
		r = read_mode(path, f.mode, &c->mode, e);
	if (r == 0)
		r = read_rules(path, f.rules, c, e);
	if (r == 0)
		r = read_aliases(path, f.aliases, c, e);
	return r;
}

static char *home_path(const char *rel)
{
	const char *home = getenv("HOME");

	return home && *home == '/' ? str_printf("%s/%s", home, rel) : NULL;
}

/* The file that records choices; NULL where there is no place for one. */
static char *alias_path(void)
{
	const char *xdg = getenv("XDG_CACHE_HOME");

	/* Who is root only in the namespace of our `unshare` is the user still. */
	if (geteuid() == 0 && (!getenv("CTR_LITE_UNSHARE_ROOT") || userns_is_initial()))
		return strdup("/var/cache/containers/" ALIAS_FILE);
	if (xdg && *xdg == '/')
		return str_printf("%s/containers/" ALIAS_FILE, xdg);
	return home_path(".cache/containers/" ALIAS_FILE);
}

static const char *env_conf(void)
{
	const char *v = getenv("CONTAINERS_REGISTRIES_CONF");

	if (!v || !*v)
		v = getenv("REGISTRIES_CONFIG_PATH");
	return v && *v ? v : NULL;
}

int registries_conf_load(struct registries_conf *ret, struct err *e)
{
	struct registries_conf c = REGISTRIES_CONF_INIT;
	auto_free char *user = home_path(USER_CONF), *user_dir = home_path(USER_CONF ".d");
	auto_free char *recorded = alias_path();
	auto_strv struct strv files = STRV_INIT;
	const char *env = env_conf();
	bool use_user = !env && user && access(user, F_OK) == 0;
	int r = 0;

	c.path = strdup(env ? env : use_user ? user : SYSTEM_CONF);
	if (!c.path || strv_add(&files, c.path) < 0)
		r = oom("registries.conf", e);
	if (r == 0 && !use_user)
		r = conf_list_dir(SYSTEM_CONF_DIR, &files, e);
	if (r == 0 && user_dir)
		r = conf_list_dir(user_dir, &files, e);
	if (r == 0 && recorded && strv_add(&files, recorded) < 0)
		r = oom("registries.conf", e);
	for (size_t i = 0; r == 0 && i < files.n; i++)
		r = read_file(files.items[i], &c, e);
	if (r < 0) {
		registries_conf_done(&c);
		return r;
	}
	*ret = c;
	return 0;
}

const struct registry_alias *registries_conf_alias(const struct registries_conf *c, const char *name)
{
	/* Later files win, and an empty value takes back what an earlier one said. */
	for (size_t i = c->n_aliases; i-- > 0;)
		if (streq(c->aliases[i].name, name))
			return *c->aliases[i].value ? &c->aliases[i] : NULL;
	return NULL;
}

/* Matching */

static bool at_boundary(char c)
{
	return c == '\0' || c == ':' || c == '/' || c == '@';
}

/* How much of @ref the prefix covers; 0 where it does not match. */
static size_t prefix_match(const char *ref, const char *prefix)
{
	size_t n = strlen(prefix);
	const char *suffix, *host_end, *at;

	if (!str_starts(prefix, "*."))
		return str_starts(ref, prefix) && at_boundary(ref[n]) ? n : 0;
	suffix = prefix + 1;
	host_end = ref + strcspn(ref, "/");
	for (at = strstr(ref, suffix); at && at < host_end; at = strstr(at + 1, suffix))
		if (at_boundary(at[n - 1]))
			return (size_t)(at - ref) + n - 1;
	return 0;
}

const struct registry_rule *registries_conf_rule(const struct registries_conf *c, const char *ref)
{
	const struct registry_rule *best = NULL;

	for (size_t i = 0; i < c->n_rules; i++) {
		const struct registry_rule *r = &c->rules[i];

		if (prefix_match(ref, r->prefix) > 0 &&
		    (!best || strlen(r->prefix) > strlen(best->prefix)))
			best = r;
	}
	return best;
}

void pull_sources_done(struct pull_sources *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->items[i].ref);
	free(s->items);
	*s = (struct pull_sources)PULL_SOURCES_INIT;
}

/* @ref with its first @covered bytes replaced by @location ("": as it is). */
static int add_source(struct pull_sources *s, const char *ref, size_t covered, const char *location,
		      bool insecure, bool mirror)
{
	char *full = *location ? str_printf("%s%s", location, ref + covered) : strdup(ref);

	if (!full)
		return -ENOMEM;
	s->items[s->n++] = (struct pull_source){ .ref = full, .insecure = insecure, .mirror = mirror };
	return 0;
}

static bool mirror_wanted(const struct registry_rule *rule, const struct registry_mirror *m,
			  bool digested)
{
	if (rule->mirror_by_digest_only)
		return digested;
	switch (m->pull) {
	case MIRROR_PULL_ALL:
		return true;
	case MIRROR_PULL_DIGEST_ONLY:
		return digested;
	case MIRROR_PULL_TAG_ONLY:
		return !digested;
	}
	return true;
}

int registries_conf_sources(const struct registries_conf *c, const char *ref, bool digested,
			    struct pull_sources *ret, struct err *e)
{
	const struct registry_rule *rule = registries_conf_rule(c, ref);
	size_t covered = rule ? prefix_match(ref, rule->prefix) : 0;
	struct pull_sources s = PULL_SOURCES_INIT;
	int r = 0;

	if (rule && rule->blocked)
		return err_set(e, ERR_DENIED, "registry %s is blocked in %s or its .d directory",
			       rule->prefix, c->path);
	s.items = calloc((rule ? rule->n_mirrors : 0) + 1, sizeof(*s.items));
	if (!s.items)
		return err_sys(e, ENOMEM, "find the sources of %s", ref);
	for (size_t i = 0; r == 0 && rule && i < rule->n_mirrors; i++) {
		const struct registry_mirror *m = &rule->mirrors[i];

		if (mirror_wanted(rule, m, digested))
			r = add_source(&s, ref, covered, m->location, m->insecure, true);
	}
	if (r == 0)
		r = add_source(&s, ref, covered, rule ? rule->location : "", rule && rule->insecure, false);
	if (r < 0) {
		pull_sources_done(&s);
		return err_sys(e, r, "find the sources of %s", ref);
	}
	*ret = s;
	return 0;
}

/* Recording */

/* A JSON string is a TOML string too. */
static void add_quoted(struct strbuf *b, const char *s)
{
	auto_json json_t *j = json_string(s);
	auto_free char *text = j ? json_dumps(j, JSON_ENCODE_ANY) : NULL;

	if (text)
		strbuf_add(b, text);
	else
		b->failed = true;
}

static int write_aliases(int dir_fd, json_t *aliases)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;
	const char *key;
	json_t *v;

	strbuf_add(&b, "[aliases]\n");
	json_object_foreach(aliases, key, v) {
		if (!json_is_string(v))
			continue;
		strbuf_add(&b, "  ");
		add_quoted(&b, key);
		strbuf_add(&b, " = ");
		add_quoted(&b, json_string_value(v));
		strbuf_add(&b, "\n");
	}
	if (b.failed)
		return -ENOMEM;
	return file_replace(dir_fd, ALIAS_FILE, b.data, b.len, 0600, FILE_SYNC_NONE);
}

int registries_conf_record_alias(const char *name, const char *value, struct err *e)
{
	auto_free char *path = alias_path();
	auto_json json_t *j = NULL;
	auto_close int dir_fd = FD_NONE;
	json_t *aliases;
	char *slash;
	int r;

	if (!path)
		return err_set(e, ERR_NOT_FOUND, "record the alias %s: HOME is not set", name);
	r = conf_load(path, &j, e);
	if (r < 0)
		return r;
	slash = strrchr(path, '/');
	*slash = '\0';
	r = path_mkdirs(path, 0700);
	if (r < 0)
		return err_sys(e, r, "make %s", path);
	dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		return err_sys(e, errno, "open %s", path);
	if (!j)
		j = json_object();
	aliases = json_object_get(j, "aliases");
	if (!json_is_object(aliases)) {
		aliases = json_object();
		if (json_object_set_new(j, "aliases", aliases) < 0)
			return err_sys(e, ENOMEM, "record the alias %s", name);
	}
	if (json_object_set_new(aliases, name, json_string(value)) < 0)
		return err_sys(e, ENOMEM, "record the alias %s", name);
	r = write_aliases(dir_fd, aliases);
	return r < 0 ? err_sys(e, r, "write %s/" ALIAS_FILE, path) : 0;
}
