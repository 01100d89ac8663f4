/* The record of a fatal event. */
#pragma once

#include "runner/replay/state.h"

void build_fatal(struct replay *p, const json_t *event);
