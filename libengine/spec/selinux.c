/* From the policy's contexts to the labels of one container. */
#include "selinux.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/vfs.h>

#include "fd.h"
#include "file.h"

#define SELINUX_MAGIC 0xf97cff8c
#define FILE_MAX_BYTES 65536
#define CATEGORIES 1024

enum part { PART_USER, PART_ROLE, PART_TYPE, PART_LEVEL, PARTS };

/* user:role:type:level, of which the level may hold colons. */
struct context {
	char *text;		/* owned; the parts point into it or into the options */
	const char *part[PARTS];
};

static void context_done(struct context *c)
{
	free(c->text);
}

void spec_selinux_done(struct spec_selinux *s)
{
	free(s->process);
	free(s->mount);
	*s = (struct spec_selinux)SPEC_SELINUX_INIT;
}

bool spec_selinux_enabled(void)
{
	struct statfs fs;

	return statfs("/sys/fs/selinux", &fs) == 0 && (unsigned long)fs.f_type == SELINUX_MAGIC;
}

/* The value of KEY = "VALUE" (quotes or none) in @text, fresh; NULL where it is not there. */
static char *value_of(const char *text, const char *key)
{
	for (const char *s = text; s && *s; s = strchr(s, '\n'), s = s ? s + 1 : NULL) {
		const char *v = str_after(s + strspn(s, " \t"), key);
		size_t len;

		if (!v)
			continue;
		v += strspn(v, " \t");
		if (*v != '=')
			continue;
		v += 1 + strspn(v + 1, " \t\"");
		len = strcspn(v, "\"\n \t");
		return strndup(v, len);
	}
	return NULL;
}

static int context_parse(struct context *c, const char *text, const char *key, struct err *e)
{
	char *p;

	c->text = value_of(text, key);
	p = c->text;
	for (unsigned int i = 0; p && i < PARTS; i++) {
		char *colon = i < PART_LEVEL ? strchr(p, ':') : NULL;

		c->part[i] = p;
		if (colon)
			*colon++ = '\0';
		else if (i < PART_TYPE)
			return err_set(e, ERR_CORRUPT, "the policy's context of \"%s\" is none", key);
		p = colon;
	}
	return c->text ? 0 : err_set(e, ERR_NOT_FOUND, "the SELinux policy says nothing about \"%s\"",
				     key);
}

static const struct {
	const char *word;
	enum part part;
	bool process, mount;
} words[] = {
	{ "user", PART_USER, true, true },	{ "role", PART_ROLE, true, false },
	{ "type", PART_TYPE, true, false },	{ "level", PART_LEVEL, true, true },
	{ "filetype", PART_TYPE, false, true },
};

static bool value_ok(const char *s)
{
	return *s && s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.,:-")] ==
			     '\0';
}

static int apply(const char *option, struct context *process, struct context *mount, struct err *e)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		const char *v = str_after(option, words[i].word);

		if (!v || *v != ':')
			continue;
		if (!value_ok(v + 1))
			return err_set(e, ERR_INVALID, "--security-opt label=%s: bad value", option);
		if (words[i].process)
			process->part[words[i].part] = v + 1;
		if (words[i].mount)
			mount->part[words[i].part] = v + 1;
		return 0;
	}
	return err_set(e, ERR_INVALID, "--security-opt label=%s: valid options are disable, nested, "
		       "user:, role:, type:, level: and filetype:", option);
}

static char *context_text(const struct context *c, const char *level)
{
	const char *l = c->part[PART_LEVEL] ? c->part[PART_LEVEL] : level;

	return str_printf("%s:%s:%s:%s", c->part[PART_USER], c->part[PART_ROLE], c->part[PART_TYPE], l);
}

/* Two categories of the container's own keep it from the files of the others. */
static void own_level(const char *id, char level[24])
{
	uint64_t h = str_hash64(id, strlen(id));
	unsigned int a = (unsigned int)(h % CATEGORIES);
	unsigned int b = (unsigned int)((h / CATEGORIES) % (CATEGORIES - 1));

	b += b >= a;
	(void)snprintf(level, 24, "s0:c%u,c%u", a < b ? a : b, a < b ? b : a);
}

static int build(const char *contexts, const struct strv *options, const char *id,
		 struct context *process, struct context *mount, struct spec_selinux *ret,
		 struct err *e)
{
	char level[24];
	int r = context_parse(process, contexts, "process", e);

	if (r == 0)
		r = context_parse(mount, contexts, "file", e);
	if (r < 0)
		return r;
	process->part[PART_LEVEL] = mount->part[PART_LEVEL] = NULL;
	for (size_t i = 0; r == 0 && i < options->n; i++)
		r = apply(options->items[i], process, mount, e);
	if (r < 0)
		return r;
	own_level(id, level);
	ret->process = context_text(process, level);
	ret->mount = context_text(mount, level);
	return ret->process && ret->mount ? 0 : err_sys(e, ENOMEM, "make the SELinux labels");
}

int spec_selinux_labels_text(const char *contexts, const struct strv *options, const char *id,
			     struct spec_selinux *ret, struct err *e)
{
	struct context process = { 0 }, mount = { 0 };
	struct spec_selinux s = SPEC_SELINUX_INIT;
	int r;

	if (strv_has(options, "disable"))
		return 0;
	if (strv_has(options, "nested"))
		return err_set(e, ERR_UNSUPPORTED, "--security-opt label=nested: labels inside of a "
			       "container are not supported yet");
	r = build(contexts, options, id, &process, &mount, &s, e);
	context_done(&process);
	context_done(&mount);
	if (r < 0)
		spec_selinux_done(&s);
	else
		*ret = s;
	return r;
}

int spec_selinux_labels(const struct strv *options, const char *id, struct spec_selinux *ret,
			struct err *e)
{
	auto_free char *config = NULL, *type = NULL, *path = NULL, *contexts = NULL;
	int r = file_read_path("/etc/selinux/config", FILE_MAX_BYTES, &config, NULL);

	type = r >= 0 ? value_of(config, "SELINUXTYPE") : NULL;
	path = str_printf("/etc/selinux/%s/contexts/lxc_contexts",
			  type && !strchr(type, '/') ? type : "targeted");
	if (!path)
		return err_sys(e, ENOMEM, "make the SELinux labels");
	r = file_read_path(path, FILE_MAX_BYTES, &contexts, NULL);
	if (r < 0)
		return err_sys(e, r, "read %s (package container-selinux)", path);
	return spec_selinux_labels_text(contexts, options, id, ret, e);
}
