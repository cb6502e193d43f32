/* Scopes of systemd, by the program ctr-lite-systemd: libsystemd stays out of this one. */
#ifndef RUNTIME_CGROUP_SYSTEMD_H
#define RUNTIME_CGROUP_SYSTEMD_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

#include "err.h"
#include "resources.h"
#include "str.h"

/* "slice:prefix:name" into "slice" and "prefix-name.scope", fresh memory; empty or NULL: the
 * defaults for @id. */
int systemd_names(const char *cgroups_path, const char *id, char **ret_slice, char **ret_unit,
		  struct err *e);
/* The limits that systemd has properties for, as "NAME=VALUE", so that it does not undo them. */
int systemd_properties(const struct limits *l, struct strv *ret, struct err *e);
/* Those of annotations org.systemd.property.NAME, as runc and crun have them. */
int systemd_annotations(const json_t *annotations, struct strv *ret, struct err *e);

/* The program, fresh memory; -ENOENT (ERR_NOT_FOUND). */
int systemd_program(char **ret, struct err *e);
int systemd_start_scope(const char *unit, const char *slice, pid_t pid, const struct strv *props,
			struct err *e);
int systemd_stop_scope(const char *unit, struct err *e);
int systemd_set_properties(const char *unit, const struct strv *props, struct err *e);
/* Move a process into the scope, which only systemd may. */
int systemd_attach(const char *unit, pid_t pid, struct err *e);

#endif
