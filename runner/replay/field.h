/* The values of an event's fields. `key`: NULL for the element of an array itself. A value must be
 * there and of the type, unless the name says "find": 0 where there is none. */
#pragma once

#include "runner/replay/state.h"

uint64_t field_unsigned(struct replay *p, const json_t *object, const char *key, uint64_t max);
int64_t field_signed(struct replay *p, const json_t *object, const char *key, int64_t min,
                     int64_t max);
uint64_t field_find_unsigned(struct replay *p, const json_t *object, const char *key, uint64_t max);
bool field_bool(struct replay *p, const json_t *object, const char *key);
uint64_t field_address(struct replay *p, const json_t *object, const char *key);
void field_addresses(struct replay *p, const json_t *object, const char *key, size_t count,
                     uint64_t *out); /* exactly so many */
const json_t *field_array(struct replay *p, const json_t *object, const char *key, size_t max);
const char *field_chars(struct replay *p, const json_t *object, const char *key);

/* The number of the name that is the value of `key`. */
uint8_t field_name(struct replay *p, const json_t *object, const char *key,
                   const char *(*name_of)(unsigned), unsigned count);
uint8_t field_find_name(struct replay *p, const json_t *object, const char *key,
                        const char *(*name_of)(unsigned), unsigned count);
int field_find_errno(struct replay *p, const json_t *object);
uint32_t field_signal(struct replay *p, const json_t *object);
uint32_t field_image(struct replay *p, const json_t *event); /* 1 where there is none */
