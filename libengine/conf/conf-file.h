/*
 * Finding, reading and merging the TOML configuration files of the containers tools.
 */
#ifndef CONF_CONF_FILE_H
#define CONF_CONF_FILE_H

#include <jansson.h>
#include <stdbool.h>

#include "err.h"
#include "str.h"

/* Read and parse one file.  Returns 1 with *@ret (the caller's), 0 where there is no such file, or
 * a negative errno with @e, which names the file and the line. */
int conf_load(const char *path, json_t **ret, struct err *e);

/* Append the paths of the *.conf files in @dir to @ret in alphanumeric order; a directory that does
 * not exist has none. */
int conf_list_dir(const char *dir, struct strv *ret, struct err *e);

/*
 * Lay @over on @into: tables merge, every other value replaces.  With @append an array that has
 * the element {append=true} is added to what was there (without that element) and stays so for
 * later layers until one has {append=false}, as containers.conf defines it.
 * 0 or -ENOMEM.
 */
int conf_merge(json_t *into, const json_t *over, bool append);
/* Remove the {append=...} elements that conf_merge() keeps as memory; call it once at the end. */
void conf_merge_finish(json_t *conf);

/* "$XDG_CONFIG_HOME/containers/NAME" or "$HOME/.config/containers/NAME"; fresh, NULL with
 * neither in the environment (errno ENOENT) or without memory. */
char *conf_user_path(const char *name);

/*
 * The files that make up containers.conf for this user, first the weakest: $CONTAINERS_CONF alone
 * where it is set; else /usr/share/containers, /etc/containers, their .d directories, what is for
 * rootless users only, the user's own.  $CONTAINERS_CONF_OVERRIDE comes last.  Paths need not exist.
 */
int conf_containers_paths(bool rootless, struct strv *ret, struct err *e);
/* All of them merged (append-aware) into one object, empty where there is none. */
int conf_containers_load(bool rootless, json_t **ret, struct err *e);

/* storage.conf: $CONTAINERS_STORAGE_CONF, else (rootless) the user's, else /etc/containers, else
 * /usr/share/containers; one file, nothing is merged.  As conf_load().  *@ret_own: it is a file for
 * this user's own store, and not the system's read by somebody else. */
int conf_storage_load(bool rootless, json_t **ret, bool *ret_own, struct err *e);

#endif
