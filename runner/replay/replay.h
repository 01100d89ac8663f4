/* A recorded trace (JSON Lines, schemas/event.schema.json) as a source of events: each raw line
 * becomes the record that it was written from. Derived events (`region`) and derived fields are
 * skipped, but for the symbols of frames and the signal of an exit.
 *
 * What a trace does not hold is zero in the record: pmt_process.monotonic, the chunk of a block
 * whose placement is unknown, the size bits of one whose usable size is, within.size of calls that
 * have no size. record.time and alloc.began are nanoseconds since the start of the trace. `\xNN` in
 * a string stays these four characters, except where an event would be larger than a record can be:
 * there they are the byte. Either way schemas/encode_record.h writes the same line again. */
#pragma once

#include "runner/model/event.h"
#include <stddef.h>

struct replay;

/* Opens a trace; "-" is the standard input. `path` is copied. NULL on error, with a sentence in
 * `why`
 * (`size` bytes, terminated). To be closed with replay_close(). */
struct replay *replay_open(const char *path, char *why, size_t size);

/* The next raw event in the order of the lines.
 * Returns 1 with an event: `out->record` has passed record_valid() and is borrowed until the next
 * call, as is the array `out->symbols`; its strings live until replay_close(). `out->symbols` is
 * NULL where no frame has a symbol, else it has one entry for each frame. Returns 0 at the end.
 * Returns a negative errno on error: of reading, -EINVAL where the trace is wrong; the text is then
 * in replay_error(). All events before the error have been delivered; further calls return the
 * same. */
int replay_next(struct replay *p, struct event *out);

/* What went wrong, naming file and line: `t.jsonl:17: field "addr": expected an address like
 * "0x1000"`. Harmless on a terminal whatever the trace holds. "" if nothing; valid until
 * replay_close(). */
const char *replay_error(const struct replay *p);

/* The event that replay_next() gave last cannot be: replay_next() fails from here on. */
void replay_refuse(struct replay *p, const char *why);

/* NULL is ignored. */
void replay_close(struct replay *p);
