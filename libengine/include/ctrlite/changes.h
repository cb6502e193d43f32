/* What a container has changed of its image, and its files as an archive. */
#ifndef CTRLITE_CHANGES_H
#define CTRLITE_CHANGES_H

#include "ctrlite/engine.h"

enum ctr_change { CTR_CHANGED, CTR_ADDED, CTR_DELETED, CTR_CHANGE_COUNT_ };

/* Paths by name, a directory before what is in it. */
struct ctr_changes {
	struct ctr_change_item {
		enum ctr_change kind;
		const char *path;	/* absolute */
	} *items;
	size_t n;
	char *text;	/* private */
};
#define CTR_CHANGES_INIT { 0 }
void ctr_changes_done(struct ctr_changes *c);

/* Of the container @id against its image, without what the engine puts into every container
 * (/dev, /etc/hosts ...). */
int ctr_container_changes(struct ctr_engine *eng, const char *id, struct ctr_changes *ret, struct err *e);
/* What the topmost layer of the image @name changes of those below. */
int ctr_image_changes(struct ctr_engine *eng, const char *name, struct ctr_changes *ret, struct err *e);

/* In what the container or image @name differs from @old; each is looked for among @containers,
 * then among @images. */
int ctr_changes_between(struct ctr_engine *eng, const char *name, const char *old, bool containers,
			bool images, struct ctr_changes *ret, struct err *e);

struct ctr_export_opts {
	/* Called now and then while it takes long, with what has been written; may be NULL. */
	void (*tick)(void *arg, uint64_t bytes, uint64_t files);
	void *tick_arg;
	const char *tmp;	/* a file to remove before a signal ends us; may be NULL */
};
/* Write the files of the container @id as a tar archive, without what is mounted in it. */
int ctr_container_export(struct ctr_engine *eng, const char *id, int out_fd,
			 const struct ctr_export_opts *o, struct err *e);

#endif
