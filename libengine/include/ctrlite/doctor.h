/*
 * What this host gives to containers and what it lacks, found out by trying.  Nothing on the host is
 * different afterwards: whatever is made goes with the process that made it, but for one directory
 * beside the store, which is removed.
 */
#ifndef CTRLITE_DOCTOR_H
#define CTRLITE_DOCTOR_H

#include <stddef.h>

#include "err.h"

enum ctr_health {		/* worse is larger */
	CTR_HEALTH_OK,
	CTR_HEALTH_OPTIONAL,	/* works, with less: something optional is missing */
	CTR_HEALTH_REQUIRED,	/* without it no container runs */
	CTR_HEALTH_COUNT_,
};
const char *ctr_health_str(enum ctr_health h);	/* "ok", "optional", "required" */

struct ctr_finding {
	const char *id, *title;	/* static */
	enum ctr_health health;
	char *found;		/* what is used, or what is missing and what that means; owned */
	char *fix;		/* the one command or setting that helps; NULL: none, or none needed; owned */
};

struct ctr_findings {
	struct ctr_finding *items;
	size_t n;
	enum ctr_health worst;
};
#define CTR_FINDINGS_INIT { 0 }
void ctr_findings_done(struct ctr_findings *f);

/* @root: where the store is or would be, NULL for the default.  Fails only without memory. */
int ctr_doctor(const char *root, struct ctr_findings *ret, struct err *e);

#endif
