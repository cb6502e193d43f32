/* Signing what a copy puts. */
#ifndef TRANSPORT_COPY_SIGN_H
#define TRANSPORT_COPY_SIGN_H

#include "sign.h"
#include "transport.h"

/*
 * Sign the manifest (or index) @d, which was put into @dest, by @signers (maybe nobody) and put the
 * signatures there.  It is signed as what the location of @dest names; a place that has no such name,
 * or keeps no signatures, is ERR_UNSUPPORTED.
 */
int copy_sign(struct image_sink *dest, const struct trust_signers *signers, const struct digest *d,
	      struct err *e);

#endif
