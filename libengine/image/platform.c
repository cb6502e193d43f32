/* Platforms and the choice from an index. */
#include "platform.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "fd.h"
#include "str.h"

#define INDEX_ENTRIES_MAX 10000

/* uname's and Debian's words for what Go calls them. */
static const struct {
	const char *name, *arch, *variant;
} arch_names[] = {
	{ "x86_64", "amd64", "" },   { "x86-64", "amd64", "" },	   { "aarch64", "arm64", "" },
	{ "armv8l", "arm", "v8" },   { "armv7l", "arm", "v7" },	   { "armv6l", "arm", "v6" },
	{ "armv5tel", "arm", "v5" }, { "armhf", "arm", "v7" },	   { "armel", "arm", "v6" },
	{ "i386", "386", "" },	     { "i486", "386", "" },	   { "i586", "386", "" },
	{ "i686", "386", "" },	     { "ppc64el", "ppc64le", "" }, { "mips64", "mips64", "" },
	{ "loongarch64", "loong64", "" },
};

static const char *const go_archs[] = {
	"386", "amd64", "arm", "arm64", "loong64", "mips", "mips64", "mips64le", "mipsle", "ppc64",
	"ppc64le", "riscv64", "s390x", "wasm",
};

/* Best first: a machine of one variant runs those after it. */
static const struct {
	const char *arch, *variants[5];
} variant_orders[] = {
	{ "arm", { "v8", "v7", "v6", "v5" } },
	{ "arm64", { "v8" } },
};

static void set_arch(struct ctr_platform *p, const char *name)
{
	const char *arch = name, *variant = "";

	for (size_t i = 0; i < sizeof(arch_names) / sizeof(*arch_names); i++) {
		if (streq(name, arch_names[i].name)) {
			arch = arch_names[i].arch;
			variant = arch_names[i].variant;
		}
	}
	(void)snprintf(p->arch, sizeof(p->arch), "%s", arch);
	(void)snprintf(p->variant, sizeof(p->variant), "%s", variant);
}

void ctr_platform_host(struct ctr_platform *ret)
{
	struct utsname u;

	*ret = (struct ctr_platform){ .os = "linux" };
	set_arch(ret, uname(&u) == 0 ? u.machine : "unknown");
}

static bool is_arch(const char *s)
{
	for (size_t i = 0; i < sizeof(go_archs) / sizeof(*go_archs); i++)
		if (streq(s, go_archs[i]))
			return true;
	for (size_t i = 0; i < sizeof(arch_names) / sizeof(*arch_names); i++)
		if (streq(s, arch_names[i].name))
			return true;
	return false;
}

static bool part_ok(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-");

	return n > 0 && s[n] == '\0' && n <= PLATFORM_PART_MAX;
}

int ctr_platform_parse(const char *s, struct ctr_platform *ret, struct err *e)
{
	auto_strv struct strv parts = STRV_INIT;
	struct ctr_platform p, host;

	ctr_platform_host(&host);
	p = host;
	if (strv_split(&parts, s, '/') < 0)
		return err_sys(e, ENOMEM, "platform");
	for (size_t i = 0; i < parts.n; i++)
		if (parts.n > 3 || !part_ok(parts.items[i]))
			return err_set(e, ERR_INVALID, "platform \"%.80s\" is not of the form "
				       "os/arch[/variant]", s);
	if (parts.n == 1 && is_arch(s)) {
		set_arch(&p, s);
	} else {
		(void)snprintf(p.os, sizeof(p.os), "%s", parts.items[0]);
		if (parts.n > 1)
			set_arch(&p, parts.items[1]);
		if (parts.n > 2)
			(void)snprintf(p.variant, sizeof(p.variant), "%s", parts.items[2]);
	}
	*ret = p;
	return 0;
}

int ctr_platform_set(struct ctr_platform *p, const char *os, const char *arch, const char *variant,
		     struct err *e)
{
	const char *const parts[] = { os, arch, variant };

	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		if (parts[i] && !part_ok(parts[i]))
			return err_set(e, ERR_INVALID, "\"%.80s\" is no part of a platform", parts[i]);
	if (os)
		(void)snprintf(p->os, sizeof(p->os), "%s", os);
	if (arch)
		set_arch(p, arch);
	if (variant)
		(void)snprintf(p->variant, sizeof(p->variant), "%s", variant);
	return 0;
}

static const char *text(const json_t *obj, const char *key)
{
	const char *s = json_string_value(json_object_get(obj, key));

	return s ? s : "";
}

/* The entry of exactly this variant; with @any of whatever variant. */
static const json_t *find(const json_t *list, const struct ctr_platform *want, const char *variant)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *d = json_array_get(list, i), *p = json_object_get(d, "platform");

		if (streq(text(p, "os"), want->os) && streq(text(p, "architecture"), want->arch) &&
		    streq(text(p, "variant"), variant))
			return d;
	}
	return NULL;
}

static const json_t *choose(const json_t *list, const struct ctr_platform *want)
{
	const char *const *order = NULL;
	const json_t *d;

	for (size_t i = 0; i < sizeof(variant_orders) / sizeof(*variant_orders); i++)
		if (streq(variant_orders[i].arch, want->arch))
			order = variant_orders[i].variants;
	if (!want->variant[0]) {
		d = find(list, want, "");
	} else {
		while (order && *order && !streq(*order, want->variant))
			order++;
		d = find(list, want, want->variant);
	}
	for (; !d && order && *order; order++)
		d = find(list, want, *order);
	return d ? d : find(list, want, "");
}

int ctr_platform_choose(const json_t *index, const struct ctr_platform *want,
			const json_t **ret_descriptor, struct err *e)
{
	const json_t *list = json_object_get(index, "manifests"), *d;

	if (!json_is_array(list))
		return err_set(e, ERR_CORRUPT, "index: manifests is missing or not an array");
	if (json_array_size(list) > INDEX_ENTRIES_MAX)
		return err_set(e, ERR_LIMIT, "index: more than %d manifests", INDEX_ENTRIES_MAX);
	d = choose(list, want);
	if (!d && json_array_size(list) == 1 && !json_object_get(json_array_get(list, 0), "platform"))
		d = json_array_get(list, 0);
	if (!d)
		return err_set(e, ERR_NOT_FOUND, "no image found in the index for %s/%s%s%s", want->os,
			       want->arch, want->variant[0] ? "/" : "", want->variant);
	*ret_descriptor = d;
	return 0;
}

void ctr_platform_of(const json_t *doc, struct ctr_platform *ret)
{
	struct ctr_platform p;
	const char *os = text(doc, "os"), *arch = text(doc, "architecture");

	ctr_platform_host(&p);
	if (*os)
		(void)snprintf(p.os, sizeof(p.os), "%s", os);
	if (*arch) {
		set_arch(&p, arch);
		(void)snprintf(p.variant, sizeof(p.variant), "%s", text(doc, "variant"));
	}
	*ret = p;
}

bool ctr_platform_differs(const struct ctr_platform *image, const struct ctr_platform *want)
{
	return !streq(image->os, want->os) || !streq(image->arch, want->arch) ||
	       (image->variant[0] && want->variant[0] && !streq(image->variant, want->variant));
}

const char *ctr_platform_str(const struct ctr_platform *p, char buf[PLATFORM_STR_MAX])
{
	(void)snprintf(buf, PLATFORM_STR_MAX, "%s/%s%s%s", p->os, p->arch, p->variant[0] ? "/" : "", p->variant);
	return buf;
}
