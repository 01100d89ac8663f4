#include "schemas/names.h"
#include <errno.h>
#include <stddef.h>

#define NAME_TEXT(name, text) text,

const char *names_type(unsigned type)
{
    static const char *const names[] = {
        [PMT_RECORD_NONE] = "none",
        [PMT_RECORD_PROCESS] = "process",
        [PMT_RECORD_ALLOC] = "alloc",
        [PMT_RECORD_KERNEL] = "kernel",
        [PMT_RECORD_SNAPSHOT] = "snapshot",
        [PMT_RECORD_STACK] = "stack",
        [PMT_RECORD_MALLOPT] = "mallopt",
        [PMT_RECORD_EXEC] = "exec",
        [PMT_RECORD_EXIT] = "exit",
        [PMT_RECORD_LOSS] = "loss",
        [PMT_RECORD_THREAD] = "thread",
        [PMT_RECORD_FORK] = "fork",
        [PMT_RECORD_UNFOLLOWED] = "unfollowed",
        [PMT_RECORD_FORBIDDEN] = "forbidden",
        [PMT_RECORD_FATAL] = "fatal",
        [PMT_RECORD_STACK_USE] = "stack_use",
        [PMT_RECORD_VARIABLE] = "variable",
        [PMT_RECORD_UNSEEN] = "unseen",
        [PMT_RECORD_RESIDENT] = "resident",
    };
    return names[type < PMT_RECORD_TYPE_COUNT ? type : 0];
}

const char *names_call(unsigned call)
{
    static const char *const names[] = {PMT_CALLS(NAME_TEXT)};
    return names[call < PMT_CALL_COUNT ? call : 0];
}

const char *names_reason(unsigned reason)
{
    static const char *const names[] = {PMT_REASONS(NAME_TEXT)};
    return names[reason < PMT_REASON_COUNT ? reason : 0];
}

const char *names_loss(unsigned loss)
{
    static const char *const names[] = {PMT_LOSSES(NAME_TEXT)};
    return names[loss < PMT_LOSS_COUNT ? loss : 0];
}

const char *names_forbidden(unsigned what)
{
    static const char *const names[] = {PMT_FORBIDDEN(NAME_TEXT)};
    return names[what < PMT_FORBIDDEN_COUNT ? what : 0];
}

const char *names_unfollowed(unsigned reason)
{
    static const char *const names[] = {PMT_UNFOLLOWED(NAME_TEXT)};
    return names[reason < PMT_UNFOLLOWED_COUNT ? reason : 0];
}

const char *names_origin(unsigned origin)
{
    static const char *const names[] = {
        [PMT_ORIGIN_START] = "start", [PMT_ORIGIN_FORK] = "fork", [PMT_ORIGIN_EXEC] = "exec"};
    return names[origin <= PMT_ORIGIN_EXEC ? origin : 0];
}

const char *names_backend(unsigned backend)
{
    return backend == PMT_BACKEND_PTRACE ? "ptrace" : "preload";
}

const char *names_end(unsigned end)
{
    static const char *const names[] = {
        [PMT_END_EXIT] = "exit",         [PMT_END_UNKNOWN] = "unknown",   [PMT_END_EXEC] = "exec",
        [PMT_END_UNTRACED] = "untraced", [PMT_END_DETACHED] = "detached",
    };
    return names[end <= PMT_END_DETACHED ? end : PMT_END_UNKNOWN];
}

const char *names_thread_event(unsigned event)
{
    return event == PMT_THREAD_END ? "end" : "start";
}

const char *names_fatal_signal(unsigned number)
{
#define FATAL_CASE(is, text)                                                                       \
    case is:                                                                                       \
        return text;
    switch (number) {
        PMT_FATAL_SIGNALS(FATAL_CASE)
    }
    return NULL;
}

const char *names_access(unsigned access)
{
    static const char *const names[] = {[PMT_ACCESS_NONE] = "none",
                                        [PMT_ACCESS_READ] = "read",
                                        [PMT_ACCESS_WRITE] = "write",
                                        [PMT_ACCESS_EXECUTE] = "execute",
                                        [PMT_ACCESS_UNKNOWN] = "unknown"};
    return names[access <= PMT_ACCESS_UNKNOWN ? access : 0];
}

/* The errors that brk(2), mmap(2), malloc(3) and execve(2) document. */
#define ERROR(name) [name] = #name
static const char *const errors[] = {
    ERROR(EPERM),     ERROR(ENOENT),       ERROR(EINTR),  ERROR(EIO),    ERROR(E2BIG),
    ERROR(ENOEXEC),   ERROR(EBADF),        ERROR(EAGAIN), ERROR(ENOMEM), ERROR(EACCES),
    ERROR(EFAULT),    ERROR(EBUSY),        ERROR(EEXIST), ERROR(ENODEV), ERROR(ENOTDIR),
    ERROR(EISDIR),    ERROR(EINVAL),       ERROR(ENFILE), ERROR(EMFILE), ERROR(ETXTBSY),
    ERROR(ENOSPC),    ERROR(ENAMETOOLONG), ERROR(ENOSYS), ERROR(ELOOP),  ERROR(ELIBBAD),
    ERROR(EOVERFLOW), ERROR(EOPNOTSUPP)};

const char *names_moment(unsigned moment)
{
    static const char *const names[] = {PMT_MOMENTS(NAME_TEXT)};
    return names[moment < PMT_MOMENT_COUNT ? moment : 0];
}

const char *names_variable(unsigned kind)
{
    static const char *const names[] = {PMT_VARIABLE_KINDS(NAME_TEXT)};
    return names[kind < PMT_VARIABLE_KIND_COUNT ? kind : 0];
}

const char *names_variable_place(unsigned place)
{
    static const char *const names[] = {PMT_VARIABLE_PLACES(NAME_TEXT)};
    return names[place < PMT_PLACE_COUNT ? place : 0];
}

const char *names_variable_value(unsigned value)
{
    static const char *const names[] = {PMT_VARIABLE_VALUES(NAME_TEXT)};
    return names[value < PMT_VALUE_COUNT ? value : 0];
}

const char *names_variable_time(unsigned time)
{
    static const char *const names[] = {PMT_VARIABLE_TIMES(NAME_TEXT)};
    return names[time < PMT_TIME_COUNT ? time : 0];
}

const char *names_errno(int error)
{
    return (unsigned)error < sizeof errors / sizeof *errors ? errors[error] : NULL;
}

const char *names_placement(const struct pmt_alloc *a)
{
    if (a->addr == 0)
        return NULL;
    if (a->chunk == 0)
        return "unknown";
    if (a->chunk & PMT_CHUNK_MMAPPED)
        return "mmap";
    return a->chunk & PMT_CHUNK_NON_MAIN_ARENA ? "arena" : "heap";
}

void names_perms(char out[4], unsigned perms)
{
    out[0] = perms & PMT_PERM_READ ? 'r' : '-';
    out[1] = perms & PMT_PERM_WRITE ? 'w' : '-';
    out[2] = perms & PMT_PERM_EXEC ? 'x' : '-';
    out[3] = perms & PMT_PERM_SHARED ? 's' : 'p';
}
