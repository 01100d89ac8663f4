/* What a view of the events is, and what it sees. */
#pragma once

#include "runner/model/images.h"
#include "runner/model/library.h"

/* Called in the order of the events; all arguments are borrowed; model->image is the image that it
 * is about, model->seq its number. Those that may be NULL say so. */
struct model;

/* The thresholds of malloc have moved; model->image->thresholds has them. */
struct threshold {
    uint64_t t_ns;
    uint32_t tid;
    uint64_t seq;       /* of the call that moved them */
    enum pmt_call call; /* FREE; NONE: mallopt */
    uint32_t stack_id;
};

struct view {
    /* A raw event. `changes`: how many changes that belong to it will follow at once. */
    void (*event)(struct view *view, const struct model *model, const struct event *event,
                  unsigned changes);
    void (*change)(struct view *view, const struct model *model, const struct change *change);
    void (*library)(struct view *view, const struct model *model,
                    const struct library *library); /* or NULL */
    void (*threshold)(struct view *view, const struct model *model,
                      const struct threshold *threshold); /* or NULL */
    /* The image is over; or NULL. */
    void (*forget)(struct view *view, const struct model *model);
    void (*flush)(struct view *view); /* nothing will come for a while */
    /* The end of the trace; 0 or the -errno of the first write that failed. Frees the view. */
    int (*close)(struct view *view, const struct model *model);
    unsigned index; /* in model->views: set by the model */
};

struct model {
    struct image *image; /* of the event in hand; NULL where there is none */
    struct images images;
    struct view *views[IMAGE_VIEWS];
    unsigned view_count;
    uint64_t seq;         /* of the last event or change */
    struct reason reason; /* of the allocator call in hand; REASON_NONE: nothing to say */
    uint64_t ignored;     /* events of images that are not known, or not any more */
    bool started;         /* a first image is known */
    /* Who wants to look at the clock now and then; see model_tick(). May be NULL. */
    void (*tick)(struct model *model, bool idle);
};
