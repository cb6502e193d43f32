/* certs.d: authorities and client certificates for one registry, see containers-certs.d(5). */
#ifndef REGISTRY_CERTS_H
#define REGISTRY_CERTS_H

#include "err.h"
#include "http.h"

/*
 * Fill @peer's ca_pem, cert_file and key_file for the registry @host ("host" or "host:port", as in
 * the reference) from @cert_dir where given, else from the first that exists of
 * ~/.config/containers/certs.d, /etc/containers/certs.d and /etc/docker/certs.d, each with a
 * directory @host.  *.crt are authorities, *.cert with the *.key of the same name is the client's.
 */
int certs_load(const char *cert_dir, const char *host, struct http_peer *peer, struct err *e);

#endif
