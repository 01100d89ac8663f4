/* Without a runner: JSON Lines to the file named by PROCMAP_TRACE_OUTPUT.
 *
 * The end of the file is mapped and filled with newlines, the events are written over them. So an
 * event is in the file as soon as it is written, whatever becomes of the process, no descriptor
 * stays open, and a file whose writer was killed ends with blank lines, which JSON readers skip. */
#pragma once

#include "schemas/record.h"
#include <stdbool.h>

bool output_open(const char *path); /* an existing file is overwritten */
const void *output_window(void);    /* where the file is mapped now, or NULL */
void *output_begin(uint32_t size);  /* NULL: lost */
void output_end(struct pmt_record *record);
void output_close(void); /* cuts the file to its size; writing may go on afterwards */
