/* Raw records as the ptrace source makes them: the same as those of the shim, but in the runner. */
#ifndef PMT_RECORDER_H
#define PMT_RECORDER_H

#include "runner/model/model.h"
#include "runner/ptrace/tracees.h"
#include "schemas/maps.h"

struct recorder {
    struct model *model;
    uint64_t start_ns;                  /* CLOCK_MONOTONIC; before the first event */
    uint32_t images;                    /* number of the last image */
    bool text;                          /* maps by text even where PROCMAP_QUERY exists */
    struct maps maps;                   /* scratch */
    unsigned char body[PMT_RECORD_MAX]; /* likewise */
    unsigned char bytes[PMT_RECORD_MAX] __attribute__((aligned(8))); /* likewise */
};

struct recorder *recorder_new(struct model *model, bool text);
void recorder_free(struct recorder *recorder);

uint64_t recorder_now(const struct recorder *recorder); /* ns since the start */

/* A record of `size` bytes, zeroed but for its header; recorder_send() passes it on. */
void *recorder_begin(struct recorder *r, uint32_t size, enum pmt_record_type type, uint8_t call,
                     pid_t tid, uint32_t stack_id);
void recorder_send(struct recorder *r, const struct space *space, uint64_t began_ns);

/* The number of a stack in an image; records the stack if it is new. 0 for no frames. */
uint32_t recorder_stack(struct recorder *r, struct space *space, const struct thread *thread,
                        const uint64_t *ip, uint32_t frames);

void recorder_kernel(struct recorder *r, const struct thread *thread, int64_t result);
void recorder_exec(struct recorder *r, const struct thread *thread, const char *path, int error);
void recorder_thread(struct recorder *r, const struct thread *thread, enum pmt_thread_event event,
                     uint64_t stack);
uint32_t recorder_fork(struct recorder *r, const struct thread *thread, enum pmt_call call,
                       uint32_t stack_id); /* its fork_id */
void recorder_exit(struct recorder *r, const struct process *process, enum pmt_end end, int status);
void recorder_lost(struct recorder *r, const struct thread *thread, enum pmt_loss reason);

/* ---- looks at the map (looks.c) ---- */

/* Opens the map of a space that begins, by the process `pid`. Returns 0 or -errno. */
int looks_open(struct recorder *r, struct space *space, pid_t pid);

/* Begins a walk of the map, in recorder->maps. */
bool looks_start(struct recorder *r, const struct space *space);

/* After a call: the map around one or two ranges, with their neighbours; and the stack, if it has
 * grown. */
void looks_ranges(struct recorder *r, const struct thread *thread,
                  const struct mapcalls_range *ranges, unsigned count);
void looks_stack(struct recorder *r, const struct thread *thread);
void looks_whole(struct recorder *r, const struct thread *thread, enum pmt_reason reason,
                 uint32_t stack_id);

/* The region that contains `address`, its end; `address` if there is none. */
uint64_t looks_region_end(struct recorder *r, struct space *space, uint64_t address);

#endif
