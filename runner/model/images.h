/* The images of a trace. */
#pragma once

#include "runner/model/inheritance.h"

struct images {
    struct symbols *symbols; /* borrowed */
    struct names names;
    struct image **live; /* by ascending number */
    size_t count, room;
    unsigned total; /* how many there have been */
    uint32_t first_pid;
    struct inheritances inheritances;
};

struct image *images_find(const struct images *images, uint32_t number); /* a live one, or NULL */
struct image *images_new(struct images *images,
                         const struct event *event); /* of a process record */
void images_forget(struct images *images, struct image *image);
void images_free(struct images *images); /* all are forgotten */
