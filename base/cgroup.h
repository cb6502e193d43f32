/*
 * Control groups, version 2: whose cgroup is which, its files, its processes, its end.
 *
 * A cgroup is named by its path below the mount ("/user.slice/x") and then held as a directory
 * descriptor.  Version 1 and hybrid hosts, where /sys/fs/cgroup is no cgroup2, are -EOPNOTSUPP.
 * -errno returns; nothing prints.
 */
#ifndef BASE_CGROUP_H
#define BASE_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CGROUP_MOUNT "/sys/fs/cgroup"
#define CGROUP_FILE_MAX (1u << 20) /* bytes of a control file that we read */
#define CGROUP_DEPTH_MAX 128	   /* levels that are walked into; deeper ones are -ELOOP */
#define CGROUP_NO_LIMIT UINT64_MAX /* "max" */

/* The mount's root as a directory descriptor, or -EOPNOTSUPP where it is no cgroup2. */
int cgroup_open_mount(void);
/* Is the file system behind @fd a cgroup2? */
bool cgroup_is_v2(int fd);
/* Open the cgroup @path ("/" or "": the mount itself) below @mount_fd; a directory descriptor. */
int cgroup_open(int mount_fd, const char *path);
/* The same, making what is missing of it.  *@ret_made (may be NULL): the last one was made. */
int cgroup_make(int mount_fd, const char *path, bool *ret_made);
/*
 * The cgroup of the process @pid (0: our own), as fresh memory.  -ENODATA where it is in none that
 * we may name: no cgroup2, outside of our cgroup namespace ("/.."), or removed already.
 */
int cgroup_of_pid(pid_t pid, char **ret_path);

/* Files of the cgroup @fd; @name is one plain component.  Read without the last newline, at most
 * CGROUP_FILE_MAX bytes, fresh memory. */
int cgroup_read(int fd, const char *name, char **ret_text);
/* In one write(2). */
int cgroup_write(int fd, const char *name, const char *text);
/* A file of one number; "max" is CGROUP_NO_LIMIT. */
int cgroup_read_u64(int fd, const char *name, uint64_t *ret);
/* The number behind @key in a file of lines "key number"; -ENODATA where there is no such line. */
int cgroup_read_key(int fd, const char *name, const char *key, uint64_t *ret);
/* The same in text that was read already. */
int cgroup_key(const char *text, const char *key, uint64_t *ret);
/* Is @word one of the words of @text?  For cgroup.controllers and its kin. */
bool cgroup_has_word(const char *text, const char *word);
/* Can the cgroup use @controller (cgroup.controllers)?  1, 0, or -errno. */
int cgroup_has_controller(int fd, const char *controller);
/*
 * Make @controller usable in the cgroup @path, by cgroup.subtree_control of those above it that
 * lack it.  On failure *@ret_where (may be NULL) is the path of the one that refuses, fresh
 * memory: -ENOENT it has not got the controller itself, -EBUSY it has processes of its own,
 * -EACCES or -EROFS it is not ours.
 */
int cgroup_enable(int mount_fd, const char *path, const char *controller, char **ret_where);

/* Move a process there (0: ourselves). */
int cgroup_add(int fd, pid_t pid);
/* The processes in it, @below: also in all cgroups below.  Fresh memory.  0 stands for one of a
 * pid namespace that we do not see. */
int cgroup_procs(int fd, bool below, pid_t **ret, size_t *ret_n);
/* Has it, or a cgroup below, processes?  1, 0, or -errno. */
int cgroup_populated(int fd);
/* Was it frozen by cgroup_freeze(), and is it so by now?  1, 0, or -errno. */
int cgroup_frozen(int fd);
/* Freeze it with all below, and wait until that is so: -ETIMEDOUT after @timeout_ms; or thaw it. */
int cgroup_freeze(int fd, bool freeze, int timeout_ms);
/* Send @sig to every process in it and below, seen while frozen so that none escapes. */
int cgroup_signal(int fd, int sig);
/* SIGKILL to all of them: cgroup.kill, or before Linux 5.14 by signals. */
int cgroup_kill(int fd);
/* Wait until no process is left: 0, or -ETIMEDOUT. */
int cgroup_wait_empty(int fd, int timeout_ms);
/*
 * Remove @path with all cgroups below it, as soon as they are empty; -EBUSY when processes are
 * left after @timeout_ms.  -ENOENT is success.
 */
int cgroup_remove(int mount_fd, const char *path, int timeout_ms);

#endif
