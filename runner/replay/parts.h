/* What the parts of the replay share: replay.c reads lines, fields.c values of an object,
 * records.c makes the record of an event; alloc.c that of an allocator call, without
 * the JSON parser. */
#ifndef PMT_REPLAY_PARTS_H
#define PMT_REPLAY_PARTS_H

#include "runner/base/names.h"
#include "runner/model/event.h"
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct replay {
    char *name; /* of the file, for messages */
    int fd;
    int failed; /* negative errno once something went wrong */
    char error[512];

    /* the file: bytes [at, end) of `text` are read and not yet used */
    char *text;
    size_t at, end, size;
    bool eof;
    uint64_t line_number; /* of the line in hand, from 1 */

    /* the event in hand */
    const char *list; /* name of the array whose element `index` is looked at, else NULL */
    size_t index;
    bool quoted;    /* integers above INT64_MAX are strings of digits: see quote_integers() */
    bool bytes;     /* `\xNN` in strings becomes the byte */
    bool too_large; /* does not fit a record */
    size_t used;    /* bytes of `record` */
    uint64_t record[PMT_RECORD_MAX / sizeof(uint64_t)];
    uint64_t began_ns;
    struct frame_symbol symbols[PMT_MAX_FRAMES];
    struct symbol_place inlined_into[PMT_MAX_FRAMES][SYMBOL_MAX_INLINED];
    bool has_symbols;

    unsigned word_size; /* of the first image, 0 before its process event */
    struct replay_image {
        uint32_t number;
        unsigned word_size;
    } * images; /* that have not ended */
    size_t image_count, image_room;
    struct names names; /* of frames */
};

/* Errors. The first one is kept; whoever comes later works on with zeros and is not heard. */
void replay_set_error(struct replay *p, int error, bool with_line, const char *detail);
__attribute__((format(printf, 2, 3))) void replay_fail(struct replay *p, const char *format, ...);

/* fields.c. `key`: of a field, in p->list of its element; NULL for the element itself. Its
 * value must be there and of the type, unless the name says "find". */
void replay_fail_field(struct replay *p, const char *key, const char *expected);
uint64_t replay_get_unsigned(struct replay *p, const json_t *object, const char *key, uint64_t max);
int64_t replay_get_signed(struct replay *p, const json_t *object, const char *key, int64_t min,
                          int64_t max);
uint64_t replay_find_unsigned(struct replay *p, const json_t *object, const char *key,
                              uint64_t max);
bool replay_get_bool(struct replay *p, const json_t *object, const char *key);
uint64_t replay_get_address(struct replay *p, const json_t *object, const char *key);
void replay_get_addresses(struct replay *p, const json_t *object, const char *key, size_t count,
                          uint64_t *out);
const json_t *replay_get_array(struct replay *p, const json_t *object, const char *key, size_t max);
const char *replay_get_chars(struct replay *p, const json_t *object, const char *key);
uint8_t replay_get_name(struct replay *p, const json_t *object, const char *key,
                        const char *(*name_of)(unsigned), unsigned count);
int replay_find_errno(struct replay *p, const json_t *object);
uint32_t replay_get_signal(struct replay *p, const json_t *object);

/* records.c: whether `out` was filled; not after an error, not for a derived event. */
bool replay_build_event(struct replay *p, const json_t *event, struct event *out);
/* Of an image; that of the first one where it has no process event. */
unsigned replay_word_size(const struct replay *p, uint32_t image);

/* alloc.c: whether the line is an allocator call as schemas/encode_record.c writes them, and `out`
 * was filled. False is no error: the line is to be read the long way. */
bool replay_read_alloc(struct replay *p, const char *line, size_t size, struct event *out);

#endif
