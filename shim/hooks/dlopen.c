/* dlopen(3) and its kin: the context of ld.so's system calls. Where these are not seen, the whole
 * map is looked at afterwards. */
#include "shim/base/real.h"
#include "shim/base/sys.h"
#include "shim/hooks/hook.h"
#include "shim/stacks/stack_id.h"
#include "shim/stacks/unwind.h"
#include <elf.h>
#include <link.h>
#include <string.h>

/* Called by name from dlopen_*.S: first the one, which gives where to jump to, or NULL; then the
 * other. */
HIDDEN void *dlopen_target(const void *arguments, const uintptr_t *caller);
HIDDEN void *dlopen_wrapped(const char *file, int mode);
HIDDEN void *dlmopen_target(const void *arguments, const uintptr_t *caller);
HIDDEN void *dlmopen_wrapped(Lmid_t space, const char *file, int mode);

static bool has_search_path(uintptr_t caller)
{
    Dl_info info;
    struct link_map *map = NULL;
    if (!real.dladdr1((void *)caller, &info, (void **)&map, RTLD_DL_LINKMAP) || !map)
        return false;
    for (const ElfW(Dyn) *d = map->l_ld; d->d_tag != DT_NULL; d++)
        if (d->d_tag == DT_RPATH || d->d_tag == DT_RUNPATH)
            return true;
    return false;
}

/* Stack of the caller first: while ld.so's lock is held, older ones cannot be asked for tables. */
static void enter(struct call *outer, enum pmt_call call, const char *name,
                  const struct call_frame *frame)
{
    uint64_t mask;
    hook_enter(outer, call, 0, frame);
    state_name_call(name);
    sys_block_signals(&mask);
    thread.call.stack_id = stack_id_here(frame->caller);
    sys_restore_signals(&mask);
    thread.loader = thread.call;
    if (!process.sees_loader)
        attention_loader_ran();
}

/* `caller`: where on the stack the return address is. As long as it is there, dlopen is under way;
 * a look at the map ends that, too. */
static bool must_jump(enum pmt_call call, const char *file, const uintptr_t *caller)
{
    if (!hook_active() || thread.busy)
        return true;
    /* a plain path is taken as it is; for the rest dlopen(3) asks who calls */
    bool plain = file && strchr(file, '/') && !strchr(file, '$');
    if (!file || plain || !has_search_path(*caller))
        return false;
    struct call outer;
    struct call_frame none = {0, *caller};
    enter(&outer, call, file, &none);
    thread.call.framed = thread.loader.framed = false;
    thread.loader.frame =
        process.sees_loader ? (uintptr_t)caller - offsetof(struct call_frame, caller) : 0;
    hook_leave(&outer);
    return true;
}

void *dlopen_target(const void *arguments, const uintptr_t *caller)
{
    const char *file = ((const char *const *)arguments)[0];
    return must_jump(PMT_CALL_DLOPEN, file, caller) ? (void *)real.dlopen : NULL;
}

void *dlmopen_target(const void *arguments, const uintptr_t *caller)
{
    const char *file = ((const char *const *)arguments)[1];
    return must_jump(PMT_CALL_DLMOPEN, file, caller) ? (void *)real.dlmopen : NULL;
}

/* What was opened without success was there for a while, too. */
static void leave(const struct call *outer, bool only_added)
{
    hook_leave(outer);
    if (!only_added) {
        unwind_forget();
        __atomic_fetch_add(&live->unmapped, 1, __ATOMIC_RELEASE);
    }
    unwind_look_again();
    if (!process.sees_loader)
        attention_pay(thread.loader.caller);
    thread.loader.call = PMT_CALL_NONE;
}

void *dlopen_wrapped(const char *file, int mode)
{
    struct call outer;
    enter(&outer, PMT_CALL_DLOPEN, file, HOOK_FRAME());
    void *handle = real.dlopen(file, mode);
    leave(&outer, handle != NULL);
    return handle;
}

void *dlmopen_wrapped(Lmid_t space, const char *file, int mode)
{
    struct call outer;
    enter(&outer, PMT_CALL_DLMOPEN, file, HOOK_FRAME());
    void *handle = real.dlmopen(space, file, mode);
    leave(&outer, handle != NULL);
    return handle;
}

HOOK int dlclose(void *handle)
{
    if (!hook_active() || thread.busy)
        return real.dlclose(handle);
    struct link_map *map = handle;
    struct call outer;
    enter(&outer, PMT_CALL_DLCLOSE, map ? map->l_name : NULL, HOOK_FRAME());
    int result = real.dlclose(handle);
    leave(&outer, false);
    return result;
}
