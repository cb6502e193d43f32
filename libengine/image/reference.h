/*
 * Image references: [domain[:port]/]path[:tag][@digest], the grammar of distribution's
 * "reference" package, parsed strictly.  Plain data without heap.
 */
#ifndef IMAGE_REFERENCE_H
#define IMAGE_REFERENCE_H

#include <stdbool.h>

#include "digest.h"
#include "err.h"

#define REF_DOMAIN_MAX 255
#define REF_PATH_MAX 255
#define REF_TAG_MAX 128
/* domain/path:tag@digest and a NUL */
#define REF_STR_MAX (REF_DOMAIN_MAX + 1 + REF_PATH_MAX + 1 + REF_TAG_MAX + 1 + DIGEST_STR_MAX)

struct ctr_reference {
	char domain[REF_DOMAIN_MAX + 1];	/* with the port; "" in a short name */
	char path[REF_PATH_MAX + 1];
	char tag[REF_TAG_MAX + 1];		/* "" where there is none */
	struct digest digest;			/* "" where there is none */
};

/*
 * Parse what a user, a manifest or a configuration file wrote.  Without a domain it stays a short
 * name (domain ""): the first component is a domain if it has a '.' or ':' or is "localhost".
 * index.docker.io becomes docker.io, whose single-component paths get library/ before them.
 * ERR_INVALID: "invalid reference format: ...".
 */
int ctr_reference_parse(const char *s, struct ctr_reference *ret, struct err *e);

static inline bool ctr_reference_is_short(const struct ctr_reference *r)
{
	return r->domain[0] == '\0';
}

/*
 * The reference that the short name @r means below @registry ("quay.io", "localhost",
 * "example.com:5000/team"); tag and digest are kept.  What is no short name is copied.
 */
int ctr_reference_qualify(const struct ctr_reference *r, const char *registry,
			  struct ctr_reference *ret, struct err *e);

/* With the tag "latest" where there is neither tag nor digest. */
void ctr_reference_default_tag(struct ctr_reference *r);

/* "domain/path", or "path" of a short name, into @buf; returns @buf. */
const char *ctr_reference_name(const struct ctr_reference *r, char buf[REF_STR_MAX]);
/* All of it: "domain/path:tag@sha256:...". */
const char *ctr_reference_str(const struct ctr_reference *r, char buf[REF_STR_MAX]);

/* The last component of the path: what people call the image. */
const char *ctr_reference_base(const struct ctr_reference *r);

#endif
