/*
 * Secrets: small blobs that containers get as files or variables, kept apart from images and from
 * the records of containers.
 *
 * <graphroot>/secrets/<id>/ holds secret.json (name, times, labels) and data, both 0600.  A
 * container that gets one as a file has a copy from its creation on; one that gets it as a variable
 * reads it at each start and exec.
 */
#ifndef CTRLITE_SECRET_H
#define CTRLITE_SECRET_H

#include <stdint.h>

#include "ctrlite/engine.h"
#include "str.h"

#define CTR_SECRET_ID_LEN 25		/* hex digits */
#define CTR_SECRET_MAX_BYTES 512000u	/* a secret has fewer bytes than this, and at least one */
#define CTR_SECRET_NAME_MAX 253

struct ctr_secret {
	char id[CTR_SECRET_ID_LEN + 1];
	char *name;
	int64_t created_ns, updated_ns;		/* CLOCK_REALTIME */
	struct strv labels, driver_opts;	/* KEY=value */
};
#define CTR_SECRET_INIT { .name = NULL }
void ctr_secret_done(struct ctr_secret *s);

struct ctr_secret_list {
	struct ctr_secret *items;
	size_t n;
};
#define CTR_SECRET_LIST_INIT { 0 }
void ctr_secret_list_done(struct ctr_secret_list *l);

enum {				/* flags of ctr_secret_create() */
	CTR_SECRET_REPLACE = 1,	/* one of that name goes; its time of creation stays */
	CTR_SECRET_IGNORE = 2,	/* one of that name is kept: its id is returned */
};

/* @s->name, labels and driver_opts are what to store, the rest is set.  ERR_INVALID for a bad name
 * or size, ERR_EXISTS when the name is taken. */
int ctr_secret_create(struct ctr_engine *eng, struct ctr_secret *s, const void *data, size_t len,
		      unsigned int flags, struct err *e);
/* By name, id, or unique prefix of an id.  ERR_NOT_FOUND. */
int ctr_secret_find(struct ctr_engine *eng, const char *name, struct ctr_secret *ret, struct err *e);
/* All of them, oldest first. */
int ctr_secret_list(struct ctr_engine *eng, struct ctr_secret_list *ret, struct err *e);
/* The content of the one with that whole id, which the caller erases and frees by
 * ctr_secret_data_free(); there is a NUL behind its @ret_len bytes. */
int ctr_secret_data(struct ctr_engine *eng, const char *id, char **ret, size_t *ret_len,
		    struct err *e);
void ctr_secret_data_free(char *data, size_t len);
/* Containers keep what they have. */
int ctr_secret_remove(struct ctr_engine *eng, const char *id, struct err *e);

/* How one container uses one secret: what --secret says, and one item of ctr_request.secrets. */
struct ctr_secret_use {
	bool env;		/* a variable, else a file */
	uint32_t uid, gid;	/* ids of the container */
	uint32_t mode;
	char id[CTR_SECRET_ID_LEN + 1];
	char *name;
	char *target;		/* a variable's name, an absolute path, or a path below /run/secrets */
};
#define CTR_SECRET_USE_INIT { .name = NULL }
void ctr_secret_use_done(struct ctr_secret_use *u);

/* NAME[,type=mount|env][,target=][,uid=][,gid=][,mode=]; the id is left empty. */
int ctr_secret_use_parse(const char *option, struct ctr_secret_use *ret, struct err *e);
/* The item of a record, and back (ERR_CORRUPT). */
char *ctr_secret_use_format(const struct ctr_secret_use *u);
int ctr_secret_use_read(const char *item, struct ctr_secret_use *ret, struct err *e);
/* An option, with the secret looked up, appended to @items. */
int ctr_secret_request(struct ctr_engine *eng, const char *option, struct strv *items, struct err *e);

#endif
