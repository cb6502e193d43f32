/* Resource limits: what --memory, --cpus, --pids-limit and their kin ask for. */
#ifndef SPEC_RESOURCES_H
#define SPEC_RESOURCES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "str.h"

/* The limits of one container as options give them; zero and NULL: not asked for. */
struct spec_resources {
	int64_t memory, memory_reservation;	/* bytes */
	int64_t memory_swap;			/* memory and swap together; -1: no limit */
	uint64_t cpu_shares;			/* docker's scale: 1024 is one share */
	uint64_t cpu_period_us;
	int64_t cpu_quota_us;			/* -1: no limit */
	char *cpuset_cpus, *cpuset_mems;	/* lists: 0-3,5 */
	int64_t pids;				/* -1: no limit */
	uint32_t blkio_weight;			/* 10..1000 */
	struct strv blkio_weight_device;	/* PATH:WEIGHT */
	struct strv device_read_bps, device_write_bps, device_read_iops,
		device_write_iops;		/* PATH:NUMBER[UNIT] */
	struct strv unified;			/* FILE=VALUE, written as they are */
};
#define SPEC_RESOURCES_INIT { 0 }
void spec_resources_done(struct spec_resources *r);

/*
 * Take one option's value: @option without dashes, one occurrence of a list.  ERR_INVALID in
 * podman's words; a zero or an empty text takes the limit back.
 */
int spec_resources_set(struct spec_resources *r, const char *option, const char *value,
		       struct err *e);
/* --cpus: a number of processors as quota and period; 0 takes both back. */
int spec_resources_set_cpus(struct spec_resources *r, double cpus, struct err *e);
/* Do they fit together?  For when all options are there. */
int spec_resources_check(const struct spec_resources *r, struct err *e);
/* Every limit that @from asks for replaces that of @to. */
int spec_resources_merge(struct spec_resources *to, const struct spec_resources *from,
			 struct err *e);

/* What is asked for: each option with the controller that it needs. */
struct spec_resource_need {
	const char *option;	/* "memory-swap" */
	const char *controller;	/* "memory" */
};
/* The needs of @r, at most @max of them; how many.  A limit of -1 needs nothing; the controller of
 * a --cgroup-conf file is NULL where it is none that we know. */
size_t spec_resources_needs(const struct spec_resources *r, struct spec_resource_need *ret,
			    size_t max);
#define SPEC_RESOURCE_NEEDS_MAX 32

enum {
	SPEC_RESOURCES_NEW = 1,		/* for a new cgroup, without limits to lift: -1 is left out */
	SPEC_RESOURCES_SWAP = 2,	/* the kernel limits swap: without --memory-swap memory and swap
					 * together may be twice the memory */
};
/*
 * linux.resources of the OCI runtime spec; *@ret is NULL where nothing is asked for.  Looks up the
 * block devices, as the user: -ENOENT and its like for one that is not there.
 */
int spec_resources_json(const struct spec_resources *r, unsigned int flags, json_t **ret, struct err *e);

#endif
