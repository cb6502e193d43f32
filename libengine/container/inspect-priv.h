/*
 * What `inspect` shows of a container, made noun by noun.  Every function adds members to a JSON
 * object in podman's order; lack of memory is remembered in @d->failed and told once at the end.
 */
#ifndef INSPECT_PRIV_H
#define INSPECT_PRIV_H

#include <ctrlite/inspect.h>
#include <ctrlite/network.h>

#include "container-priv.h"
#include "spec/mountopt.h"

struct ctr_cgroup_host;

struct describe {
	struct ctr_engine *eng;
	const struct ctr_request *r;
	const struct ctr_status *s;
	const struct ctr_cgroup_host *cgroups;	/* NULL: none can be had */
	struct ctr_network net;
	struct spec_mounts mounts;
	bool failed;			/* memory is gone */
};

/* Add a member.  @fresh is taken; NULL is lack of memory. */
void insp_set(struct describe *d, json_t *obj, const char *key, json_t *fresh);
void insp_str(struct describe *d, json_t *obj, const char *key, const char *s);	/* NULL is "" */
void insp_int(struct describe *d, json_t *obj, const char *key, int64_t i);
void insp_bool(struct describe *d, json_t *obj, const char *key, bool on);
void insp_strv(struct describe *d, json_t *obj, const char *key, const struct strv *v);
void insp_time(struct describe *d, json_t *obj, const char *key, int64_t ns);
/* @text is a printed string in fresh memory, which is freed. */
void insp_text(struct describe *d, json_t *obj, const char *key, char *text);
/* "KEY=value" strings as an object in order of the keys, as Go prints maps. */
json_t *insp_map(const struct strv *v);
json_t *insp_map_or_null(const struct strv *v);	/* null where there are none */
/* The members of @map, which is taken, in order of the keys; fresh. */
json_t *insp_sorted(struct describe *d, json_t *map);

static inline const char *or_default(const char *s, const char *def)
{
	return s && *s ? s : def;
}

/* The members of the top level that are objects or lists. */
void insp_health_config(struct describe *d, json_t *config);
json_t *insp_state(struct describe *d);			/* inspect-state.c */
json_t *insp_graph_driver(struct describe *d);		/* inspect-mounts.c */
json_t *insp_mounts(struct describe *d);
json_t *insp_network_settings(struct describe *d);	/* inspect-network.c */
json_t *insp_config(struct describe *d);		/* inspect-config.c */
json_t *insp_host_config(struct describe *d);		/* inspect-host.c */

/* Docker's own members, when all others are there.  inspect-docker.c */
void insp_docker(struct describe *d, json_t *j);

/* Names of capabilities in order of the alphabet, as podman has them. */
json_t *insp_caps(struct describe *d, uint64_t caps);

/* Parts of HostConfig. */
json_t *insp_binds(struct describe *d);			/* inspect-mounts.c */
json_t *insp_tmpfs(struct describe *d);
json_t *insp_ports(struct describe *d);			/* inspect-network.c */
char *insp_network_mode(const struct describe *d);
json_t *insp_ulimits(struct describe *d);		/* inspect-host.c */
json_t *insp_devices(struct describe *d);
void insp_resources(struct describe *d, json_t *j);	/* inspect-resources.c */

#endif
