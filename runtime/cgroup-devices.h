/* linux.resources.devices as a program that the kernel asks for each access to a device. */
#ifndef RUNTIME_CGROUP_DEVICES_H
#define RUNTIME_CGROUP_DEVICES_H

#include <jansson.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>

#include "err.h"

#define DEVICE_RULES_MAX 1024

/* Does a rule among @rules (may be NULL) take something away? */
bool devices_deny(const json_t *rules);
/*
 * Compile the rules and behind them those that every container needs.  For each of read, write and
 * mknod the last rule that speaks of it decides; what no rule allows is denied.  *@ret is fresh
 * memory.
 */
int devices_compile(const json_t *rules, struct bpf_insn **ret, size_t *ret_n, struct err *e);
/* Load it and attach it to the cgroup; takes CAP_BPF (CAP_SYS_ADMIN) in the host's namespace. */
int devices_attach(int cgroup_fd, const struct bpf_insn *insns, size_t n, struct err *e);

#endif
