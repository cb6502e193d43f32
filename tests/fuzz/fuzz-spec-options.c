/* --env-file, --ulimit, --sysctl, --device, --device-cgroup-rule, labels and resource limits; the first byte
 * says which. */
#include <string.h>

#include "fuzz.h"
#include "spec/device-rule.h"
#include "spec/device.h"
#include "spec/env.h"
#include "spec/resources.h"
#include "spec/selinux.h"
#include "spec/sysctl.h"
#include "spec/ulimit.h"

static int fuzz_env(const uint8_t *data, size_t len)
{
	static const char *const host[] = { "HOME=/h", "SECRET=1", NULL };
	struct strv env = STRV_INIT;
	struct err e = ERR_INIT;
	int r = spec_env_apply_text(&env, (const char *)data, len, "input", host, &e);

	for (size_t i = 0; i < env.n; i++) {
		const char *eq = strchr(env.items[i], '=');

		FUZZ_CHECK(eq && eq > env.items[i]);
		for (size_t k = 0; k < i; k++)	/* each name once */
			FUZZ_CHECK(strncmp(env.items[k], env.items[i],
					   (size_t)(eq - env.items[i]) + 1) != 0);
		if (i > 64)
			break;
	}
	strv_done(&env);
	return r == 0;
}

static int fuzz_ulimit(const char *s)
{
	struct spec_ulimits u = SPEC_ULIMITS_INIT;
	struct err e = ERR_INIT;
	int r = spec_ulimits_add(&u, s, &e);

	FUZZ_CHECK(r < 0 || u.host || (u.n == 1 && u.items[0].soft <= u.items[0].hard));
	return r == 0;
}

static int fuzz_sysctl(const char *s)
{
	const struct spec_sysctl_ns ns = { true, true, true };
	char *key = NULL, *value = NULL;
	struct err e = ERR_INIT;
	int r = spec_sysctl_parse(s, &ns, &key, &value, &e);

	FUZZ_CHECK(r < 0 || (!strchr(key, '/') && !strstr(key, "..") && !strchr(value, '\n')));
	free(key);
	free(value);
	return r == 0;
}

static int fuzz_device(const char *s)
{
	struct spec_device d = SPEC_DEVICE_INIT;
	struct err e = ERR_INIT;
	int r = spec_device_parse(s, &d, &e);

	FUZZ_CHECK(r < 0 || (d.source[0] == '/' && d.dest[0] == '/' && d.access[0] &&
			     !strstr(d.dest, "/../") && d.dest[1]));
	spec_device_done(&d);
	return r == 0;
}

static int fuzz_rule(const char *s)
{
	struct spec_device_rule d;
	struct err e = ERR_INIT;
	int r = spec_device_rule_parse(s, &d, &e);

	FUZZ_CHECK(r < 0 || (strchr("abc", d.type) && d.major >= -1 && d.minor >= -1 && d.access[0]));
	return r == 0;
}

/* The policy's text, and an option in its last line. */
static int fuzz_label(char *s)
{
	struct spec_selinux l = SPEC_SELINUX_INIT;
	struct strv options = STRV_INIT;
	char *nl = strrchr(s, '\n');
	struct err e = ERR_INIT;
	int r;

	if (nl)
		*nl = '\0';
	if (strv_add(&options, nl ? nl + 1 : s) < 0)
		return 0;
	r = spec_selinux_labels_text(nl ? s : "", &options, "id", &l, &e);
	FUZZ_CHECK(r == 0 ? !l.process == !l.mount : !l.process && !l.mount && e.kind != ERR_NONE);
	strv_done(&options);
	spec_selinux_done(&l);
	return r == 0;
}

/* Each line is OPTION VALUE. */
static int fuzz_resources(char *s)
{
	struct spec_resources r = SPEC_RESOURCES_INIT, copy = SPEC_RESOURCES_INIT;
	struct spec_resource_need needs[SPEC_RESOURCE_NEEDS_MAX];
	struct err e = ERR_INIT;
	char *save = NULL;
	int rc = 0;

	for (char *line = strtok_r(s, "\n", &save); rc == 0 && line; line = strtok_r(NULL, "\n", &save)) {
		char *value = strchr(line, ' ');

		if (value)
			*value++ = '\0';
		rc = spec_resources_set(&r, line, value ? value : "", &e);
		FUZZ_CHECK(rc == 0 || e.kind != ERR_NONE);
	}
	FUZZ_CHECK(r.memory >= 0 && r.memory_reservation >= 0 && r.memory_swap >= -1);
	FUZZ_CHECK(r.blkio_weight <= 1000);
	FUZZ_CHECK(spec_resources_needs(&r, needs, SPEC_RESOURCE_NEEDS_MAX) <= SPEC_RESOURCE_NEEDS_MAX);
	FUZZ_CHECK(spec_resources_merge(&copy, &r, &e) == 0);
	FUZZ_CHECK(copy.memory == r.memory && copy.unified.n <= r.unified.n);
	spec_resources_done(&r);
	spec_resources_done(&copy);
	return rc == 0;
}

int fuzz_one(const uint8_t *data, size_t len)
{
	char *s;
	int r;

	if (len == 0)
		return 0;
	if (data[0] == 'e')
		return fuzz_env(data + 1, len - 1);
	while (len > 1 && data[len - 1] == '\n')
		len--;
	s = fuzz_string(data + 1, len - 1);
	if (!s)
		return 0;
	r = data[0] == 'u' ? fuzz_ulimit(s) : data[0] == 's' ? fuzz_sysctl(s)
	    : data[0] == 'm' ? fuzz_resources(s)
	    : data[0] == 'r' ? fuzz_rule(s) : data[0] == 'l' ? fuzz_label(s) : fuzz_device(s);
	free(s);
	return r;
}
