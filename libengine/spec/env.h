/* The container's environment: defaults, image, proxy settings, host, --env-file, --env. */
#ifndef SPEC_ENV_H
#define SPEC_ENV_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"
#include "str.h"

#define SPEC_ENV_FILE_MAX_BYTES (1u << 20)
#define SPEC_ENV_MAX 16384	/* variables in one environment */
#define SPEC_ENV_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

struct spec_env_args {
	const struct strv *defaults;	/* KEY=value of containers.conf, or NULL */
	const struct strv *image;	/* Config.Env, not trusted; or NULL */
	const char *const *host;	/* our own environ */
	bool http_proxy;		/* copy the proxy variables of the host */
	bool env_host;			/* copy all of the host */
	bool tty;			/* TERM=xterm unless something sets it */
	const struct strv *unset;	/* names taken out of defaults and image, or NULL */
	bool unset_all;			/* take out all of them */
	const struct strv *files;	/* --env-file paths, or NULL */
	const struct strv *env;		/* --env values, or NULL */
	/* Called for each name that a source sets, in their order; NULL: nobody asks. */
	void (*said)(void *arg, const char *name, const char *source);
	void *said_arg;
};

/*
 * Append the whole environment to the empty list @ret; each name once, later sources win:
 * defaults < image < proxy < host < files < --env.  Without HOME and HOSTNAME: the caller knows
 * them later and adds them with spec_env_default().
 */
int spec_env_build(const struct spec_env_args *a, struct strv *ret, struct err *e);

/* One --env value: K=V sets, K copies from @host if it is set there, PREFIX* copies all that
 * start so.  An empty name is ERR_INVALID. */
int spec_env_apply(struct strv *env, const char *arg, const char *const *host, struct err *e);
/* The text of one --env-file, named @what in errors: lines of the same, blank and # lines skipped. */
int spec_env_apply_text(struct strv *env, const char *text, size_t len, const char *what,
			const char *const *host, struct err *e);
/* Entries of an image: only K=V; anything else is left out and never looks at the host. */
int spec_env_apply_image(struct strv *env, const struct strv *image, struct err *e);
/* Set @key unless it is there.  0 or -ENOMEM. */
int spec_env_default(struct strv *env, const char *key, const char *value);

#endif
