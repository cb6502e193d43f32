/*
 * What a process can see of its isolation, as one JSON object of sections of strings.  The program
 * is static and needs nothing of the container that it runs in.
 */
#ifndef HELPERS_ISOLATION_PROBE_H
#define HELPERS_ISOLATION_PROBE_H

void section_begin(const char *name);
void section_end(void);
/* One property of the open section. */
void entry(const char *key, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The section "syscalls": what the seccomp filters of this process answer, for every number of
 * every ABI, without that any of the calls is made. */
void probe_syscalls(void);

#endif
