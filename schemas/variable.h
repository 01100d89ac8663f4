/* A variable, a parameter or a function of the traced program: what --where asks for. Of the
 * runner, which reads the program's symbols and debug information; the shim knows nothing of it. */
#pragma once

#include "schemas/record.h"

#define PMT_VARIABLE_KINDS(X)                                                                      \
    X(GLOBAL, "global")       /* other files can name it */                                        \
    X(STATIC, "static")       /* of one file, or of a function, but not on the stack */            \
    X(PARAMETER, "parameter") /* of the first call of its function, as the next */                 \
    X(LOCAL, "local")                                                                              \
    X(FUNCTION, "function")

/* Where it is. */
#define PMT_VARIABLE_PLACES(X)                                                                     \
    X(MEMORY, "memory")               /* at `addr` */                                              \
    X(REGISTER, "register")           /* not in memory at all */                                   \
    X(THREAD, "thread")               /* each thread has its own; `addr` is that of one, or 0 */   \
    X(CONSTANT, "constant")           /* the compiler has put its value into the code */           \
    X(OPTIMIZED_OUT, "optimized_out") /* the compiler did not need it, or not yet there */         \
    X(UNCALLED, "uncalled")           /* nowhere: its function was not called */                   \
    X(UNKNOWN, "unknown")             /* in a way that is not understood here */

/* What `value` is. */
#define PMT_VARIABLE_VALUES(X)                                                                     \
    X(NONE, "none")         /* it was not read, or has none, as a struct */                        \
    X(SIGNED, "signed")     /* int64_t */                                                          \
    X(UNSIGNED, "unsigned") /* uint64_t */                                                         \
    X(REAL, "real")         /* double */                                                           \
    X(BOOL, "bool")         /* 0 or 1 */                                                           \
    X(CHAR, "char")         /* a byte */                                                           \
    X(POINTER, "pointer")   /* an address; of a text its begin follows */                          \
    X(TEXT, "text")         /* an array of char: its begin follows */

/* When it was read. */
#define PMT_VARIABLE_TIMES(X)                                                                      \
    X(NEVER, "never")                                                                              \
    X(CALL, "call")     /* at the begin of its function */                                         \
    X(RETURN, "return") /* when that returned */                                                   \
    X(EXIT, "exit")     /* when the program ended */

#define PMT_VARIABLE_KIND(name, text) PMT_VARIABLE_##name,
#define PMT_PLACE(name, text) PMT_PLACE_##name,
#define PMT_VALUE(name, text) PMT_VALUE_##name,
#define PMT_TIME(name, text) PMT_TIME_##name,
enum pmt_variable_kind { PMT_VARIABLE_KINDS(PMT_VARIABLE_KIND) PMT_VARIABLE_KIND_COUNT };
enum pmt_variable_place { PMT_VARIABLE_PLACES(PMT_PLACE) PMT_PLACE_COUNT };
enum pmt_variable_value { PMT_VARIABLE_VALUES(PMT_VALUE) PMT_VALUE_COUNT };
enum pmt_variable_time { PMT_VARIABLE_TIMES(PMT_TIME) PMT_TIME_COUNT };

struct pmt_variable {
    struct pmt_record r; /* call: enum pmt_variable_kind */
    uint64_t addr;       /* 0: it has none; of a function, its first instruction */
    uint64_t size;       /* in bytes; 0: not known */
    uint64_t value;      /* see PMT_VARIABLE_VALUES */
    uint32_t line;       /* where it is declared; 0: not known */
    uint8_t place, value_is, time;
    uint8_t unused;
    uint16_t name_size;     /* strings behind this struct, one after the other: its name, ... */
    uint16_t type_size;     /* ... its type as C writes it, ... */
    uint16_t function_size; /* ... the function that it belongs to, "" if none, ... */
    uint16_t file_size;     /* ... the source file, ... */
    uint16_t text_size;     /* ... and of a text what it begins with, without its end */
    uint16_t pad[3];
};
#define PMT_VARIABLE_NAME_MAX 1000u /* of each of the strings, but: */
#define PMT_VARIABLE_TEXT_MAX 48u

_Static_assert(sizeof(struct pmt_variable) == 24 + 24 + 8 + 16, "variable record");
