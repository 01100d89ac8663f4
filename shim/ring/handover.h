/* Gets this process image its ring from the runner. */
#pragma once

#include "shim/base/state.h"

/* Fills in the ring's part of `page`. Opens descriptors and closes them again. */
bool handover(struct live_page *page, const char *socket_name, void *place);

/* A child that shares its parent's memory (vfork(2), posix_spawn(3)) is about to execute a program,
 * which will want a ring. Its parent may end first. */
bool handover_announce(const char *socket_name); /* false: it will not get one */

/* This process is a child that is not followed, which its parent's ring is to say. Its reason can
 * be taken back. */
struct pmt_note *handover_note(struct pmt_ring *ring, enum pmt_unfollowed_reason reason,
                               const char *path);

/* A child that got none has its parent's ring still, which the runner would wait for. */
void handover_forget(void *ring);
