/* The namespaces of containers, for `ps --ns`. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ps.h"

static const struct {
	const char *file; /* in /proc/PID/ns */
	const char *json; /* member of Namespaces */
	const char *column;
	const char *other; /* another name of the same in templates, or NULL */
} names[PS_NS_COUNT_] = {
	[PS_NS_CGROUP] = { "cgroup", "Cgroup", "CGROUPNS", "Cgroup" },
	[PS_NS_IPC] = { "ipc", "Ipc", "IPC", NULL },
	[PS_NS_MNT] = { "mnt", "Mnt", "MNT", NULL },
	[PS_NS_NET] = { "net", "Net", "NET", NULL },
	[PS_NS_PID] = { "pid", "Pidns", "PIDNS", NULL },
	[PS_NS_USER] = { "user", "User", "USERNS", "User" },
	[PS_NS_UTS] = { "uts", "Uts", "UTS", NULL },
};

void ps_read_namespaces(const struct ctr_status *s, struct ps_namespaces *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; s->state == CTR_RUNNING && i < PS_NS_COUNT_; i++) {
		char path[48], link[64], *open, *close;
		ssize_t n;

		(void)snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)s->pid, names[i].file);
		n = readlink(path, link, sizeof(link) - 1);
		if (n < 0)
			continue; /* it has just ended, or is not ours to look at */
		link[n] = '\0';
		open = strchr(link, '[');
		close = strchr(link, ']');
		if (open && close && (size_t)(close - open) < sizeof(ret->id[i])) {
			*close = '\0';
			(void)snprintf(ret->id[i], sizeof(ret->id[i]), "%s", open + 1);
		}
	}
}

json_t *ps_namespaces_json(const struct ps_namespaces *n, bool sparse)
{
	static const enum ps_ns order[] = { PS_NS_MNT, PS_NS_CGROUP, PS_NS_IPC, PS_NS_NET,
					    PS_NS_PID, PS_NS_UTS,    PS_NS_USER };
	json_t *j = json_object();

	for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++)
		if (!sparse || n->id[order[i]][0])
			json_object_set_new(j, names[order[i]].json, json_string(n->id[order[i]]));
	return j;
}

void ps_namespaces_view(const struct ps_namespaces *n, json_t *view)
{
	for (size_t i = 0; i < PS_NS_COUNT_; i++) {
		json_object_set_new(view, names[i].column, json_string(n->id[i]));
		if (names[i].other)
			json_object_set_new(view, names[i].other, json_string(n->id[i]));
	}
}
