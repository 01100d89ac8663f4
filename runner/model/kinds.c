#include "runner/model/kinds.h"

#define KIND_TEXT(name, text) [KIND_##name] = text,
static const char *const names[KIND_COUNT] = {KINDS(KIND_TEXT)};

const char *kind_name(enum kind kind)
{
    return names[kind];
}
