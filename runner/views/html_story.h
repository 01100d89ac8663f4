/* What the page tells: the map at START, then step by step what a system call has changed, and in
 * which call of the program. */
#pragma once

#include "runner/views/html_calls.h"
#include "runner/views/html_json.h"

struct html_story {
    struct html_part entries, steps, thresholds, threads, start;
    bool has_start;
    uint64_t start_ns;
    uint64_t threshold; /* of mmap, at the start; 0: another allocator than glibc's */
    /* the last change, and what is told with one that comes next */
    struct cause last;
    uint32_t last_tid;
    uint64_t last_t_ns;
    bool has_last;
    bool step_open;                 /* its step can have more changes */
    uint64_t left_out, left_out_ns; /* changes behind the last step, and when the last one was */
};

bool html_story_open(struct html_story *s);
void html_story_restart(struct html_story *s); /* of another image */
void html_story_free(struct html_story *s);

void html_story_start(struct html_story *s, const struct model *m, uint64_t t_ns);
void html_story_change(struct html_story *s, const struct html_calls *calls, const struct model *m,
                       const struct change *change);
void html_story_threshold(struct html_story *s, const struct html_calls *calls,
                          const struct model *m, uint64_t t_ns);
void html_story_thread(struct html_story *s, const struct model *m, const struct event *event);
/* Closes the lists. Of very many changes the last ones are told together, with the map that they
 * led to. */
void html_story_end(struct html_story *s, const struct html_calls *calls, const struct model *m);
