/* All calls of the allocator in few bytes: each property a column of varints (seven bits a byte,
 * the lowest first), and why as text, all columns deflated together. runner/views/html/calls.js
 * reads them. */
#pragma once

#include "runner/model/view.h"
#include <stdio.h>

struct html_calls;

struct html_calls *html_calls_new(void);
void html_calls_free(struct html_calls *calls);

/* An event of the allocator that is told, and how many changes of the map follow. Of very many
 * calls only some are kept; what is left out is counted. */
void html_calls_add(struct html_calls *calls, const struct model *m, const struct event *event,
                    unsigned changes);
size_t html_calls_count(const struct html_calls *calls);
/* Which of the last calls has this number, as struct model.seq; SIZE_MAX: none of them. */
size_t html_calls_find(const struct html_calls *calls, uint64_t seq);

/* {"n": calls, "m": blocks, "names": [...], "left": [allocations, frees] behind them, "cols":
 * [["t", bytes], ...]} */
void html_calls_write_index(const struct html_calls *calls, FILE *out);
/* The columns: deflated, in base64. */
void html_calls_write(const struct html_calls *calls, FILE *out);
