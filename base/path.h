/*
 * Paths: the one place where names become descriptors, by openat2.  There is no fall-back for
 * kernels without openat2 (before 5.6): -ENOSYS, which callers report as "needs Linux 5.6".
 * Creation modes are subject to umask, as open(2) has it.  -errno returns; nothing prints.
 */
#ifndef BASE_PATH_H
#define BASE_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* In a tree that we do not trust (rootfs, volume): symlinks are followed as if @root_fd were "/",
 * magic links are not.  Absolute or relative @path.  O_CLOEXEC is added.  @flags without O_CREAT. */
int path_open_in(int root_fd, const char *path, int flags);
/* The same with O_CREAT and @mode; refuses to follow a link in the last component when O_EXCL. */
int path_create_in(int root_fd, const char *path, int flags, mode_t mode);
/* In our own store: no symlink anywhere, never above @dir_fd (RESOLVE_BENEATH|NO_SYMLINKS). */
int path_open_beneath(int dir_fd, const char *path, int flags);
int path_create_beneath(int dir_fd, const char *path, int flags, mode_t mode);

/* mkdir -p in an untrusted tree; returns a directory fd of @path (O_PATH) or -errno.  New
 * directories have @mode.  A component that exists and is no directory is -ENOTDIR. */
int path_mkdirs_in(int root_fd, const char *path, mode_t mode);
/* mkdir -p of a host path of ours, each new directory with @mode; 0 or -errno. */
int path_mkdirs(const char *path, mode_t mode);

/* Call @one for each entry of the directory @dir_fd but "." and "..", until an answer is not 0, which
 * is returned.  @one's @dir_fd is valid during the call; negative errno also where reading fails. */
int path_each(int dir_fd, int (*one)(int dir_fd, const char *name, void *arg), void *arg);

/*
 * Remove @name under @dir_fd whatever it is, without following links or crossing mounts (-EXDEV
 * where something is mounted on it).  Directories whose mode forbids it are made readable first
 * when we own them.  Bounded stack and descriptors whatever the depth.  -ENOENT is success.
 */
int path_remove_tree(int dir_fd, const char *name);

/* 1 if @name is one plain component: not empty, not "." or "..", without '/', at most 255. */
bool path_is_component(const char *name);
/* Join into fresh memory, one '/' between; NULL when memory is gone. */
char *path_join(const char *a, const char *b);
/* Lexical clean in fresh memory: one leading '/', no "." or "..", no double or trailing '/'. */
char *path_clean_abs(const char *path);
/* The last component, borrowed from @path. */
const char *path_base(const char *path);
/* Directories that path_find_helper() searches first: @n of them, borrowed until it is
 * called again. */
void path_set_helper_dirs(char *const *dirs, size_t n);
/* Find a helper program (pasta, slirp4netns) in those directories, else as path_find_program(). */
char *path_find_helper(const char *prog);
/* Find @prog in $PATH and then in /usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin; fresh absolute
 * path, or NULL with errno ENOENT.  A @prog with '/' is checked as it is. */
char *path_find_program(const char *prog);

#endif
