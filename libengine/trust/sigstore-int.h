/* Between the files of sigstore.h. */
#ifndef TRUST_SIGSTORE_INT_H
#define TRUST_SIGSTORE_INT_H

#include <openssl/evp.h>

struct sigstore_key {
	EVP_PKEY *pkey;
};

#endif
