/* Changes that wait for the record of the call that made them: the result of an allocator call is
 * known only after them. */
#pragma once

#include "runner/model/view.h"

/* Changes are told in an order in which each can be applied to the map: what another thread's call
 * has done to the same regions before `change`, which is `own` thread's, waits no longer. */
void waiting_make_way(struct model *m, const struct change *change, const struct thread_note *own);

/* Delivers a change of `thread` at once, or takes it until its call has ended. */
void waiting_add(struct model *m, struct thread_note *thread, struct change *change);

/* The call has ended: seq, t_ns and addresses of `call` become those of its changes. NULL: none
 * will end, the changes do not know any. */
void waiting_end(struct model *m, struct thread_note *thread, const struct cause *call);
void waiting_end_all(struct model *m); /* without a call */
