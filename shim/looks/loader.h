/* dlopen(3) and its kin, and what ld.so does by itself: its system calls are its own, so the whole
 * map is looked at afterwards. */
#ifndef PMT_LOADER_H
#define PMT_LOADER_H

#include "schemas/record.h"
#include <stdbool.h>

extern void *(*loader_real_dlopen)(const char *file, int mode);

/* Whether this thread is inside ld.so, as far as can be seen: its lock may be held. */
bool loader_is_at_work(void);

/* The call that a look at the map after ld.so's work belongs to; its name is in thread.name. */
void loader_within(struct pmt_within *within);

/* ld.so allocates in this thread: it may change the map, until the thread is seen outside of it.
 * Other threads may look at the map meanwhile, so there will be one more look then. */
void loader_ran(void);

/* The map as ld.so left it is recorded now. */
void loader_was_looked_at(void);

void loader_resolve(void);

#endif
