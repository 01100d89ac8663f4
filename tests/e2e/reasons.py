"""Whether each reason is true: the conditions of schemas/reasons.md, derived from the raw events, without the model.

Reasons goes through the events of one image with the Checker of invariants.py and says what is false.
"""

from collections import defaultdict

ALLOCATORS = ("malloc", "calloc", "realloc", "reallocarray", "free", "memalign", "aligned_alloc", "posix_memalign", "valloc",
              "pvalloc")
MMAPS = ("mmap", "mmap2")
MAP_FIXED, MAP_STACK = 0x10, 0x20000
PROT_READ, PROT_WRITE = 1, 2
MREMAP_FIXED, MREMAP_DONTUNMAP = 2, 4
ALIGNMENT = 16  # MALLOC_ALIGNMENT
CHILDREN = ("system", "popen", "posix_spawn", "posix_spawnp")

# {code: condition}: each takes a Change
CONDITIONS = {}


def condition(*codes):
    def note(function):
        CONDITIONS.update(dict.fromkeys(codes, function))
        return function
    return note


class Kernel:
    """A system call, and what its allocator call had done before."""

    def __init__(self, event, before):
        self.event, self.before = event, before
        self.call = event["call"]
        self.args = [int(word, 16) for word in event["args"]]
        self.result = int(event["result"], 16) if "result" in event else None
        self.old_brk = int(event.get("old_brk", "0x0"), 16)

    def failed(self):
        return self.result is None or self.call == "brk" and self.args[0] not in (0, self.result)

    def raises(self):
        return self.call == "brk" and self.result is not None and self.result > self.old_brk

    def holds(self, address):
        """Whether the address lies in what it mapped."""
        return self.result <= address < self.result + self.args[1]

    def covers(self, address):
        return self.args[0] <= address < self.args[0] + self.args[1]


class Change:
    """A region event with the raw events that it comes from."""

    def __init__(self, event, kernel, call, state):
        self.event, self.kernel, self.call = event, kernel, call
        self.mmap, self.trim = state.thresholds_at(event)
        self.word, self.page, self.heap_max = state.word, state.page, state.heap_max
        self.glibc = state.process["thresholds"] is not None
        self.cause = event["cause"]["call"]
        self.system_call = event["cause"].get("kernel")
        self.region = event["after"] or event["before"]
        self.kind = self.region["kind"]
        self.change = event["change"]
        self.reason = event["reason"]
        self.stack_use = state.stack_uses.get((event["tid"], event["t_ns"]))
        self.of_allocator = self.cause in ALLOCATORS
        self.is_first = state.calls <= 1 and state.heap_came and state.process["origin"] != "fork"

    def block(self):
        """Address of the block that the call gave, or that free got; else None."""
        return self.call and self.call["addr"] and int(self.call["addr"], 16)

    def old_block(self):
        return self.call and int(self.call.get("old_addr", "0x0"), 16)

    def request2size(self, size):
        return max((size + self.word + ALIGNMENT - 1) & -ALIGNMENT, 4 * self.word)

    def of_loader(self):
        """Whether ld.so made the system call."""
        return self.kernel and self.kernel.event.get("within", {}).get("by_loader", False)

    def maps(self):
        return self.system_call in MMAPS

    def of_library(self, *kinds):
        return self.kind in kinds

    def is_true(self):
        return bool(CONDITIONS[self.reason["code"]](self))


M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD, M_MMAP_MAX = -1, -2, -3, -4  # <malloc.h>


class Reasons:
    """Of one image."""

    def __init__(self, process):
        self.process = process
        self.word, self.page = process["class"] // 8, process["page_size"]
        thresholds = process["thresholds"] or {"mmap": 0, "trim": 0, "mmap_max": 0, "dynamic": False}
        self.mmap, self.trim, self.dynamic = thresholds["mmap"], thresholds["trim"], thresholds["dynamic"]
        self.mmap_max, self.heap_max = thresholds["mmap_max"], 2 * thresholds["mmap_max"]
        self.made = defaultdict(list)  # tid -> the system calls of the allocator call that it is in
        self.last = {}  # tid -> Kernel
        self.stack_use = {}  # tid -> the event for the look that comes next
        self.stack_uses = {}  # (tid, t_ns) of that look -> event or None
        self.looks = defaultdict(list)  # (tid, t_ns) -> [(Kernel or None, mmap, trim)]
        self.calls, self.heap_came = 0, False  # of the allocator, so far; whether the heap was seen to come

    def inherit(self, parent):
        self.mmap, self.trim, self.dynamic = parent.mmap, parent.trim, parent.dynamic

    def add(self, event):
        """Takes note of a raw event."""
        getattr(self, "on_" + event["type"], lambda _: None)(event)

    def on_alloc(self, event):
        self.made.pop(event["tid"], None)
        self.calls += event["addr"] is not None
        if event["call"] == "free" and event.get("placement") == "mmap" and self.dynamic:
            chunk = event["usable"] + 2 * self.word
            if self.mmap < chunk <= self.mmap_max:
                self.mmap, self.trim = chunk, 2 * chunk

    def on_mallopt(self, event):
        """malloc(3) of glibc, mallopt(3): each of these parameters keeps the thresholds where they are from then on."""
        if not event["result"] or not self.mmap:
            return
        value = event["value"] % (1 << 8 * self.word)
        self.mmap = value if event["param"] == M_MMAP_THRESHOLD else self.mmap
        self.trim = value if event["param"] == M_TRIM_THRESHOLD else self.trim
        if event["param"] in (M_MMAP_THRESHOLD, M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX):
            self.dynamic = False

    def on_kernel(self, event):
        within = event.get("within", {}).get("call")
        before = self.made[event["tid"]] if within in ALLOCATORS else []
        self.last[event["tid"]] = Kernel(event, list(before))
        if within in ALLOCATORS:
            before.append(self.last[event["tid"]])

    def on_snapshot(self, event):
        kernel = self.last.get(event["tid"]) if event["reason"] == "kernel" else None
        if event["reason"] == "stack":
            self.stack_uses[event["tid"], event["t_ns"]] = self.stack_use.pop(event["tid"], None)
        self.looks[event["tid"], event["t_ns"]].append((kernel, self.mmap, self.trim))

    def on_stack_use(self, event):
        self.stack_use[event["tid"]] = event

    def thresholds_at(self, event):
        looks = self.looks.get((event["tid"], event["t_ns"]))
        return looks[-1][1:] if looks else (self.mmap, self.trim)

    def check(self, event, call):
        """What is false in a region event, or None. `call`: the alloc event of its cause.seq, or None."""
        error = self.find(event, call)
        self.heap_came = self.heap_came or event["change"] == "added" and event["after"]["kind"] == "heap"
        return error

    def find(self, event, call):
        looks = self.looks.get((event["tid"], event["t_ns"]), [])
        if len(looks) > 1 and len({id(look[0]) for look in looks}) > 1:
            return None  # two at the same time: which one it comes from cannot be told
        kernel = looks[0][0] if looks and "kernel" in event["cause"] else None
        if "kernel" in event["cause"] and (not kernel or kernel.call != event["cause"]["kernel"]):
            return None  # events are missing, which the invariants have found already
        change = Change(event, kernel, call, self)
        if change.reason["code"] not in CONDITIONS:
            return f"nobody knows the reason {change.reason['code']}"
        return None if change.is_true() else f"its reason is not true: {change.reason}; the system call was {kernel and kernel.event}"


# --- glibc's malloc and the heap ---

def in_allocator(change):
    return change.of_allocator and change.glibc


def brk_up(change):
    if not in_allocator(change):
        return False
    if change.kernel:
        return change.kernel.raises()
    return change.system_call is None and change.kind == "heap" and change.event["delta"] > 0


@condition("heap_first", "heap_first_bare")
def heap_first(change):
    if not brk_up(change) or not (change.change == "added" and change.kind == "heap" or change.is_first):
        return False
    if change.reason["code"] == "heap_first_bare":
        return True
    return (change.call and change.cause in ("malloc", "calloc") and change.reason["spare"] >= change.page
            and change.reason["spare"] == change.event["delta"] - change.request2size(change.call["size"]))


@condition("heap_by_mmap")
def heap_by_mmap(change):
    return (in_allocator(change) and change.maps() and change.kernel.args[2] == PROT_READ | PROT_WRITE
            and any(before.call == "brk" and before.failed() for before in change.kernel.before)
            and change.call and change.call["placement"] == "heap" and change.kernel.holds(change.block()))


@condition("heap_grown")
def heap_grown(change):
    return brk_up(change) and change.change != "added"


@condition("heap_aligned")
def heap_aligned(change):
    return (brk_up(change) and change.kernel and any(before.raises() and not before.failed() for before in change.kernel.before)
            and change.kernel.result % change.page == 0
            and change.kernel.result - change.kernel.old_brk <= change.page + ALIGNMENT)


@condition("heap_trimmed")
def heap_trimmed(change):
    if not in_allocator(change) or change.reason["trim_threshold"] != change.trim:
        return False
    if change.kernel:
        return change.system_call == "brk" and change.kernel.result < change.kernel.old_brk
    return change.kind == "heap" and change.event["delta"] < 0


# --- blocks with pages of their own ---

@condition("mmap_threshold")
def mmap_threshold(change):
    if not in_allocator(change) or not change.call or change.call.get("placement") != "mmap":
        return False
    start, end = int(change.region["start"], 16), int(change.region["end"], 16)
    inside = change.kernel.holds(change.block()) if change.kernel else start < change.block() < end
    asked = (change.system_call is None or change.maps()) and inside
    size, threshold = change.reason["size"], change.reason["threshold"]
    return asked and size == change.call["size"] and threshold == change.mmap and change.request2size(size) >= threshold


@condition("block_unmapped")
def block_unmapped(change):
    if not in_allocator(change) or not change.call:
        return False
    block = change.block() if change.cause == "free" else change.old_block()
    if change.cause == "free" and change.call.get("placement") != "mmap":
        return False
    if change.kernel:
        return change.system_call == "munmap" and change.kernel.covers(block)
    return change.change == "removed" and int(change.region["start"], 16) < block < int(change.region["end"], 16)


@condition("block_resized", "block_moved")
def block_resized(change):
    if not in_allocator(change) or change.system_call != "mremap" or not change.kernel.covers(change.old_block()):
        return False
    return (change.kernel.result == change.kernel.args[0]) == (change.reason["code"] == "block_resized")


# --- arenas ---

def reserves(kernel):
    return kernel.call in MMAPS and not kernel.failed() and kernel.args[2] == 0


@condition("arena_reserved")
def arena_reserved(change):
    reserved = change.reason["reserved"]
    return (in_allocator(change) and change.maps() and reserves(change.kernel) and reserved == change.heap_max
            and change.kernel.args[1] in (reserved, 2 * reserved))


@condition("arena_cut")
def arena_cut(change):
    return (in_allocator(change) and change.system_call == "munmap" and change.reason["reserved"] == change.heap_max
            and any(reserves(before) and before.holds(change.kernel.args[0]) for before in change.kernel.before))


@condition("arena_opened", "arena_grown")
def arena_opened(change):
    if not in_allocator(change) or change.system_call != "mprotect" or change.kind != "malloc_arena":
        return False
    begins = change.kernel.args[0] % change.heap_max == 0
    return change.kernel.args[2] & PROT_WRITE and begins == (change.reason["code"] == "arena_opened")


@condition("arena_shrunk")
def arena_shrunk(change):
    return in_allocator(change) and change.maps() and reserves(change.kernel) and change.kernel.args[3] & MAP_FIXED


@condition("arena_removed")
def arena_removed(change):
    return (in_allocator(change) and change.system_call == "munmap" and change.kernel.args[0] % change.heap_max == 0
            and change.kernel.args[1] == change.heap_max)


@condition("abort_message")
def abort_message(change):
    """sysdeps/posix/libc_fatal.c, __libc_message()"""
    return (in_allocator(change) and change.event["cause"]["call"] == "free" and change.maps()
            and change.kernel.args[1] < 1 << 20 and change.kernel.args[2] == PROT_READ | PROT_WRITE)


# --- an allocator of which no more is known ---

@condition("malloc_more", "malloc_less", "malloc_other", "allocator_more", "allocator_less", "allocator_other")
def allocator(change):
    glibc, _, what = change.reason["code"].partition("_")
    sign = {"more": change.event["delta"] > 0, "less": change.event["delta"] < 0, "other": True}
    return change.of_allocator and change.glibc == (glibc == "malloc") and sign[what]


# --- system calls ---

@condition("break_up", "break_down")
def moved_break(change):
    up = change.kernel.raises() if change.kernel else change.event["delta"] >= 0
    return (not change.of_allocator and (change.system_call or change.cause) in ("brk", "sbrk")
            and up == (change.reason["code"] == "break_up"))


def by_mapping(change):
    return not change.of_allocator and (change.maps() or change.system_call == "shmat"
                                        or change.system_call is None and change.cause in (*MMAPS, "shmat", "pthread_create"))


@condition("file_mapped")
def file_mapped(change):
    return by_mapping(change) and change.region["path"].startswith("/")


@condition("shared_mapped")
def shared_mapped(change):
    return by_mapping(change) and change.region["perms"][3] == "s"


@condition("anonymous_mapped")
def anonymous_mapped(change):
    return (by_mapping(change) and change.region["perms"][3] == "p" and change.region["perms"] != "---p"
            and not change.region["path"].startswith("/"))


@condition("closed_mapped")
def closed_mapped(change):
    return by_mapping(change) and change.region["perms"] == "---p" and not change.region["path"].startswith("/")


@condition("guard_mapped")
def guard_mapped(change):
    return by_mapping(change) and change.region["perms"] == "---p"


@condition("thread_stack", "thread_stack_joined")
def thread_stack(change):
    return by_mapping(change) and change.cause == "pthread_create" and change.kind == "thread_stack"


@condition("child_stack")
def child_stack(change):
    return by_mapping(change) and change.cause in CHILDREN and change.kind == "thread_stack"


@condition("stack_mapped")
def stack_mapped(change):
    return by_mapping(change) and change.kind == "thread_stack" and change.cause not in ("pthread_create", *CHILDREN)


@condition("joined")
def joined(change):
    return by_mapping(change) and change.change in ("grown", "merged")


@condition("replaced", "replaced_part", "replaced_middle")
def replaced(change):
    types = {"replaced": "removed", "replaced_part": "shrunk", "replaced_middle": "split"}
    fixed = not change.kernel or change.system_call == "shmat" or change.kernel.args[3] & MAP_FIXED
    return by_mapping(change) and fixed and change.change == types[change.reason["code"]]


@condition("unmapped", "unmapped_part", "unmapped_middle")
def unmapped(change):
    types = {"unmapped_part": ("shrunk",), "unmapped_middle": ("split",)}
    call = change.system_call or change.cause
    return (not change.of_allocator and call in ("munmap", "shmdt")
            and change.change in types.get(change.reason["code"], (change.change,)))


@condition("protected", "protected_part", "protected_alike", "border_moved")
def protected(change):
    call = change.system_call or change.cause
    if change.of_allocator or call not in ("mprotect", "pkey_mprotect"):
        return False
    if change.change in ("split", "merged"):
        return change.reason["code"] == {"split": "protected_part", "merged": "protected_alike"}[change.change]
    same = change.event["before"]["perms"] == change.event["after"]["perms"]
    return change.reason["code"] == ("border_moved" if same else "protected")


@condition("remapped_in_place", "remapped_moved", "remapped_fixed", "remapped_twice", "remapped_emptied")
def remapped(change):
    if change.of_allocator or change.system_call != "mremap":
        return False
    old, size, _, flags = change.kernel.args[:4]
    if flags & MREMAP_DONTUNMAP:
        return change.reason["code"] == "remapped_emptied"
    if size == 0:
        return change.reason["code"] == "remapped_twice"
    if flags & MREMAP_FIXED:
        return change.reason["code"] == "remapped_fixed"
    return change.reason["code"] == ("remapped_in_place" if change.kernel.result == old else "remapped_moved")


@condition("flags_changed")
def flags_changed(change):
    return (change.system_call or change.cause) in ("madvise", "mlock", "mlock2", "munlock", "mlockall", "munlockall", "mbind",
                                                    "set_mempolicy_home_node", "mseal", "process_madvise")


@condition("call")
def call(change):
    return not change.of_allocator and change.cause not in ("page fault", "procmap-trace", "unattributed")


# --- the dynamic loader ---

def loads(change, *kinds):
    return not change.of_allocator and change.of_loader() and change.maps() and (not kinds or change.kind in kinds)


@condition("library_place", "library_constants")
def library_place(change):
    return loads(change, "lib_rodata") and (change.change == "added") == (change.reason["code"] == "library_place")


@condition("library_code")
def library_code(change):
    return loads(change, "lib_code") and "x" in change.region["perms"]


@condition("library_data")
def library_data(change):
    return loads(change, "lib_data") and "w" in change.region["perms"]


@condition("library_bss")
def library_bss(change):
    return loads(change, "lib_bss") and not change.region["inode"]


@condition("library_cache")
def library_cache(change):
    return loads(change) and change.region["path"] == "/etc/ld.so.cache"


@condition("loader_memory")
def loader_memory(change):
    return loads(change) and not change.region["path"]


@condition("library_cache_left", "library_removed")
def library_left(change):
    cache = change.region["path"] == "/etc/ld.so.cache"
    return (not change.of_allocator and change.of_loader() and change.system_call == "munmap"
            and cache == (change.reason["code"] == "library_cache_left") and (cache or change.kind.startswith("lib_")))


@condition("relro")
def relro(change):
    return (not change.of_allocator and change.of_loader() and change.system_call == "mprotect"
            and "w" in change.event["before"]["perms"] and "w" not in change.event["after"]["perms"])


# --- looks ---

@condition("loader_loaded", "loader_unloaded", "loader_worked")
def loader_look(change):
    calls = {"dlopen": "loader_loaded", "dlmopen": "loader_loaded", "dlclose": "loader_unloaded"}
    return change.system_call is None and change.reason["code"] == calls.get(change.cause, "loader_worked")


@condition("stack_touched")
def stack_touched(change):
    return change.cause == "page fault"


@condition("stack_used", "stack_full", "stack_returned")
def stack_use(change):
    """The kernel extends a stack to the page that is touched, mm/vma.c, expand_downwards()."""
    use = change.stack_use
    if change.cause != "page fault" or change.change != "grown" or not use:
        return False
    sp, code, was = int(use["sp"], 16), change.reason["code"], int(change.event["before"]["start"], 16)
    start, end = (int(change.event["after"][edge], 16) for edge in ("start", "end"))
    is_full = end - start + change.page > use.get("limit", 1 << 64)
    if code == "stack_returned":
        return was - sp < (was - start) / 2
    return (was - sp >= (was - start) / 2 and change.reason["used"] == use["bytes"] <= end - sp
            and use["bytes"] >= use["calls"] * use.get("each", 0) and (code == "stack_full") == is_full
            and (not is_full or change.reason["limit"] == use["limit"]))


@condition("tracer")
def tracer(change):
    return change.cause == "procmap-trace"


@condition("overlooked", "unattributed")
def unattributed(change):
    return change.cause == "unattributed"
