/* A library that the dynamic loader maps, seen call by call: a place for all of it, then its parts
 * over that. The changes of the library wait until it is there, and are told together. */
#pragma once

#include "runner/model/view.h"

/* The thread of the event, if it loads a library that is there now, as the event is about something
 * else; NULL: it does not. */
struct thread_note *loading_over(struct thread_notes *threads, const struct pmt_record *record);

/* Whether the change is one of a library that is not there yet. A first one begins it. */
bool loading_takes(struct thread_notes *threads, struct thread_note *thread,
                   const struct change *change);

/* Tells of the library whose changes wait in `thread`: they are delivered next. */
void loading_end(struct model *m, struct thread_note *thread);
