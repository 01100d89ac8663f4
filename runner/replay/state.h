/* What the parts of the replay share. */
#pragma once

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
