/* The record that is made of the line in hand. */
#pragma once

#include "runner/replay/state.h"

/* Begins it with its first struct, which always fits: all zero but the type. */
void *draft_start(struct replay *p, enum pmt_record_type type, size_t size);

/* Bytes behind it, zeros where they are NULL; NULL if there is no room. */
void *draft_append(struct replay *p, const void *bytes, size_t size);
void draft_pad(struct replay *p);

/* Returns the bytes appended, at most `max`: more and the event is too large. */
size_t draft_string(struct replay *p, const json_t *value, const char *key, size_t max);
