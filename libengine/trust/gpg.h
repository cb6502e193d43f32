/*
 * OpenPGP signatures by the program gpg.  It is started for those who need it, so that a pull that
 * asks for no signature loads no library for it.  What gpg says is read from its status descriptor
 * (gnupg, doc/DETAILS), never from its messages.
 */
#ifndef TRUST_GPG_H
#define TRUST_GPG_H

#include <stddef.h>

#include "err.h"
#include "store.h"
#include "str.h"

#define GPG_FINGERPRINT_MAX 128

/* A keyring of its own: nothing in it but what was imported, and none of the user's options. */
struct gpg_ring {
	struct store *store;	/* borrowed */
	struct stage home;	/* in the store's tmp/: collected if we die */
	char *path;		/* of it */
	struct strv keys;	/* fingerprints of the primary keys in it */
};
#define GPG_RING_INIT { .home = STAGE_INIT }

int gpg_ring_new(struct store *s, struct gpg_ring *ret, struct err *e);
void gpg_ring_done(struct gpg_ring *g);

/* Add the keys in @data, binary or armored, with their revocations.  ERR_CORRUPT when there is none
 * in it; @what names its origin. */
int gpg_ring_import(struct gpg_ring *g, const void *data, size_t len, const char *what, struct err *e);

/*
 * Verify the signed message @data: exactly one signature, good, by a key in the ring that is neither
 * expired nor revoked.  *@ret is what was signed (fresh, with a NUL behind; at most
 * SIGNATURE_PAYLOAD_MAX_BYTES), @ret_key the fingerprint of the primary key.  ERR_DENIED says what is
 * wrong with it.
 */
int gpg_ring_verify(const struct gpg_ring *g, const void *data, size_t len, char **ret,
		    size_t *ret_len, char ret_key[GPG_FINGERPRINT_MAX + 1], struct err *e);

/*
 * Sign @data by the user's own key @key (fingerprint, id or address; $GNUPGHOME or ~/.gnupg).
 * @passphrase NULL: gpg's agent asks for it if it must.  *@ret is fresh.
 */
int gpg_sign(const char *key, const char *passphrase, const void *data, size_t len, char **ret,
	     size_t *ret_len, struct err *e);

/* The user ids of the keys in @data, which are not imported; for lists. */
int gpg_ring_uids(const struct gpg_ring *g, const void *data, size_t len, struct strv *ret,
		  struct err *e);

#endif
