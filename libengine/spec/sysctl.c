/* Which sysctls a container may set, by the namespace that they belong to. */
#include "sysctl.h"

#include <errno.h>
#include <stdlib.h>

#include "fd.h"
#include "str.h"

#define VALUE_MAX 4096

enum space { SPACE_IPC, SPACE_NET, SPACE_UTS };

/* A key that ends with '.' stands for all that begin so. */
static const struct {
	const char *key;
	enum space space;
} allowed[] = {
	{ "kernel.msgmax", SPACE_IPC },		{ "kernel.msgmnb", SPACE_IPC },
	{ "kernel.msgmni", SPACE_IPC },		{ "kernel.sem", SPACE_IPC },
	{ "kernel.shmall", SPACE_IPC },		{ "kernel.shmmax", SPACE_IPC },
	{ "kernel.shmmni", SPACE_IPC },		{ "kernel.shm_rmid_forced", SPACE_IPC },
	{ "fs.mqueue.", SPACE_IPC },		{ "net.", SPACE_NET },
	{ "kernel.domainname", SPACE_UTS },	{ "kernel.hostname", SPACE_UTS },
};

/* The key becomes a path below /proc/sys: nothing but the characters that names there have. */
static bool key_ok(const char *key)
{
	if (!*key || *key == '.' || strlen(key) > 255)
		return false;
	for (const char *p = key; *p; p++) {
		bool ok = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
			  (*p >= '0' && *p <= '9') || *p == '_' || *p == '-';

		if (!ok && (*p != '.' || p[1] == '.' || p[1] == '\0'))
			return false;
	}
	return true;
}

static bool value_ok(const char *value)
{
	if (strlen(value) > VALUE_MAX)
		return false;
	for (; *value; value++)
		if (((unsigned char)*value < 0x20 && *value != '\t') || *value == 0x7f)
			return false;
	return true;
}

static int find_space(const char *key, enum space *ret)
{
	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
		bool tree = str_ends(allowed[i].key, ".");

		if (tree ? str_starts(key, allowed[i].key) : streq(key, allowed[i].key)) {
			*ret = allowed[i].space;
			return 0;
		}
	}
	return -EINVAL;
}

static int check_space(const char *key, enum space space, const struct spec_sysctl_ns *ns,
		       struct err *e)
{
	const char *name = "network";
	bool own = ns->net;

	switch (space) {
	case SPACE_IPC:
		name = "IPC";
		own = ns->ipc;
		break;
	case SPACE_UTS:
		name = "UTS";
		own = ns->uts;
		break;
	case SPACE_NET:
		break;
	}
	if (own)
		return 0;
	return err_set(e, ERR_DENIED, "sysctl %s is not allowed: the container shares the host's %s "
		       "namespace, so it would change the host", key, name);
}

int spec_sysctl_parse(const char *text, const struct spec_sysctl_ns *ns, char **ret_key,
		      char **ret_value, struct err *e)
{
	const char *eq = strchr(text, '=');
	auto_free char *key = NULL;
	auto_free char *value = NULL;
	enum space space;
	int r;

	if (!eq)
		return err_set(e, ERR_INVALID, "sysctl \"%s\": expected KEY=VALUE", text);
	key = strndup(text, (size_t)(eq - text));
	value = strdup(eq + 1);
	if (!key || !value)
		return err_sys(e, -ENOMEM, "sysctl");
	if (!key_ok(key))
		return err_set(e, ERR_INVALID, "sysctl \"%s\": not the name of a sysctl", key);
	if (!value_ok(value))
		return err_set(e, ERR_INVALID, "sysctl %s: the value holds control characters or is "
			       "longer than %d bytes", key, VALUE_MAX);
	if (find_space(key, &space) < 0)
		return err_set(e, ERR_INVALID, "sysctl %s is not allowed: it is not separate for "
			       "each container; kernel.msg*, kernel.sem, kernel.shm*, fs.mqueue.* "
			       "and net.* are", key);
	r = check_space(key, space, ns, e);
	if (r < 0)
		return r;
	*ret_key = take_ptr(&key);
	*ret_value = take_ptr(&value);
	return 0;
}
