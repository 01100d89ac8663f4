#include "shim/looks/loader.h"
#include "shim/base/sys.h"
#include "shim/hooks/hook.h"
#include "shim/looks/snapshot.h"
#include "shim/stacks/stacks.h"
#include "shim/stacks/unwind.h"
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <string.h>

#define HIDDEN __attribute__((visibility("hidden")))

/* Called by name from the stubs dlopen and dlmopen (arch_*.S). */
HIDDEN void *(*loader_real_dlopen)(const char *file, int mode);
HIDDEN void *(*loader_real_dlmopen)(Lmid_t space, const char *file, int mode);
HIDDEN void *loader_dlopen(const char *file, int mode);
HIDDEN void *loader_dlmopen(Lmid_t space, const char *file, int mode);
HIDDEN int loader_must_jump_dlopen(const void *arguments, uintptr_t caller);
HIDDEN int loader_must_jump_dlmopen(const void *arguments, uintptr_t caller);

static int (*real_dlclose)(void *);

void loader_resolve(void)
{
    loader_real_dlopen = dlsym(RTLD_NEXT, "dlopen");
    loader_real_dlmopen = dlsym(RTLD_NEXT, "dlmopen");
    real_dlclose = dlsym(RTLD_NEXT, "dlclose");
}

bool loader_is_at_work(void)
{
    return thread.loader.call || (state_in_call() && process_loader_owns(thread.call.caller));
}

void loader_ran(void)
{
    state_attend(ATTENTION_LOADER);
    if (!thread.loader_ran)
        __atomic_fetch_add(&live->loaders, 1, __ATOMIC_RELAXED);
    thread.loader_ran = 1;
}

void loader_was_looked_at(void)
{
    if (thread.loader_ran) {
        __atomic_fetch_sub(&live->loaders, 1, __ATOMIC_RELAXED);
        unwind_look_again();
        if (!thread.loader.call) /* it may have taken a library away as well */
            unwind_forget();
    }
    thread.loader_ran = 0;
    if (thread.loader.frame == 0) /* a jump: nobody will come back to say that it is over */
        thread.loader.call = PMT_CALL_NONE;
}

static bool has_search_path(uintptr_t caller)
{
    Dl_info info;
    struct link_map *map = NULL;
    if (!dladdr1((void *)caller, &info, (void **)&map, RTLD_DL_LINKMAP) || !map)
        return false;
    for (const ElfW(Dyn) *d = map->l_ld; d->d_tag != DT_NULL; d++)
        if (d->d_tag == DT_RPATH || d->d_tag == DT_RUNPATH)
            return true;
    return false;
}

/* Stack of the caller first: libunwind must not be called while ld.so's lock is held. */
static void enter(struct call *outer, enum pmt_call call, const char *name,
                  const struct frame *frame)
{
    uint64_t mask;
    hook_enter(outer, call, 0, frame);
    hook_name(name);
    sys_block_signals(&mask);
    thread.call.stack_id = stacks_here(frame->caller);
    sys_restore_signals(&mask);
    thread.loader = thread.call;
    loader_ran();
}

static int jumps(enum pmt_call call, const char *file, uintptr_t caller)
{
    if (!hook_active() || thread.busy)
        return 1;
    /* a plain path is taken as it is; for the rest dlopen(3) asks who calls */
    bool plain = file && strchr(file, '/') && !strchr(file, '$');
    int saved_errno = errno;
    bool jump = file && !plain && has_search_path(caller);
    errno = saved_errno;
    if (!jump)
        return 0;
    struct call outer;
    struct frame none = {0, caller};
    enter(&outer, call, file, &none);
    thread.call.framed = false;
    thread.loader.frame = 0;
    hook_leave(&outer);
    return 1;
}

int loader_must_jump_dlopen(const void *arguments, uintptr_t caller)
{
    return jumps(PMT_CALL_DLOPEN, *(const char *const *)arguments, caller);
}

int loader_must_jump_dlmopen(const void *arguments, uintptr_t caller)
{
    return jumps(PMT_CALL_DLMOPEN, ((const char *const *)arguments)[1], caller);
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
    snapshot_pay_attention(thread.loader.caller);
    thread.loader.call = PMT_CALL_NONE;
}

void *loader_dlopen(const char *file, int mode)
{
    struct call outer;
    enter(&outer, PMT_CALL_DLOPEN, file, HOOK_FRAME());
    void *handle = loader_real_dlopen(file, mode);
    leave(&outer, handle != NULL);
    return handle;
}

void *loader_dlmopen(Lmid_t space, const char *file, int mode)
{
    struct call outer;
    enter(&outer, PMT_CALL_DLMOPEN, file, HOOK_FRAME());
    void *handle = loader_real_dlmopen(space, file, mode);
    leave(&outer, handle != NULL);
    return handle;
}

HOOK int dlclose(void *handle)
{
    if (!hook_active() || thread.busy)
        return real_dlclose(handle);
    struct link_map *map = handle;
    struct call outer;
    enter(&outer, PMT_CALL_DLCLOSE, map ? map->l_name : NULL, HOOK_FRAME());
    int result = real_dlclose(handle);
    leave(&outer, false);
    return result;
}
