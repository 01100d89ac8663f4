#include "schemas/encode.h"
#include <errno.h>

#define NAME_CASE_CALL(name, text) [PMT_CALL_##name] = text,
#define NAME_CASE_REASON(name, text) [PMT_REASON_##name] = text,
#define NAME_CASE_LOSS(name, text) [PMT_LOSS_##name] = text,

static const char *const call_names[] = {PMT_CALLS(NAME_CASE_CALL)};
static const char *const reason_names[] = {PMT_REASONS(NAME_CASE_REASON)};
static const char *const loss_names[] = {PMT_LOSSES(NAME_CASE_LOSS)};

const char *encode_call_name(unsigned call)
{
    return call_names[call < PMT_CALL_COUNT ? call : 0];
}

const char *encode_reason_name(unsigned reason)
{
    return reason_names[reason < PMT_REASON_COUNT ? reason : 0];
}

const char *encode_loss_name(unsigned loss)
{
    return loss_names[loss < PMT_LOSS_COUNT ? loss : 0];
}

const char *encode_origin_name(unsigned origin)
{
    static const char *const names[] = {
        [PMT_ORIGIN_START] = "start", [PMT_ORIGIN_FORK] = "fork", [PMT_ORIGIN_EXEC] = "exec"};
    return names[origin <= PMT_ORIGIN_EXEC ? origin : 0];
}

const char *encode_backend_name(unsigned backend)
{
    return backend == PMT_BACKEND_PTRACE ? "ptrace" : "preload";
}

const char *encode_end_name(unsigned end)
{
    static const char *const names[] = {
        [PMT_END_EXIT] = "exit",         [PMT_END_UNKNOWN] = "unknown",   [PMT_END_EXEC] = "exec",
        [PMT_END_UNTRACED] = "untraced", [PMT_END_DETACHED] = "detached",
    };
    return names[end <= PMT_END_DETACHED ? end : PMT_END_UNKNOWN];
}

const char *encode_thread_event_name(unsigned event)
{
    return event == PMT_THREAD_END ? "end" : "start";
}

/* The errors that brk(2), mmap(2), malloc(3) and execve(2) document. */
const char *encode_errno_name(int error)
{
    switch (error) {
#define ERROR(name)                                                                                \
    case name:                                                                                     \
        return #name;
        ERROR(EPERM)
        ERROR(ENOENT)
        ERROR(EINTR)
        ERROR(EIO)
        ERROR(E2BIG)
        ERROR(ENOEXEC)
        ERROR(EBADF)
        ERROR(EAGAIN)
        ERROR(ENOMEM)
        ERROR(EACCES)
        ERROR(EFAULT)
        ERROR(EBUSY)
        ERROR(EEXIST)
        ERROR(ENODEV)
        ERROR(ENOTDIR)
        ERROR(EISDIR)
        ERROR(EINVAL)
        ERROR(ENFILE)
        ERROR(EMFILE)
        ERROR(ETXTBSY)
        ERROR(ENOSPC)
        ERROR(ENAMETOOLONG)
        ERROR(ENOSYS)
        ERROR(ELOOP)
        ERROR(ELIBBAD)
        ERROR(EOVERFLOW)
        ERROR(EOPNOTSUPP)
#undef ERROR
    }
    return NULL;
}
