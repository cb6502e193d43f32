/*
 * Seccomp profiles in the form of containers-common and docker (rules that depend on capabilities,
 * architecture and kernel) resolved into OCI linux.seccomp.
 */
#ifndef SPEC_SECCOMP_H
#define SPEC_SECCOMP_H

#include <stddef.h>
#include <stdint.h>

#include "err.h"

#define SPEC_SECCOMP_MAX_BYTES (1u << 20)

/*
 * The JSON text of linux.seccomp for a container that has @caps.  @path is a profile, or NULL for
 * the default: /etc/containers/seccomp.json, else /usr/share/containers/seccomp.json, else the one
 * that is compiled in.  The result is kept under "cache" in the run directory @run_fd (-1: not
 * kept), so that the next call with the same inputs reads one file; what is there but is not ours
 * or not whole is ignored.  The caller frees *@ret_text.  Any doubt about a profile is an error:
 * ERR_INVALID, ERR_CORRUPT, ERR_LIMIT, ERR_UNSUPPORTED, ERR_NOT_FOUND.
 */
int spec_seccomp_text(int run_fd, const char *path, uint64_t caps, char **ret_text, struct err *e);

/* The default profile's path, or "built in"; static. */
const char *spec_seccomp_default(void);

/* The machine that a profile is resolved for. */
struct spec_seccomp_target {
	const char *go_arch;	/* "amd64" */
	const char *scmp_arch;	/* "SCMP_ARCH_X86_64" */
	unsigned int kernel_major, kernel_minor;
	uint64_t caps;
};
/* The resolving itself: @what names the profile in errors. */
int spec_seccomp_resolve(const char *json, size_t len, const char *what,
			 const struct spec_seccomp_target *t, char **ret_text, struct err *e);

#endif
