#include "runner/model/reason.h"

#define A(arg) REASON_ARG_##arg
#define CODE(name, text, ...) {text, {__VA_ARGS__}},
#define ARG(name, text, type) {text, REASON_##type},

static const struct {
    const char *name;
    enum reason_arg args[REASON_ARGS_MAX];
} codes[] = {REASONS(CODE)};

const char *reason_name(enum reason_code code)
{
    return codes[code].name;
}

static const struct {
    const char *name;
    enum reason_arg_type type;
} args[] = {{"", REASON_BYTES}, REASON_ARGS(ARG)};

const char *reason_arg_name(enum reason_arg arg)
{
    return args[arg].name;
}

enum reason_arg_type reason_arg_type(enum reason_arg arg)
{
    return args[arg].type;
}

unsigned reason_arg_count(enum reason_code code)
{
    unsigned count = 0;
    while (count < REASON_ARGS_MAX && codes[code].args[count])
        count++;
    return count;
}

enum reason_arg reason_arg_at(enum reason_code code, unsigned index)
{
    return codes[code].args[index];
}
