/* Why a system call changes the map, or a call that makes one. */
#pragma once

#include "runner/model/changes.h"

enum reason_code reasons_map(const struct change *change);
