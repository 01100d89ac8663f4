/* A trace for perfetto.dev (TrackEvent): a track for each process, below it one for each region,
 * with slices of its sizes; counters; instants for the calls that changed the map, with their
 * stacks, and flows from there to the regions. Packets are written as they come. */
#pragma once

#include "runner/model/view.h"
#include "runner/views/output.h"

struct export_perfetto;

struct export_perfetto *export_perfetto_new(struct output *output); /* borrowed */
void export_perfetto_event(struct export_perfetto *p, const struct model *m,
                           const struct event *event);
void export_perfetto_change(struct export_perfetto *p, const struct model *m,
                            const struct change *change);
void export_perfetto_threshold(struct export_perfetto *p, const struct model *m,
                               const struct threshold *threshold);
void export_perfetto_forget(struct export_perfetto *p, const struct model *m);
void export_perfetto_free(struct export_perfetto *p); /* NULL is allowed */
