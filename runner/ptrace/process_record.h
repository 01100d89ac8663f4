/* The beginning of an image under ptrace: what its process record says, from /proc. */
#ifndef PMT_IMAGES_H
#define PMT_IMAGES_H

#include "runner/ptrace/recorder.h"

/* A new image of the thread's process, which is stopped: gives the space its number and records the
 * process and its map. Returns 0, or -errno if its files in /proc cannot be read. */
int images_begin(struct recorder *r, struct thread *thread, enum pmt_origin origin);

/* Where the allocator is, if its file has symbols and is mapped by now: sets breakpoints there. */
void images_find_allocator(struct recorder *r, struct space *space, pid_t pid);

/* The value of a line "NAME: value" of /proc/PID/status; -1 if there is none. */
long images_status(pid_t pid, const char *name);
/* The signals that wait for one thread, signal n as bit n-1. */
uint64_t images_pending_signals(pid_t tid);

#endif
