/* What confines the container's process: ulimits, sysctls, device rules, seccomp. */
#include <errno.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "container-priv.h"
#include "ctrlite/explain.h"
#include "json.h"
#include "oci.h"
#include "seccomp.h"
#include "sysctl.h"
#include "ulimit.h"

/* Hard limits can be raised with CAP_SYS_RESOURCE only, which not every root has. */
static bool may_raise_limits(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };

	return syscall(SYS_capget, &head, data) == 0 &&
	       (data[CAP_TO_INDEX(CAP_SYS_RESOURCE)].effective & CAP_TO_MASK(CAP_SYS_RESOURCE));
}

int oci_add_ulimits(json_t *arr, const struct ctr_request *r, bool own_userns, struct err *e)
{
	/* Capabilities of a user namespace count for nothing here. */
	bool may_raise = !own_userns && may_raise_limits();
	struct spec_ulimits u = SPEC_ULIMITS_INIT;
	int rc = 0;

	ctr_origin(r, "process.rlimits", "", "default, as far as this user may have it");
	for (size_t i = 0; rc == 0 && i < r->ulimits.n; i++) {
		struct spec_ulimits one = SPEC_ULIMITS_INIT;

		rc = spec_ulimits_add(&u, r->ulimits.items[i], e);
		if (r->origins && spec_ulimits_add(&one, r->ulimits.items[i], NULL) == 0 && one.n)
			ctr_origin(r, "process.rlimits", one.items[0].type, "--ulimit %s",
				   r->ulimits.items[i]);
	}
	if (rc == 0)
		rc = spec_ulimits_finish(&u, may_raise, e);
	for (size_t i = 0; rc == 0 && i < u.n; i++) {
		/* jansson has signed integers; -1 is what runtimes take for "unlimited". */
		json_t *o = json_pack("{s:s, s:I, s:I}", "type", u.items[i].type, "soft",
				      (json_int_t)u.items[i].soft, "hard",
				      (json_int_t)u.items[i].hard);

		if (json_array_append_new(arr, o) < 0)
			rc = err_sys(e, ENOMEM, "make config.json");
	}
	return rc;
}

int oci_add_sysctl(json_t *obj, const char *text, bool host_net, bool host_ipc, bool host_uts,
		   struct err *e)
{
	const struct spec_sysctl_ns ns = { .net = !host_net, .ipc = !host_ipc, .uts = !host_uts };
	auto_free char *key = NULL, *value = NULL;
	int rc = spec_sysctl_parse(text, &ns, &key, &value, e);

	if (rc < 0)
		return rc;
	return json_object_set_new(obj, key, json_string(value)) < 0
		       ? err_set(e, ERR_INVALID, "--sysctl %s: not valid UTF-8", key)
		       : 0;
}

/* The calls about owners and ids that cannot succeed with one mapped id. */
static const char *const owner_calls[] = {
	"chown", "chown32", "fchown", "fchown32", "fchownat", "lchown", "lchown32", "setfsgid",
	"setfsgid32", "setfsuid", "setfsuid32", "setgid", "setgid32", "setgroups", "setgroups32",
	"setregid", "setregid32", "setresgid", "setresgid32", "setresuid", "setresuid32",
	"setreuid", "setreuid32", "setuid", "setuid32",
};

static bool is_owner_call(const char *name)
{
	for (size_t i = 0; i < sizeof(owner_calls) / sizeof(owner_calls[0]); i++)
		if (streq(owner_calls[i], name))
			return true;
	return false;
}

/*
 * With one mapped id chown and set*id let package managers down although nothing depends on
 * their effect: they are answered with success without being done.
 */
static int pretend_owners(char **text, struct err *e)
{
	auto_json json_t *profile = *text ? json_loads(*text, 0, NULL) : NULL;
	json_t *calls, *names = json_array(), *rule;
	char *out;

	if (!profile)
		profile = json_pack("{s:s}", "defaultAction", "SCMP_ACT_ALLOW");
	calls = json_object_get(profile, "syscalls");
	if (!calls) {
		calls = json_array();
		(void)json_object_set_new(profile, "syscalls", calls);
	}
	for (size_t i = 0; i < json_array_size(calls); i++) {
		json_t *list = json_object_get(json_array_get(calls, i), "names");

		for (size_t k = json_array_size(list); k-- > 0;)
			if (is_owner_call(json_string_value(json_array_get(list, k))))
				(void)json_array_remove(list, k);
		if (json_array_size(list) == 0)
			(void)json_array_remove(calls, i--);
	}
	for (size_t i = 0; i < sizeof(owner_calls) / sizeof(owner_calls[0]); i++)
		(void)json_array_append_new(names, json_string(owner_calls[i]));
	rule = json_pack("{s:o, s:s, s:i}", "names", names, "action", "SCMP_ACT_ERRNO", "errnoRet", 0);
	if (json_array_append_new(calls, rule) < 0)
		return err_sys(e, ENOMEM, "make the seccomp profile");
	out = json_dumps(profile, JSON_COMPACT);
	if (!out)
		return err_sys(e, ENOMEM, "make the seccomp profile");
	free(*text);
	*text = out;
	return 0;
}

int oci_seccomp(struct oci_build *b, uint64_t caps, char **ret, struct err *e)
{
	const char *profile = b->req->seccomp;
	auto_free char *text = NULL;
	int rc = 0;

	if (!b->req->privileged && !(profile && streq(profile, "unconfined")))
		rc = spec_seccomp_text(b->eng->store.run_fd, profile, caps, &text, e);
	if (profile)
		ctr_origin(b->req, "linux.seccomp", "", "--security-opt seccomp=%s", profile);
	else if (b->req->origins)
		ctr_origin(b->req, "linux.seccomp", "", "default: %s", spec_seccomp_default());
	if (rc == 0 && b->single) {
		if (!text)
			ctr_origin(b->req, "linux.seccomp", "", "default: with a single id changes of owner "
				   "only pretend to work");
		rc = pretend_owners(&text, e);
	}
	if (rc == 0)
		*ret = take_ptr(&text);
	return rc;
}
