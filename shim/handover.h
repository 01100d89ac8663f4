/* Gets this process image its ring from the runner. */
#ifndef PMT_HANDOVER_H
#define PMT_HANDOVER_H

#include "state.h"

/* Fills in the ring's part of `page`. Opens descriptors and closes them again. */
bool handover(struct live *page, const char *socket_name, void *place);

#endif
