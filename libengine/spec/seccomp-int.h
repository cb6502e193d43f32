/* The profile that is compiled in: contrib/seccomp/profile.json. */
#ifndef SPEC_SECCOMP_INT_H
#define SPEC_SECCOMP_INT_H

extern const char spec_seccomp_builtin[];

#endif
