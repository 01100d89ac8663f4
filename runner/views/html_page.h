/* The page that all runs have in common, runner/views/html/, with the data of one put in. */
#pragma once

#include "runner/views/output.h"

/* `title`: bytes of the program; `data`: JSON; `calls`: base64. No byte of them can end the element
 * that it stands in. */
void html_page_write(struct output *out, const char *title, const char *data, size_t data_size,
                     const char *calls, size_t calls_size);
