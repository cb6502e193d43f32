/*
 * registries.conf (version 2) with its drop-ins and short-name aliases: which registries a short
 * name may mean, and where a reference is really fetched from.  The rules are those of
 * containers-registries.conf(5).  No libcurl here: looking up a local image needs the names too.
 */
#ifndef CONF_REGISTRIES_CONF_H
#define CONF_REGISTRIES_CONF_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"
#include "str.h"

enum short_name_mode { SHORT_NAME_PERMISSIVE, SHORT_NAME_ENFORCING, SHORT_NAME_DISABLED };
enum mirror_pull { MIRROR_PULL_ALL, MIRROR_PULL_DIGEST_ONLY, MIRROR_PULL_TAG_ONLY };

struct registry_mirror {
	char *location;
	bool insecure;
	enum mirror_pull pull;
};

struct registry_rule {
	char *prefix;		/* host[:port][/namespace...], or *.host */
	char *location;		/* "" (only with *.host): as the reference says */
	bool insecure, blocked, mirror_by_digest_only;
	struct registry_mirror *mirrors;
	size_t n_mirrors;
};

struct registry_alias {
	char *name, *value;	/* "alpine", "docker.io/library/alpine" */
	char *origin;		/* the file that says so */
};

struct registries_conf {
	char *path;		/* the main file, for messages; it need not exist */
	struct strv search;	/* unqualified-search-registries */
	char *search_origin;	/* the file that set them; NULL: none did */
	struct strv helpers;	/* credential-helpers; empty: the files of credentials alone */
	enum short_name_mode mode;
	struct registry_rule *rules;
	size_t n_rules;
	struct registry_alias *aliases;
	size_t n_aliases;
};
#define REGISTRIES_CONF_INIT { 0 }
void registries_conf_done(struct registries_conf *c);
#define auto_registries_conf __attribute__((cleanup(registries_conf_done)))

/*
 * Read the main file ($CONTAINERS_REGISTRIES_CONF or $REGISTRIES_CONFIG_PATH, else the user's in
 * ~/.config/containers, else /etc/containers/registries.conf), the drop-ins of registries.conf.d
 * (the user's alone where the user's main file is used, else system and user), and the aliases
 * recorded in short-name-aliases.conf.  Files that do not exist are empty.  ERR_CORRUPT for
 * wrong content, ERR_UNSUPPORTED for the old version 1.
 */
int registries_conf_load(struct registries_conf *ret, struct err *e);

/* The alias for the short name @name (without tag and digest), or NULL; borrowed. */
const struct registry_alias *registries_conf_alias(const struct registries_conf *c, const char *name);

/* The rule with the longest matching prefix for the full reference @ref, or NULL; borrowed. */
const struct registry_rule *registries_conf_rule(const struct registries_conf *c, const char *ref);

/* One place to fetch from: the rewritten reference. */
struct pull_source {
	char *ref;		/* "host/path:tag@digest", owned */
	bool insecure, mirror;
};
struct pull_sources {
	struct pull_source *items;
	size_t n;
};
#define PULL_SOURCES_INIT { 0 }
void pull_sources_done(struct pull_sources *s);

/*
 * Where to fetch the full reference @ref from, in order: mirrors, then the location itself.
 * ERR_DENIED when it is blocked.  @digested: @ref has a digest.
 */
int registries_conf_sources(const struct registries_conf *c, const char *ref, bool digested,
			    struct pull_sources *ret, struct err *e);

/* Record an alias (in short-name-aliases.conf) after a short name was chosen by the user. */
int registries_conf_record_alias(const char *name, const char *value, struct err *e);

#endif
