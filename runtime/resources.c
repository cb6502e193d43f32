/* Telling real limits from the defaults that engines always write. */
#include "resources.h"

#include <stdint.h>

#include "str.h"

/* A value that limits: null, false, 0, -1 (no limit), "" and empty lists do not. */
static bool limits(const json_t *v)
{
	switch (json_typeof(v)) {
	case JSON_OBJECT:
	case JSON_ARRAY:
		return json_object_size(v) > 0 || json_array_size(v) > 0;
	case JSON_STRING:
		return json_string_length(v) > 0;
	case JSON_INTEGER:
		return json_integer_value(v) > 0;
	case JSON_REAL:
	case JSON_TRUE:
		return true;
	case JSON_FALSE:
	case JSON_NULL:
		return false;
	}
	return true;
}

int resources_check(const json_t *resources, struct err *e)
{
	json_t *obj = (json_t *)(uintptr_t)resources; /* jansson's iterator takes no const */
	const char *controller, *member;
	json_t *values, *value;

	json_object_foreach(obj, controller, values) {
		/* Device access is also kept by what nodes are there: mknod needs a capability, and
		 * in a user namespace it is impossible. */
		if (streq(controller, "devices"))
			continue;
		if (!json_is_object(values)) {
			if (!limits(values))
				continue;
			return err_set(e, ERR_UNSUPPORTED,
				       "$.linux.resources.%s: this runtime does not "
				       "apply cgroup limits yet; leave the limit away or use crun",
				       controller);
		}
		json_object_foreach(values, member, value) {
			/* The kernel's default of 1024 is what a process has anyway. */
			if (streq(controller, "cpu") && streq(member, "shares") &&
			    json_integer_value(value) == 1024)
				continue;
			if (limits(value))
				return err_set(
					e, ERR_UNSUPPORTED,
					"$.linux.resources.%s.%s: this runtime "
					"does not apply cgroup limits yet (controller %s); leave "
					"the limit away or use crun",
					controller, member, controller);
		}
	}
	return 0;
}
