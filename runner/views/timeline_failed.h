/* System calls of an allocator call that failed: their place is under that call, whose record comes
 * later. */
#pragma once

#include "runner/views/timeline.h"

/* Takes note of one. */
void timeline_failed_note(struct timeline *t, const struct model *m, const struct event *event,
                          const char *text);
/* The record of an allocator call of the thread has come: the event `seq`. `end`: what is to be
 * said behind its changes if it failed, else "". */
void timeline_failed_call(struct timeline *t, uint32_t tid, uint64_t seq, const char *end);
/* Under the header of the call: those before the event `until`. */
void timeline_failed_write(struct timeline *t, uint64_t call, uint64_t until);
/* Under the same header, which is still the last one: the rest. */
void timeline_failed_end(struct timeline *t, const struct model *m);
/* Under headers of their own, if the record of their call has not come. */
void timeline_failed_catch_up(struct timeline *t, const struct model *m);
