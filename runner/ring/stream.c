#include "runner/ring/stream.h"
#include "runner/base/memory.h"
#include <string.h>
#include <unistd.h>

#define RELEASE_BYTES (256u << 10) /* producers get their space back at least so often */
/* So often a reserved record may be found uncommitted: for over a second. */
#define HOLE_LOOKS 400u

struct stream *stream_new(pid_t pid, uint32_t *images, struct clock *clock, struct model *model)
{
    struct stream *t = memory_get(sizeof *t);
    *t = (struct stream){.pid = pid, .pidfd = -1, .images = images, .clock = clock, .model = model};
    return t;
}

/* The clock is adjusted by what other rings tell, too: that does not turn back the order of two
 * times here. (Those of two threads may be a little out of order by themselves.) */
static uint64_t to_ns(struct stream *t, uint64_t time)
{
    uint64_t before = t->near, whole = clock_whole(t->clock, &t->near, time);
    uint64_t ns = clock_ns(t->clock, whole);
    return whole >= before && ns < t->t_ns ? t->t_ns : ns;
}

static void pass_on(struct stream *t, const struct pmt_record *record)
{
    struct event event = {.record = record, .pid = (uint32_t)t->pid};
    if (!t->started) {
        if (record->type != PMT_RECORD_PROCESS) { /* the first record was overwritten */
            t->ring.lost[PMT_LOSS_CORRUPT]++;
            return;
        }
        t->started = true;
        t->image = ++*t->images;
        if (!t->model->started)
            clock_start(t->clock, record->time);
    }
    event.image = t->image;
    uint64_t ns = to_ns(t, record->time);
    t->call_word = 0;
    if (record->type == PMT_RECORD_EXIT) {
        t->exit_seen = true;
        t->exit_ns = ns;
        t->exit_status = ((const struct pmt_exit *)record)->status;
        return; /* how it really ends is known when it has been waited for */
    }
    t->t_ns = event.t_ns = ns;
    if (record->type == PMT_RECORD_ALLOC && pmt_record_size(record) == sizeof(struct pmt_alloc))
        event.began_ns = clock_ns(t->clock, ((const struct pmt_alloc *)record)->began);
    if (record->type == PMT_RECORD_EXEC)
        t->executing = !((const struct pmt_exec *)record)->error;
    model_live_event(t->model, &event);
    if (record->type == PMT_RECORD_SNAPSHOT)
        unseen_look(&t->unseen, t->model, &event);
}

/* No more at once than there can be: the program may write anything there. */
static void tell_unfollowed(struct stream *t)
{
    struct {
        struct pmt_unfollowed u;
        char path[sizeof(((struct pmt_note *)0)->path)];
    } told;
    struct pmt_note note;
    for (unsigned i = 0; i < PMT_NOTES && ring_next_note(&t->ring, &note); i++) {
        told.u = (struct pmt_unfollowed){.r = {.units = sizeof told / PMT_RECORD_ALIGN,
                                               .type = PMT_RECORD_UNFOLLOWED,
                                               .call = (uint8_t)note.reason,
                                               .tid = (uint32_t)t->pid},
                                         .child = note.pid,
                                         .path_size = note.path_size};
        memcpy(told.path, note.path, sizeof told.path);
        struct event event = {
            .record = &told.u.r, .pid = (uint32_t)t->pid, .image = t->image, .t_ns = t->t_ns};
        model_event(t->model, &event);
    }
}

static void release(struct stream *t)
{
    if (t->ring.tail - t->ring.released < RELEASE_BYTES)
        return;
    ring_release(&t->ring);
    clock_adjust(t->clock);
    model_tick(t->model, false);
}

/* Most calls carry a copy of the time of the one before. */
static uint64_t call_ns(struct stream *t, uint64_t word)
{
    if (word != t->call_word) {
        t->t_ns = to_ns(t, word);
        t->call_word = word;
    }
    return t->t_ns;
}

/* Calls that are only counted, while they come one after the other: this is where a program that
 * allocates all the time is followed. */
static bool drain_calls(struct stream *t, uint64_t until)
{
    struct plain_call call;
    bool any = false;
    if (!t->started || !model_select(t->model, t->image) || !model_only_counts(t->model))
        return false;
    for (; t->t_ns <= until && ring_next_call(&t->ring, &call); any = true) {
        model_count(t->model, &call, call_ns(t, call.time));
        release(t);
    }
    return any;
}

uint64_t stream_next_ns(struct stream *t)
{
    uint64_t time;
    if (!ring_peek_time(&t->ring, &time))
        return UINT64_MAX;
    if (!t->model->started)
        return 0;
    uint64_t near = t->near;
    return clock_ns(t->clock, clock_whole(t->clock, &near, time));
}

/* As long as there is something, producers need not read the clock for each record
 * (pmt_record.time). */
bool stream_drain(struct stream *t, uint64_t until)
{
    bool any = false;
    ring_look(&t->ring);
    for (;; any = true) {
        any |= drain_calls(t, until);
        if (until != UINT64_MAX && stream_next_ns(t) > until)
            break;
        enum ring_state state = ring_next(&t->ring);
        if (state == RING_EMPTY)
            break;
        if (((struct pmt_record *)t->ring.record)->type != PMT_RECORD_ALLOC)
            ring_tell_time(&t->ring, 0); /* this one may take a while: names, a page of text */
        if (state == RING_RECORD)
            pass_on(t, (const struct pmt_record *)t->ring.record);
        else if (!ring_skip(&t->ring, PMT_LOSS_CORRUPT, true))
            break;
        release(t);
    }
    if (t->started)
        tell_unfollowed(t);
    ring_release(&t->ring);
    ring_tell_time(&t->ring, any ? clock_coarse(t->clock) : 0);
    return any;
}

/* Counted, not timed: a machine that stood still for a while has held up the thread, too. */
void stream_step_over_hole(struct stream *t)
{
    if (!ring_has_hole(&t->ring) || t->hole_at != t->ring.tail) { /* none, or another one */
        t->hole_looks = 0;
        t->hole_at = t->ring.tail;
    } else if (++t->hole_looks > HOLE_LOOKS && ring_skip(&t->ring, PMT_LOSS_TORN, false)) {
        t->hole_looks = 0;
    }
}

static void tell_losses(struct stream *t)
{
    for (unsigned reason = 1; reason < PMT_LOSS_COUNT; reason++) {
        uint32_t count = ring_lost(&t->ring, (enum pmt_loss)reason);
        struct pmt_lost lost = {.r = {.units = sizeof lost / PMT_RECORD_ALIGN,
                                      .type = PMT_RECORD_LOSS,
                                      .call = (uint8_t)reason,
                                      .tid = (uint32_t)t->pid},
                                .count = count};
        struct event event = {
            .record = &lost.r, .pid = (uint32_t)t->pid, .image = t->image, .t_ns = t->t_ns};
        if (count)
            model_event(t->model, &event);
    }
}

static void tell_exit(struct stream *t, const struct pmt_exit *how, uint64_t now_ns)
{
    struct pmt_exit x = *how;
    x.r = (struct pmt_record){
        .units = sizeof x / PMT_RECORD_ALIGN, .type = PMT_RECORD_EXIT, .tid = (uint32_t)t->pid};
    x.verified = t->verified;
    for (unsigned i = 0; i < PMT_WALKS_COUNT; i++)
        x.walks[i] = ring_walks(&t->ring, (enum pmt_walks)i);
    struct event event = {.record = &x.r,
                          .pid = (uint32_t)t->pid,
                          .image = t->image,
                          .t_ns = t->exit_seen && x.end == PMT_END_EXIT ? t->exit_ns : now_ns};
    if (event.t_ns < t->t_ns)
        event.t_ns = t->t_ns;
    model_event(t->model, &event);
}

bool stream_end(struct stream *t, const struct pmt_exit *how, uint64_t now_ns)
{
    do
        stream_drain(t, UINT64_MAX);
    while (ring_has_hole(&t->ring) && ring_skip(&t->ring, PMT_LOSS_TORN, true));
    if (t->started) {
        tell_losses(t);
        tell_exit(t, how, now_ns);
    }
    bool overwritten = ring_lost(&t->ring, PMT_LOSS_CORRUPT) > 0;
    if (t->pidfd >= 0)
        close(t->pidfd);
    ring_destroy(&t->ring);
    unseen_free(&t->unseen);
    memory_put(t);
    return overwritten;
}
