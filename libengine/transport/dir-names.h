/* The names in a directory of the transport dir:, for its source and its sink. */
#ifndef TRANSPORT_DIR_NAMES_H
#define TRANSPORT_DIR_NAMES_H

#include <stdio.h>

#include "digest.h"

#define DIR_NAME_MAX 96
#define DIR_VERSION "Directory Transport Version: 1.1\n"

/* @d NULL: what the directory is of; else a manifest in its index. */
static inline const char *dir_manifest_name(const struct digest *d, char buf[DIR_NAME_MAX])
{
	(void)snprintf(buf, DIR_NAME_MAX, "%s%smanifest.json", d ? d->hex : "", d ? "." : "");
	return buf;
}

/* Counted from 1. */
static inline const char *dir_signature_name(const struct digest *d, unsigned int i,
					     char buf[DIR_NAME_MAX])
{
	(void)snprintf(buf, DIR_NAME_MAX, "%s%ssignature-%u", d ? d->hex : "", d ? "." : "", i);
	return buf;
}

#endif
