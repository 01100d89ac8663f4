/* Raw records as the ptrace source makes them: the same as those of the shim, but in the runner. */
#pragma once

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

/* The stack of a stopped thread with these registers, through the allocator call that it is in, of
 * `most` frames: its number in the image. Records the stack if it is new. */
uint32_t recorder_stack(struct recorder *r, const struct tracee *thread,
                        const struct user_regs_struct *regs, uint32_t most);

/* Where the thread is. */
struct pmt_within recorder_within(const struct tracee *thread);

/* The same where a signal has come; `is_code`: the instruction could be fetched. The first frame is
 * the address behind that of the instruction. */
uint32_t recorder_stack_of_signal(struct recorder *r, const struct tracee *thread,
                                  const struct user_regs_struct *regs, bool is_code, uint32_t most);

void recorder_kernel(struct recorder *r, const struct tracee *thread, int64_t result);
void recorder_exec(struct recorder *r, const struct tracee *thread, const char *path, int error);
void recorder_thread(struct recorder *r, const struct tracee *thread, enum pmt_thread_event event,
                     uint64_t stack);
uint32_t recorder_fork(struct recorder *r, const struct tracee *thread, enum pmt_call call,
                       uint32_t stack_id); /* its fork_id */
void recorder_exit(struct recorder *r, const struct process *process, enum pmt_end end, int status);
void recorder_lost(struct recorder *r, const struct tracee *thread, enum pmt_loss reason);
