/*
 * Waiting small: one monitor sleeps beside every container, so while nothing happens it gives back
 * the pages that it can read again from its program file.
 */
#ifndef MONITOR_IDLE_H
#define MONITOR_IDLE_H

#include <stddef.h>

struct epoll_event;

/* Note what can be given back; without it idle_wait() is a plain epoll_wait(). */
void idle_init(void);
/* epoll_wait(2) by a function on a page of its own, after the program's code and constants have
 * left our memory.  Returns the count or -errno. */
int idle_wait(int epoll_fd, struct epoll_event *ev, int max, int timeout_ms);

/* What is at @p need not outlive idling: it is zero afterwards.  Page-aligned, at most a few. */
void idle_forget(void *p, size_t len);

#endif
