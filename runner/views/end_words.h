/* What views say at the end of an image. */
#pragma once

#include "runner/model/heap_use.h"
#include "runner/model/view.h"

/* "EXIT 0", "KILLED by SIGSEGV". `exit` NULL: it is not in the trace. */
void end_title(const struct pmt_exit *exit, char *out, size_t size);
/* "3 changes of the map, all explained"; returns its length. */
size_t end_changes(const struct ledger *ledger, char *out, size_t size);
/* Why what is free of the heap was not given back, as far as that is known: goes on behind the
 * sentence that tells how much is in use. */
void end_heap_kept(const struct model *m, const struct heap_use *use, char *out, size_t size);
