/* The syntax of -v, --mount and --tmpfs, one table of option words for all three. */
#include "mountopt.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>

#include "fd.h"
#include "path.h"

#define FIELDS_MAX 64	/* key=value fields of one --mount */

static const char *const type_words[] = {
	[SPEC_MOUNT_BIND] = "bind",
	[SPEC_MOUNT_VOLUME] = "volume",
	[SPEC_MOUNT_TMPFS] = "tmpfs",
	[SPEC_MOUNT_RAMFS] = "ramfs",
	[SPEC_MOUNT_DEVPTS] = "devpts",
	[SPEC_MOUNT_IMAGE] = "image",
	[SPEC_MOUNT_GLOB] = "glob",
};
static_assert(sizeof(type_words) / sizeof(type_words[0]) == SPEC_MOUNT_TYPE_COUNT_,
	      "a word for every type");

#define T(t) (1u << SPEC_MOUNT_##t)
#define T_BINDS (T(BIND) | T(VOLUME) | T(GLOB))
#define T_MEM (T(TMPFS) | T(RAMFS))
#define T_ALL (T_BINDS | T_MEM | T(DEVPTS) | T(IMAGE))

/* Options of which a mount has at most one. */
enum group {
	GROUP_NONE,	/* may come with all others */
	GROUP_RW,
	GROUP_BIND,
	GROUP_PROPAGATION,
	GROUP_EXEC,
	GROUP_SUID,
	GROUP_DEV,
	GROUP_COPY,
	GROUP_LABEL,
	GROUP_CHOWN,
	GROUP_OVERLAY,
	GROUP_IDMAP,
	GROUP_RRO,
	GROUP_COUNT_,
};

/* Words without a value. */
static const struct word {
	const char *name;
	unsigned int types;
	enum group group;
} words[] = {
	{ "rw", T_ALL, GROUP_RW },
	{ "ro", T_ALL, GROUP_RW },
	{ "bind", T_BINDS, GROUP_BIND },
	{ "rbind", T_BINDS, GROUP_BIND },
	{ "shared", T_BINDS, GROUP_PROPAGATION },
	{ "rshared", T_BINDS, GROUP_PROPAGATION },
	{ "slave", T_BINDS, GROUP_PROPAGATION },
	{ "rslave", T_BINDS, GROUP_PROPAGATION },
	{ "private", T_BINDS | T_MEM, GROUP_PROPAGATION },
	{ "rprivate", T_BINDS | T_MEM, GROUP_PROPAGATION },
	{ "unbindable", T_BINDS, GROUP_PROPAGATION },
	{ "runbindable", T_BINDS, GROUP_PROPAGATION },
	{ "exec", T_ALL, GROUP_EXEC },
	{ "noexec", T_ALL, GROUP_EXEC },
	{ "suid", T_ALL, GROUP_SUID },
	{ "nosuid", T_ALL, GROUP_SUID },
	{ "dev", T_ALL, GROUP_DEV },
	{ "nodev", T_ALL, GROUP_DEV },
	{ "copy", T(VOLUME), GROUP_COPY },
	{ "nocopy", T(VOLUME), GROUP_COPY },
	{ "tmpcopyup", T(TMPFS), GROUP_COPY },
	{ "notmpcopyup", T_MEM, GROUP_COPY },
	{ "z", T_BINDS, GROUP_LABEL },
	{ "Z", T_BINDS, GROUP_LABEL },
	{ "U", T_BINDS | T_MEM, GROUP_CHOWN },
	{ "O", T_BINDS, GROUP_OVERLAY },
	{ "idmap", T_BINDS, GROUP_IDMAP },
	{ "rro", T_BINDS, GROUP_RRO },
	{ "noatime", T_MEM, GROUP_NONE },
	{ "relatime", T_MEM, GROUP_NONE },
	{ "strictatime", T_MEM, GROUP_NONE },
	{ "nodiratime", T_MEM, GROUP_NONE },
	{ "sync", T_MEM, GROUP_NONE },
	{ "dirsync", T_MEM, GROUP_NONE },
};

/* Known elsewhere, not here yet: refused by name. */
static const struct {
	const char *name, *why;
} refused[] = {
	{ "idmap", "a map of one's own for an id-mapped mount" },
	{ "volume-opt", "volume driver options" },
	{ "volume-driver", "volume drivers" },
	{ "volume-label", "volume labels on a mount" },
	{ "swap", "swap settings of tmpfs" },
	{ "noswap", "swap settings of tmpfs" },
};

struct parser {
	struct spec_mount m;
	const struct word *chosen[GROUP_COUNT_];
	struct strv plain;	/* further words and key=value options, as the kernel takes them */
};

static void spec_mount_done(struct spec_mount *m)
{
	free(m->source);
	free(m->dest);
	free(m->upperdir);
	free(m->workdir);
	free(m->subpath);
	strv_done(&m->options);
}

static void parser_done(struct parser *p)
{
	spec_mount_done(&p->m);
	strv_done(&p->plain);
}
#define auto_parser __attribute__((cleanup(parser_done)))

void spec_mounts_done(struct spec_mounts *m)
{
	for (size_t i = 0; i < m->n; i++)
		spec_mount_done(&m->items[i]);
	free(m->items);
	*m = (struct spec_mounts)SPEC_MOUNTS_INIT;
}

const char *spec_mount_type_str(enum spec_mount_type t)
{
	return t < SPEC_MOUNT_TYPE_COUNT_ ? type_words[t] : "unknown";
}

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool spec_volume_name_ok(const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len > 255 || !is_alnum(*name))
		return false;
	for (; *name; name++)
		if (!is_alnum(*name) && !strchr("_.-", *name))
			return false;
	return true;
}

static int no_memory(struct err *e)
{
	return err_sys(e, -ENOMEM, "read mount options");
}

static bool has_control(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return true;
	return false;
}

static int check_text(const char *value, struct err *e)
{
	if (strlen(value) > SPEC_MOUNT_TEXT_MAX)
		return err_set(e, ERR_LIMIT, "a value of %zu bytes, at most %d are taken",
			       strlen(value), SPEC_MOUNT_TEXT_MAX);
	if (has_control(value))
		return err_set(e, ERR_INVALID, "control characters are not permitted");
	return 0;
}

static int set_dest(struct spec_mount *m, const char *dest, struct err *e)
{
	if (*dest != '/')
		return err_set(e, ERR_INVALID, "invalid container path \"%s\", must be an absolute path",
			       dest);
	free(m->dest);
	m->dest = path_clean_abs(dest);
	if (!m->dest)
		return no_memory(e);
	if (streq(m->dest, "/"))
		return err_set(e, ERR_INVALID, "invalid container path \"%s\": it must not be the "
			       "root", dest);
	return 0;
}

static int set_source(struct spec_mount *m, const char *source, const char *cwd, struct err *e)
{
	auto_free char *joined = *source == '/' ? strdup(source) : path_join(cwd, source);

	if (!joined)
		return no_memory(e);
	free(m->source);
	m->source = path_clean_abs(joined);
	return m->source ? 0 : no_memory(e);
}

static int unknown_option(const struct parser *p, const char *option, struct err *e)
{
	size_t len = strcspn(option, "=");

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (strlen(refused[i].name) == len && memcmp(refused[i].name, option, len) == 0)
			return err_set(e, ERR_UNSUPPORTED, "option \"%s\": %s is not supported yet",
				       option, refused[i].why);
	return err_set(e, ERR_INVALID, "invalid option type \"%s\": %s: invalid mount option for a %s "
		       "mount", option, option, spec_mount_type_str(p->m.type));
}

static int choose(struct parser *p, const struct word *w, struct err *e)
{
	const struct word **slot = &p->chosen[w->group];

	if (w->group == GROUP_NONE)
		return strv_has(&p->plain, w->name) || strv_add(&p->plain, w->name) == 0
		       ? 0 : no_memory(e);
	if (*slot && *slot != w)
		return err_set(e, ERR_INVALID, "invalid options \"%s, %s\", can only specify 1 of them",
			       (*slot)->name, w->name);
	*slot = w;
	return 0;
}

/* 1 when @name was one of the words, 0 when not, or an error. */
static int take_word(struct parser *p, const char *name, struct err *e)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		int r;

		if (!streq(words[i].name, name))
			continue;
		if (!(words[i].types & (1u << p->m.type)))
			return err_set(e, ERR_INVALID, "option \"%s\" does not apply to a %s mount",
				       name, spec_mount_type_str(p->m.type));
		r = choose(p, &words[i], e);
		return r < 0 ? r : 1;
	}
	return 0;
}

static bool is_octal(const char *s)
{
	return *s && strlen(s) <= 5 && s[strspn(s, "01234567")] == '\0' &&
	       strtoul(s, NULL, 8) <= 07777;
}

static bool size_ok(const char *s)
{
	size_t len = strlen(s);
	char num[16];
	uint64_t bytes;
	uint32_t percent;

	if (len > 1 && len < sizeof(num) && s[len - 1] == '%') {
		memcpy(num, s, len - 1);
		num[len - 1] = '\0';
		return str_u32(num, 100, &percent) == 0;
	}
	return str_size(s, &bytes) == 0;
}

static int put_option(struct parser *p, const char *key, const char *value, struct err *e)
{
	for (size_t i = 0; i < p->plain.n; i++) {
		const char *rest = str_after(p->plain.items[i], key);

		if (rest && *rest == '=')
			return err_set(e, ERR_INVALID, "option \"%s\" is given twice", key);
	}
	return strv_addf(&p->plain, "%s=%s", key, value) < 0 ? no_memory(e) : 0;
}

/* upperdir= and workdir= of an overlay. */
static int take_overlay_dir(struct parser *p, const char *key, const char *value, struct err *e)
{
	char **slot = streq(key, "upperdir") ? &p->m.upperdir : &p->m.workdir;

	if (!(T_BINDS & (1u << p->m.type)))
		return 0;
	if (*slot)
		return err_set(e, ERR_INVALID, "option \"%s\" is given twice", key);
	if (*value != '/')
		return err_set(e, ERR_INVALID, "cannot accept relative path for option %s: %s", key, value);
	*slot = path_clean_abs(value);
	return *slot ? 1 : no_memory(e);
}

/* Options with a value that the kernel takes: 1 taken, 0 unknown, or an error. */
static int take_value(struct parser *p, const char *key, const char *value, struct err *e)
{
	bool mem = p->m.type == SPEC_MOUNT_TMPFS, ram = p->m.type == SPEC_MOUNT_RAMFS,
	     pts = p->m.type == SPEC_MOUNT_DEVPTS, ok;
	uint64_t bytes = 0;
	uint32_t id;

	if (streq(key, "size") && mem) {
		ok = size_ok(value);
		if (ok && !str_ends(value, "%") && str_size(value, &bytes) == 0) {
			char num[24];

			/* The kernel knows k, m, g but neither "kb" nor "b". */
			(void)snprintf(num, sizeof(num), "%llu", (unsigned long long)bytes);
			return put_option(p, key, num, e) < 0 ? -EINVAL : 1;
		}
	} else if (streq(key, "mode") && (mem || ram || pts)) {
		ok = is_octal(value);
	} else if ((streq(key, "uid") || streq(key, "gid")) && (mem || pts)) {
		ok = str_u32(value, INT32_MAX, &id) == 0;
	} else if (streq(key, "nr_inodes") && mem) {
		ok = str_size(value, &bytes) == 0;
	} else if (streq(key, "nr_blocks") && mem) {
		ok = str_size(value, &bytes) == 0;
	} else if (streq(key, "upperdir") || streq(key, "workdir")) {
		return take_overlay_dir(p, key, value, e);
	} else if (streq(key, "max") && pts) {
		ok = str_u32(value, INT32_MAX, &id) == 0;
	} else {
		return 0;
	}
	if (!ok)
		return err_set(e, ERR_INVALID, "bad value in \"%s=%s\"", key, value);
	return put_option(p, key, value, e) < 0 ? -EINVAL : 1;
}

/* One element of an options list: a word or key=value. */
static int take_option(struct parser *p, const char *option, struct err *e)
{
	auto_free char *key = strdup(option);
	char *eq;
	int r;

	if (!key)
		return no_memory(e);
	if (!*option)
		return err_set(e, ERR_INVALID, "an empty option");
	eq = strchr(key, '=');
	if (eq)
		*eq = '\0';
	r = eq ? take_value(p, key, eq + 1, e) : take_word(p, option, e);
	if (r < 0)
		return r;
	return r == 0 ? unknown_option(p, option, e) : 0;
}

static int take_options(struct parser *p, const char *list, struct err *e)
{
	auto_strv struct strv parts = STRV_INIT;

	if (strv_split(&parts, list, ',') < 0)
		return no_memory(e);
	for (size_t i = 0; i < parts.n; i++) {
		int r = take_option(p, parts.items[i], e);

		if (r < 0)
			return r;
	}
	return 0;
}

static const char *word_or(const struct parser *p, enum group g, const char *otherwise)
{
	return p->chosen[g] ? p->chosen[g]->name : otherwise;
}

static int add_unless_null(struct strv *v, const char *s)
{
	return s ? strv_add(v, s) : 0;
}

/* The OCI options from what was chosen and the defaults of the type. */
static int finish_options(struct parser *p, struct err *e)
{
	bool binds = T_BINDS & (1u << p->m.type), strict = T_MEM & (1u << p->m.type);
	const char *copy = word_or(p, GROUP_COPY, ""), *label = word_or(p, GROUP_LABEL, "");
	struct strv *o = &p->m.options;
	bool volume = p->m.type == SPEC_MOUNT_VOLUME, image = p->m.type == SPEC_MOUNT_IMAGE;
	int r = 0;

	p->m.chown = p->chosen[GROUP_CHOWN] != NULL;
	p->m.overlay = p->chosen[GROUP_OVERLAY] != NULL;
	p->m.idmap = p->chosen[GROUP_IDMAP] != NULL;
	if (!p->m.upperdir != !p->m.workdir)
		return err_set(e, ERR_INVALID, "must specify both upperdir and workdir");
	if (p->m.upperdir && !p->m.overlay)
		return err_set(e, ERR_INVALID, "upperdir and workdir go with the option O");
	if (p->m.overlay && p->m.idmap)
		return err_set(e, ERR_INVALID, "options \"O\" and \"idmap\" exclude each other");
	p->m.ro = streq(word_or(p, GROUP_RW, image ? "ro" : "rw"), "ro") || p->chosen[GROUP_RRO];
	p->m.nocopy = streq(copy, "nocopy");
	p->m.tmpcopyup = p->m.type == SPEC_MOUNT_TMPFS && !streq(copy, "notmpcopyup");
	p->m.relabel_shared = streq(label, "z");
	p->m.relabel_private = streq(label, "Z");
	if (binds || image)
		r = strv_add(o, word_or(p, GROUP_BIND, "rbind"));
	if (r == 0 && p->m.type != SPEC_MOUNT_DEVPTS)
		r = strv_add(o, word_or(p, GROUP_PROPAGATION, "rprivate"));
	if (r == 0)
		r = strv_add(o, p->m.ro ? "ro" : "rw");
	if (r == 0)
		r = add_unless_null(o, word_or(p, GROUP_RRO, NULL));
	if (r == 0)
		r = add_unless_null(o, word_or(p, GROUP_SUID, binds && !volume ? NULL : "nosuid"));
	if (r == 0)
		r = add_unless_null(o, word_or(p, GROUP_DEV, strict || volume || image ? "nodev" : NULL));
	if (r == 0)
		r = add_unless_null(o, word_or(p, GROUP_EXEC, binds || strict || image ? NULL : "noexec"));
	if (r == 0)
		r = add_unless_null(o, word_or(p, GROUP_IDMAP, NULL));
	for (size_t i = 0; r == 0 && i < p->plain.n; i++)
		r = strv_add(o, p->plain.items[i]);
	return r < 0 ? no_memory(e) : 0;
}

const struct spec_mount *spec_mounts_find(const struct spec_mounts *m, const char *dest)
{
	auto_free char *clean = path_clean_abs(dest);

	for (size_t i = 0; clean && i < m->n; i++)
		if (streq(m->items[i].dest, clean))
			return &m->items[i];
	return NULL;
}

/* Said twice, word for word? */
static bool is_same(const struct spec_mount *a, const struct spec_mount *b)
{
	bool same = a->type == b->type && a->options.n == b->options.n && a->chown == b->chown &&
		    a->overlay == b->overlay && a->nocopy == b->nocopy && !a->subpath && !b->subpath &&
		    !a->upperdir && !b->upperdir && a->tmpcopyup == b->tmpcopyup && a->source && b->source &&
		    streq(a->source, b->source);

	for (size_t i = 0; same && i < a->options.n; i++)
		same = streq(a->options.items[i], b->options.items[i]);
	return same;
}

static int append(struct spec_mounts *m, struct parser *p, struct err *e)
{
	const struct spec_mount *there;
	struct spec_mount *grown;
	int r = finish_options(p, e);

	if (r < 0)
		return r;
	there = spec_mounts_find(m, p->m.dest);
	if (there && is_same(there, &p->m))
		return 0;
	if (there)
		return err_set(e, ERR_INVALID, "%s: duplicate mount destination", p->m.dest);
	if (m->n >= SPEC_MOUNTS_MAX)
		return err_set(e, ERR_LIMIT, "more than %d mounts", SPEC_MOUNTS_MAX);
	grown = reallocarray(m->items, m->n + 1, sizeof(*grown));
	if (!grown)
		return no_memory(e);
	m->items = grown;
	m->items[m->n++] = p->m;
	p->m = (struct spec_mount){ 0 };
	return 0;
}

/* A source of -v: a host path when it looks like one, else the name of a volume. */
static int volume_source(struct parser *p, const char *source, const char *cwd, struct err *e)
{
	if (!*source)
		return err_set(e, ERR_INVALID, "the source is empty");
	if (*source == '/' || *source == '.') {
		p->m.type = SPEC_MOUNT_BIND;
		return set_source(&p->m, source, cwd, e);
	}
	if (!spec_volume_name_ok(source))
		return err_set(e, ERR_INVALID, "\"%s\" is neither a host path (they begin with / or "
			       ".) nor a volume name ([a-zA-Z0-9][a-zA-Z0-9_.-]*)", source);
	p->m.source = strdup(source);
	return p->m.source ? 0 : no_memory(e);
}

static int parse_volume(struct parser *p, const char *value, const char *cwd, struct err *e)
{
	auto_strv struct strv parts = STRV_INIT;
	int r = check_text(value, e);

	if (r < 0)
		return r;
	if (strv_split(&parts, value, ':') < 0)
		return no_memory(e);
	if (parts.n > 3)
		return err_set(e, ERR_INVALID, "too many colons; expected [source:]destination"
			       "[:options]");
	p->m.type = SPEC_MOUNT_VOLUME;
	if (parts.n > 1)
		r = volume_source(p, parts.items[0], cwd, e);
	if (r == 0)
		r = set_dest(&p->m, parts.items[parts.n > 1 ? 1 : 0], e);
	if (r == 0 && parts.n == 3)
		r = take_options(p, parts.items[2], e);
	return r;
}

int spec_mounts_add_volume(struct spec_mounts *m, const char *value, const char *cwd, struct err *e)
{
	auto_parser struct parser p = { 0 };
	int r = parse_volume(&p, value, cwd, e);

	if (r == 0)
		r = append(m, &p, e);
	return r < 0 ? err_wrap(e, r, "volume \"%s\"", value) : 0;
}

static int parse_tmpfs(struct parser *p, const char *value, struct err *e)
{
	const char *colon = strchrnul(value, ':');
	auto_free char *dest = strndup(value, (size_t)(colon - value));
	int r = check_text(value, e);

	if (r < 0)
		return r;
	if (!dest)
		return no_memory(e);
	p->m.type = SPEC_MOUNT_TMPFS;
	r = set_dest(&p->m, dest, e);
	if (r == 0 && *colon && colon[1])
		r = take_options(p, colon + 1, e);
	return r;
}

int spec_mounts_add_tmpfs(struct spec_mounts *m, const char *value, struct err *e)
{
	auto_parser struct parser p = { 0 };
	int r = parse_tmpfs(&p, value, e);

	if (r == 0)
		r = append(m, &p, e);
	return r < 0 ? err_wrap(e, r, "tmpfs \"%s\"", value) : 0;
}

/* One field of a CSV record, quotes taken off; *@p moves behind it and its comma. */
static int csv_field(const char **p, struct strv *out, struct err *e)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;
	const char *s = *p;

	if (*s == '"') {
		for (s++; *s && (*s != '"' || s[1] == '"'); s++) {
			if (*s == '"')
				s++;
			strbuf_addc(&b, *s);
		}
		if (*s != '"' || (s[1] && s[1] != ','))
			return err_set(e, ERR_INVALID, "a quote is not closed where its field ends");
		s++;
	} else {
		size_t len = strcspn(s, ",");

		if (memchr(s, '"', len))
			return err_set(e, ERR_INVALID, "a quote inside an unquoted field");
		strbuf_addn(&b, s, len);
		s += len;
	}
	*p = *s == ',' ? s + 1 : s;
	if (strv_add_take(out, strbuf_take(&b)) < 0)
		return no_memory(e);
	/* A trailing comma is one more, empty field. */
	if (*s == ',' && !s[1] && strv_add(out, "") < 0)
		return no_memory(e);
	return 0;
}

static int csv_split(const char *value, struct strv *out, struct err *e)
{
	while (*value) {
		int r = csv_field(&value, out, e);

		if (r < 0)
			return r;
		if (out->n > FIELDS_MAX)
			return err_set(e, ERR_LIMIT, "more than %d fields", FIELDS_MAX);
	}
	return 0;
}

static int mount_type(const char *word, enum spec_mount_type *ret, struct err *e)
{
	for (size_t i = 0; i < SPEC_MOUNT_TYPE_COUNT_; i++) {
		if (streq(word, type_words[i])) {
			*ret = (enum spec_mount_type)i;
			return 0;
		}
	}
	if (streq(word, "artifact") || streq(word, "npipe") || streq(word, "cluster"))
		return err_set(e, ERR_UNSUPPORTED, "type=%s is not supported yet", word);
	return err_set(e, ERR_INVALID, "invalid filesystem type \"%s\": there are bind, volume, tmpfs, "
		       "ramfs, devpts, image, glob", word);
}

/* "" (the bare key) is true. */
static int parse_bool(const char *key, const char *value, bool *ret, struct err *e)
{
	if (!value || streq(value, "true") || streq(value, "1"))
		*ret = true;
	else if (streq(value, "false") || streq(value, "0"))
		*ret = false;
	else
		return err_set(e, ERR_INVALID, "bad value in \"%s=%s\": expected true or false", key,
			       value);
	return 0;
}

static int need_value(const char *key, const char *value, struct err *e)
{
	return value && *value ? 0 : err_set(e, ERR_INVALID, "\"%s\" needs a value", key);
}

static bool is_source_key(const char *key)
{
	return streq(key, "src") || streq(key, "source");
}

static bool is_dest_key(const char *key)
{
	return streq(key, "dst") || streq(key, "dest") || streq(key, "destination") ||
	       streq(key, "target");
}

static int mount_source(struct parser *p, const char *key, const char *value, const char *cwd,
			struct err *e)
{
	int r = need_value(key, value, e);

	if (r < 0)
		return r;
	if (p->m.source)
		return err_set(e, ERR_INVALID, "the source is given twice");
	if (p->m.type == SPEC_MOUNT_BIND || p->m.type == SPEC_MOUNT_GLOB)
		return set_source(&p->m, value, cwd, e);
	if (p->m.type == SPEC_MOUNT_IMAGE) {
		p->m.source = strdup(value);
		return p->m.source ? 0 : no_memory(e);
	}
	if (p->m.type != SPEC_MOUNT_VOLUME)
		return err_set(e, ERR_INVALID, "a %s mount has no source",
			       spec_mount_type_str(p->m.type));
	if (!spec_volume_name_ok(value))
		return err_set(e, ERR_INVALID, "\"%s\" is no volume name "
			       "([a-zA-Z0-9][a-zA-Z0-9_.-]*); host paths need type=bind", value);
	p->m.source = strdup(value);
	return p->m.source ? 0 : no_memory(e);
}

/* Words that --mount takes as switches, word=false meaning their opposite. */
static const struct {
	const char *key, *on, *off;
} switches[] = {
	{ "ro", "ro", "rw" },		{ "readonly", "ro", "rw" },
	{ "rw", "rw", "ro" },		{ "exec", "exec", "noexec" },
	{ "noexec", "noexec", "exec" }, { "suid", "suid", "nosuid" },
	{ "nosuid", "nosuid", "suid" }, { "dev", "dev", "nodev" },
	{ "nodev", "nodev", "dev" },	{ "bind-nonrecursive", "bind", "rbind" },
	{ "nocopy", "nocopy", "copy" }, { "volume-nocopy", "nocopy", "copy" },
	{ "copy", "copy", "nocopy" },	{ "tmpcopyup", "tmpcopyup", "notmpcopyup" },
	{ "readwrite", "rw", "ro" },	{ "U", "U", NULL },
	{ "chown", "U", NULL },		{ "O", "O", NULL },
	{ "idmap", "idmap", NULL },
	{ "notmpcopyup", "notmpcopyup", "tmpcopyup" },
};

/* 1 taken, 0 not a switch, or an error. */
static int take_switch(struct parser *p, const char *key, const char *value, struct err *e)
{
	for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++) {
		bool on = false;
		int r;

		if (!streq(switches[i].key, key))
			continue;
		if (streq(key, "idmap") && value && !streq(value, "true") && !streq(value, "false"))
			return 0; /* a map: refused by name below */
		r = parse_bool(key, value, &on, e);
		if (r == 0 && !on && !switches[i].off)
			return 1;
		return r < 0 ? r : take_word(p, on ? switches[i].on : switches[i].off, e);
	}
	return 0;
}

static int take_relabel(struct parser *p, const char *value, struct err *e)
{
	const char *word = !value ? "" : streq(value, "shared") ? "z"
			   : streq(value, "private") ? "Z" : "";
	int r;

	if (!*word)
		return err_set(e, ERR_INVALID, "\"relabel\" is shared or private");
	r = take_word(p, word, e);
	return r < 0 ? r : 0;
}

static int take_propagation(struct parser *p, const char *value, struct err *e)
{
	int r = need_value("bind-propagation", value, e);
	bool known = false;

	for (size_t i = 0; r == 0 && i < sizeof(words) / sizeof(words[0]); i++)
		known |= words[i].group == GROUP_PROPAGATION && streq(words[i].name, value);
	if (r == 0 && !known)
		return err_set(e, ERR_INVALID, "unknown bind-propagation \"%s\"", value);
	if (r == 0)
		r = take_word(p, value, e);
	return r < 0 ? r : 0;
}

/* Below the root of the volume or image; links in it are followed inside of that only. */
static int take_subpath(struct parser *p, const char *key, const char *value, struct err *e)
{
	int r = need_value(key, value, e);

	if (r < 0)
		return r;
	if (p->m.type != SPEC_MOUNT_VOLUME && p->m.type != SPEC_MOUNT_IMAGE)
		return err_set(e, ERR_INVALID, "option \"%s\" does not apply to a %s mount", key,
			       spec_mount_type_str(p->m.type));
	if (p->m.subpath)
		return err_set(e, ERR_INVALID, "option \"%s\" is given twice", key);
	p->m.subpath = path_clean_abs(value);
	return p->m.subpath ? 0 : no_memory(e);
}

/* docker's words for how far a bind mount and its ro reach. */
static int take_recursive(struct parser *p, const char *value, struct err *e)
{
	static const struct {
		const char *value, *word;
	} all[] = {
		{ "enabled", "rbind" },	{ "disabled", "bind" },
		{ "writable", "rbind" }, { "readonly", "rro" },
	};

	for (size_t i = 0; value && i < sizeof(all) / sizeof(all[0]); i++) {
		int r;

		if (!streq(all[i].value, value))
			continue;
		r = take_word(p, all[i].word, e);
		return r < 0 ? r : 0;
	}
	return err_set(e, ERR_INVALID, "bind-recursive is enabled, disabled, writable or readonly");
}

static int take_field(struct parser *p, const char *key, const char *value, const char *cwd,
		      struct err *e)
{
	const char *plain = str_after(key, spec_mount_type_str(p->m.type));
	int r;

	if (streq(key, "type"))
		return 0;
	if (is_source_key(key))
		return mount_source(p, key, value, cwd, e);
	if (is_dest_key(key)) {
		if (p->m.dest)
			return err_set(e, ERR_INVALID, "the destination is given twice");
		r = need_value(key, value, e);
		return r < 0 ? r : set_dest(&p->m, value, e);
	}
	if (streq(key, "consistency"))	/* a hint for virtual machines on other systems */
		return 0;
	if (streq(key, "bind-propagation"))
		return take_propagation(p, value, e);
	if (streq(key, "bind-recursive"))
		return take_recursive(p, value, e);
	if (streq(key, "subpath") || streq(key, "volume-subpath") || streq(key, "image-subpath"))
		return take_subpath(p, key, value, e);
	if (streq(key, "relabel"))
		return take_relabel(p, value, e);
	r = take_switch(p, key, value, e);
	if (r == 0 && !value)
		r = take_word(p, key, e);
	/* tmpfs-size and ramfs-mode are size and mode. */
	if (r == 0 && value)
		r = take_value(p, plain && *plain == '-' ? plain + 1 : key, value, e);
	if (r == 0) {
		auto_free char *whole = value ? str_printf("%s=%s", key, value) : strdup(key);

		return whole ? unknown_option(p, whole, e) : no_memory(e);
	}
	return r < 0 ? r : 0;
}

static int parse_mount(struct parser *p, const char *text, const char *cwd, struct err *e)
{
	auto_strv struct strv fields = STRV_INIT;
	const char *type = NULL;
	int r = check_text(text, e);

	if (r == 0)
		r = csv_split(text, &fields, e);
	for (size_t i = 0; r == 0 && i < fields.n; i++) {
		const char *t = str_after(fields.items[i], "type=");

		if (t && type && !streq(t, type))
			return err_set(e, ERR_INVALID, "the type is given twice");
		type = t ? t : type;
	}
	p->m.type = SPEC_MOUNT_VOLUME;
	if (r == 0 && type)
		r = mount_type(type, &p->m.type, e);
	for (size_t i = 0; r == 0 && i < fields.n; i++) {
		char *eq = strchr(fields.items[i], '=');

		if (eq)
			*eq = '\0';
		if (!*fields.items[i])
			return err_set(e, ERR_INVALID, "an empty field");
		r = take_field(p, fields.items[i], eq ? eq + 1 : NULL, cwd, e);
	}
	if (r == 0 && !p->m.dest)
		return err_set(e, ERR_INVALID, "must set volume destination: the destination (dst=) is "
			       "missing");
	if (r == 0 && p->m.type == SPEC_MOUNT_BIND && !p->m.source) {
		p->m.source = strdup(p->m.dest); /* as podman has it */
		return p->m.source ? 0 : no_memory(e);
	}
	if (r == 0 && (p->m.type == SPEC_MOUNT_IMAGE || p->m.type == SPEC_MOUNT_GLOB) && !p->m.source)
		return err_set(e, ERR_INVALID, "must set source and destination for %s volume: the source "
			       "(src=) is missing", spec_mount_type_str(p->m.type));
	if (r == 0 && p->m.subpath && !p->m.source)
		return err_set(e, ERR_INVALID, "a subpath needs a volume with a name (src=)");
	return r;
}

int spec_mounts_add_mount(struct spec_mounts *m, const char *value, const char *cwd, struct err *e)
{
	auto_parser struct parser p = { 0 };
	int r = parse_mount(&p, value, cwd, e);

	if (r == 0)
		r = append(m, &p, e);
	return r < 0 ? err_wrap(e, r, "mount \"%s\"", value) : 0;
}

/* One field of a CSV record, in quotes where it needs them. */
static void add_csv(struct strbuf *b, const char *key, const char *value)
{
	bool quote = strpbrk(value, ",\"") != NULL;

	strbuf_addf(b, "%s%s%s=", b->len ? "," : "", quote ? "\"" : "", key);
	for (; *value; value++) {
		if (*value == '"')
			strbuf_addc(b, '"');
		strbuf_addc(b, *value);
	}
	if (quote)
		strbuf_addc(b, '"');
}

char *spec_mount_text(const struct spec_mount *m, bool ro)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;

	add_csv(&b, "type", spec_mount_type_str(m->type));
	if (m->source)
		add_csv(&b, "src", m->source);
	add_csv(&b, "dst", m->dest);
	strbuf_add(&b, m->ro || ro ? ",ro" : "");
	strbuf_add(&b, m->nocopy ? ",nocopy" : "");
	strbuf_add(&b, m->idmap ? ",idmap" : "");
	strbuf_add(&b, m->overlay ? ",O" : "");
	if (m->upperdir)
		add_csv(&b, "upperdir", m->upperdir);
	if (m->workdir)
		add_csv(&b, "workdir", m->workdir);
	if (m->subpath)
		add_csv(&b, "subpath", m->subpath);
	for (size_t i = 0; i < m->options.n; i++) {
		const char *o = m->options.items[i];

		if (!streq(o, "rw") && !streq(o, "ro") && !streq(o, "rbind") && !streq(o, "idmap"))
			strbuf_addf(&b, ",%s", o);
	}
	return strbuf_take(&b);
}

int spec_mount_host_flags(const char *source, struct strv *options)
{
	static const struct {
		unsigned long flag;
		const char *off, *on;
	} flags[] = {
		{ ST_NOSUID, "nosuid", "suid" },
		{ ST_NODEV, "nodev", "dev" },
		{ ST_NOEXEC, "noexec", "exec" },
	};
	struct statvfs st;

	if (statvfs(source, &st) < 0)
		return -errno;
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if ((st.f_flag & flags[i].flag) && !strv_has(options, flags[i].off) &&
		    !strv_has(options, flags[i].on) && strv_add(options, flags[i].off) < 0)
			return -ENOMEM;
	return 0;
}
