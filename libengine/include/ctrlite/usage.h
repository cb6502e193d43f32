/*
 * Disk usage: what images, containers and volumes take, as du would add up the sizes of the files, each
 * once: below layers/, images/blobs/, partial/, and the records in meta/; in containers/; and in
 * volumes/NAME/_data.  index.json and its copy belong to no image.
 */
#ifndef CTRLITE_USAGE_H
#define CTRLITE_USAGE_H

#include <stdint.h>

#include "ctrlite/container.h"
#include "ctrlite/image.h"
#include "ctrlite/volume.h"

struct ctr_usage_image {
	struct ctr_image *image;	/* one of images.items */
	uint64_t shared_bytes, unique_bytes;	/* of its unpacked layers: others have them too, or not */
	size_t containers;
};
struct ctr_usage_container {
	struct ctr_container *ctr;	/* one of containers.items */
	uint64_t bytes;			/* its directory: the writable layer, records, log */
	size_t volumes;
};
struct ctr_usage_volume {
	struct ctr_volume *volume;	/* one of volumes.items */
	uint64_t bytes;
	size_t links;			/* containers that use it */
};
struct ctr_usage {
	struct ctr_image_list images;
	struct ctr_container_list containers;
	struct ctr_volume_list volumes;
	struct ctr_usage_image *by_image;	/* in the order of the lists */
	struct ctr_usage_container *by_container;
	struct ctr_usage_volume *by_volume;
	uint64_t image_bytes;		/* all unpacked layers and blobs, each once, and what is known of them */
	uint64_t image_unused_bytes;	/* of those, what no image needs that a container uses */
};
#define CTR_USAGE_INIT { 0 }
void ctr_usage_done(struct ctr_usage *u);

/* Measure everything.  Takes no lock: what vanishes meanwhile counts as nothing. */
int ctr_usage_measure(struct ctr_engine *eng, struct ctr_usage *ret, struct err *e);

#endif
