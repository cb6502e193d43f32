/* Reading arrays of objects in config.json; for the files that read its parts. */
#ifndef RUNTIME_OCI_ROWS_H
#define RUNTIME_OCI_ROWS_H

#include "oci-config.h"

/* Room for all elements at *@ret_items (fresh memory, also on failure), one call for each. */
int oci_read_array(const json_t *arr, size_t size, void *ret_items, size_t *ret_n, size_t max,
		   int (*one)(const json_t *obj, void *item, const char *where, struct err *e),
		   const char *where, struct err *e);
/* "uidMappings" and the like: at most IDMAP_MAX ranges into @to. */
int oci_id_map_read(const json_t *arr, struct idmap_range *to, uint32_t *ret_n, const char *where,
		    struct err *e);
/* The member "linux". */
int oci_linux_read(const json_t *obj, struct oci_config *c, struct err *e);

#endif
