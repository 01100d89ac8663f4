/* What JSON tells of an allocator call beyond the record: who called, and how the heap is behind
 * it. */
#pragma once

#include "runner/model/view.h"
#include "schemas/encode.h"

struct json_alloc;

struct json_alloc *json_alloc_new(void); /* to be freed by memory_put() */

/* Something of the map is about to be other than it was. */
void json_alloc_map_changes(struct json_alloc *j);

void json_alloc(struct json_alloc *j, struct encoder *e, const struct model *m,
                const struct pmt_alloc *a, uint64_t began_ns); /* struct event's */
