/* The JSON names of what a record holds as a number. A number that has no name gets that of 0. */
#pragma once

#include "schemas/fatal.h"
#include "schemas/resident.h"
#include "schemas/variable.h"

const char *names_type(unsigned type); /* enum pmt_record_type */
const char *names_call(unsigned call);
const char *names_reason(unsigned reason);
const char *names_loss(unsigned loss);
const char *names_forbidden(unsigned what);    /* enum pmt_forbidden */
const char *names_unfollowed(unsigned reason); /* enum pmt_unfollowed_reason */
const char *names_origin(unsigned origin);     /* enum pmt_origin; likewise the next three */
const char *names_backend(unsigned backend);
const char *names_end(unsigned end);
const char *names_thread_event(unsigned event);
const char *names_access(unsigned access);       /* enum pmt_access */
const char *names_fatal_signal(unsigned number); /* NULL: it is none */
const char *names_moment(unsigned moment);       /* enum pmt_moment */
const char *names_variable(unsigned kind); /* enum pmt_variable_kind; likewise the next three */
const char *names_variable_place(unsigned place);
const char *names_variable_value(unsigned value);
const char *names_variable_time(unsigned time);
const char *names_errno(int error); /* NULL if the number has no name here */

/* Where the block of an alloc record lies: "heap", "mmap", "arena", "unknown", NULL if none. */
const char *names_placement(const struct pmt_alloc *a);

void names_perms(char out[4], unsigned perms); /* "rwxp", not terminated */
