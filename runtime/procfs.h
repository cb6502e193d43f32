/* Files of a procfs that is known to be one: never through a link or a mount on top. */
#ifndef RUNTIME_PROCFS_H
#define RUNTIME_PROCFS_H

/* The host's /proc, verified to be a procfs; an owned O_PATH descriptor or -errno. */
int procfs_open_host(void);
/* A file under the procfs @proc_fd ("self/oom_score_adj"); -EXDEV where something is mounted. */
int procfs_open(int proc_fd, const char *path, int flags);
/* Write @text in one write(2). */
int procfs_write(int proc_fd, const char *path, const char *text);

#endif
