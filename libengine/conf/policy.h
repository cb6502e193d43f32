/*
 * policy.json (containers-policy.json(5)): which images may be used at all, and whose signature
 * they must carry.  Read strictly: what is unclear is never taken for a yes.  Only reading and
 * choosing is done here, verifying is in trust/.
 */
#ifndef CONF_POLICY_H
#define CONF_POLICY_H

#include <jansson.h>
#include <stdbool.h>

#include "err.h"
#include "str.h"

#define POLICY_MAX_BYTES (4u << 20)
#define POLICY_REQUIREMENTS_MAX 1000	/* of one scope */
#define POLICY_KEYS_MAX 1000		/* of one requirement */

enum policy_type {
	POLICY_ACCEPT,			/* insecureAcceptAnything */
	POLICY_REJECT,
	POLICY_SIGNED_BY,		/* GPG simple signing */
	POLICY_SIGSTORE_SIGNED,
	POLICY_SIGNED_BASE_LAYER,	/* known, but nobody implements it: rejects */
	POLICY_TYPE_COUNT_,
};
/* The word in the file; static. */
const char *policy_type_str(enum policy_type t);

enum policy_match {
	POLICY_MATCH_REPO_DIGEST_OR_EXACT,	/* the default */
	POLICY_MATCH_EXACT,
	POLICY_MATCH_REPOSITORY,
	POLICY_EXACT_REFERENCE,
	POLICY_EXACT_REPOSITORY,
	POLICY_REMAP_IDENTITY,
	POLICY_MATCH_COUNT_,
};

/* signedIdentity: which name a signature must be for. */
struct policy_identity {
	enum policy_match match;
	char *reference;	/* exactReference, exactRepository: that; remapIdentity: the prefix */
	char *signed_prefix;	/* remapIdentity */
};

struct policy_requirement {
	enum policy_type type;
	struct strv key_paths;	/* host paths */
	struct strv key_data;	/* base64, as in the file */
	struct policy_identity identity;
	const char *unverifiable;	/* static: what it asks for that cannot be verified here; or NULL */
};

struct policy_requirements {
	struct policy_requirement *items;
	size_t n;
	char *scope;		/* that they were found under; "default" */
};
#define POLICY_REQUIREMENTS_INIT { 0 }
void policy_requirements_done(struct policy_requirements *l);
#define auto_policy_requirements __attribute__((cleanup(policy_requirements_done)))

/* One requirement list of the file, all of it checked.  @where names it in errors. */
int policy_requirements_parse(const json_t *list, const char *where, struct policy_requirements *ret,
			      struct err *e);

struct policy {
	char *path;	/* NULL: the host has none */
	json_t *doc;	/* valid in all its parts; NULL: there is no file */
};
#define POLICY_INIT { 0 }
void policy_done(struct policy *p);
#define auto_policy __attribute__((cleanup(policy_done)))

/*
 * The file that counts: ~/.config/containers/policy.json where it exists, else
 * /etc/containers/policy.json; fresh, NULL when memory is gone.  It need not exist.
 */
char *policy_path(void);

/* From now on @path (borrowed) is the file that counts, and must exist: --signature-policy. */
void policy_set_path(const char *path);

/*
 * Read @path (which must exist), or with NULL the file that counts.  A host without one accepts
 * everything, as docker does.  ERR_CORRUPT for a file that says something unclear.
 */
int policy_load(const char *path, struct policy *ret, struct err *e);

/* An image as scopes name it. */
struct policy_subject {
	const char *transport;	/* "docker", "oci", "dir", "docker-archive", ... */
	const char *ref;	/* docker: the full reference, "host/path:tag" or "...@digest" */
	const char *path;	/* oci, oci-archive, dir: absolute, without links; or NULL */
	const char *image;	/* behind that path (oci, oci-archive); or NULL */
};

/* What must hold for @s: the requirements of the most specific scope, else the default ones.  Images
 * of containers-storage are always accepted: they were judged when they came in. */
int policy_find(const struct policy *p, const struct policy_subject *s,
		struct policy_requirements *ret, struct err *e);

/* @s in words for messages, "docker://host/path:tag"; fresh or NULL. */
char *policy_subject_str(const struct policy_subject *s);

/*
 * Are there requirements that no signature can meet?  ERR_DENIED where the policy rejects it,
 * ERR_UNSUPPORTED where it asks for what cannot be verified here.  Reads no signature and asks no
 * network: 0 says nothing about those.
 */
int policy_refuses(const struct policy *p, const struct policy_subject *s,
		   const struct policy_requirements *l, struct err *e);

/* All of the above for the docker reference @ref under the policy that counts.  *@ret_gpg (may be
 * NULL): GPG signatures are required. */
int policy_check(const char *ref, bool *ret_gpg, struct err *e);

#endif
