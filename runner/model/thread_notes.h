/* What is noted of each thread of an image. */
#pragma once

#include "runner/model/changes.h"

/* The last call of free(3) of a thread: its record comes before the changes that it makes. */
struct freed {
    uint32_t tid; /* 0: none */
    uint64_t addr, chunk, seq;
    uint32_t stack_id;
};

/* A library that a thread loads: its place. */
struct loading {
    uint64_t lo, hi; /* hi 0: none */
};

struct thread_note {
    uint32_t tid;
    uint64_t stack; /* an address in its stack, as long as that is not in the map; else 0 */
    struct change_list waiting; /* for the record of the call that the thread is in, or for the
                                 * rest of a library */
    struct loading loading;
    struct freed freed; /* unless its place has a later one */
    struct made made;   /* by the allocator call that the thread is in */
};

struct thread_notes {
    struct thread_note *items;
    size_t count, room;
    size_t waiting; /* changes, over all threads */
    size_t making;  /* threads with something `made` */
    size_t loading; /* threads that load a library */
    /* By tid; the note of a thread has its call when another one takes its place: so a program that
     * frees all the time needs no search. */
    struct freed freed[64];
};

struct thread_note *thread_notes_get(struct thread_notes *notes, uint32_t tid);
void thread_notes_remove(struct thread_notes *notes, struct thread_note *note);
void thread_notes_free(struct thread_notes *notes);

/* A system call of an allocator call: returns what that had made before. */
struct made thread_notes_made(struct thread_notes *notes, const struct pmt_kernel *kernel);
/* A record of an allocator call: the thread's next system call is another call's. */
void thread_notes_call(struct thread_notes *notes, uint32_t tid);

void thread_notes_set_freed(struct thread_notes *notes, uint32_t tid, uint64_t addr, uint64_t chunk,
                            uint64_t seq, uint32_t stack_id);
const struct freed *thread_notes_freed(const struct thread_notes *notes,
                                       const struct thread_note *note);
