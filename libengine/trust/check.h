/*
 * May this image be used?  The requirements of policy.json, signatures and all, on one manifest:
 * before any of its blobs is read, as containers/image has it.
 */
#ifndef TRUST_CHECK_H
#define TRUST_CHECK_H

#include "digest.h"
#include "err.h"
#include "policy.h"
#include "reference.h"
#include "signature.h"
#include "store.h"

struct trust_subject {
	struct policy_subject where;
	/* The name that signatures must be for; NULL where the place knows none (oci:, dir:). */
	const struct ctr_reference *intended;
	struct digest manifest;		/* of the bytes of its manifest or index */
	/* Fetch its signatures; called at most once, and only if the policy wants one.  NULL: it has none. */
	int (*signatures)(void *arg, struct image_signatures *ret, struct err *e);
	void *arg;
};

/*
 * 0, or ERR_DENIED ("Source image rejected: ...") when a requirement is not met; errors of reading
 * keys and signatures as they are: they never mean yes.  @s is for a keyring's temporary directory.
 */
int trust_check(struct store *s, const struct policy *p, const struct trust_subject *t, struct err *e);

/* The same for what comes from a place that knows neither names nor signatures, such as "tarball". */
int trust_check_transport(struct store *s, const char *transport, struct err *e);

#endif
