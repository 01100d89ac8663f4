"""Whether the reasons of allocator calls are true: the conditions of schemas/reasons.md, derived from the raw events.

BlockReasons goes through the alloc events of one image, with the Checker of invariants.py, and says what is false.
"""

ALIGNMENT = 16  # MALLOC_ALIGNMENT
LOWEST, HIGHEST = 0x10000, {4: 0xffffe000, 8: 0x7ffffffff000}
ROOM = 4 << 20  # that a hole must have more, until its size is no reason

# {code: condition}: each takes a Call
BLOCK_CONDITIONS = {}


def condition(*codes):
    def note(function):
        BLOCK_CONDITIONS.update(dict.fromkeys(codes, function))
        return function
    return note


class Call:
    """An alloc event with what was before."""

    def __init__(self, event, checker, state):
        self.event, self.checker, self.state = event, checker, state
        self.reason = event["reason"]
        self.word = checker.reasons.word
        self.address = event["addr"] and int(event["addr"], 16)
        self.placement = event.get("placement")
        self.size, self.usable = event.get("size"), event.get("usable")
        self.old = state.blocks.get(event.get("old_addr"))
        self.threshold = checker.thresholds_before[0]

    def chunk(self):
        """Start and end."""
        return self.address - self.word, self.address + self.usable

    def request2size(self):
        return max((self.size + self.word + ALIGNMENT - 1) & -ALIGNMENT, 4 * self.word)

    def is_new(self, placement):
        return self.address and self.event["call"] != "free" and self.placement == placement

    def stays(self):
        return self.old and self.event["addr"] == self.event["old_addr"]

    def largest_hole(self):
        holes, last, highest = [], LOWEST, HIGHEST[self.word]
        for region in self.checker.map:
            holes.append(min(region.start, highest) - last)
            last = max(last, region.end)
        return max([*holes, highest - last])

    def failed(self):
        return not self.address and self.event.get("errno") == "ENOMEM"

    def is_true(self):
        return bool(BLOCK_CONDITIONS[self.reason["code"]](self)) and self.checker.process["thresholds"] is not None


class BlockReasons:
    """Of one image."""

    def __init__(self):
        self.blocks = {}  # address -> the event that gave it
        self.freed = {}  # address -> (size, t_ns) of the last free
        self.highest = 0  # behind the highest chunk of the heap

    def look(self, checker):
        """The heap may end further down."""
        heap = [region.end for region in checker.map if region["kind"] == "heap"]
        self.highest = min(self.highest, max(heap, default=self.highest))

    def check(self, event, checker):
        """What is false in the reason, or None; then takes note of the event."""
        error = None
        if "reason" in event:
            code = event["reason"]["code"]
            if code not in BLOCK_CONDITIONS:
                error = f"{code} is no reason of a call"
            elif not Call(event, checker, self).is_true():
                error = f"its reason is not true: {event['reason']}"
        self.note(event)
        return error

    def give_back(self, address, event):
        block = self.blocks.pop(address, None)
        if block:
            self.freed[address] = block["size"], event["t_ns"]

    def note(self, event):
        if event["call"] == "free":
            return self.give_back(event["addr"], event)
        if "old_addr" in event and (event["addr"] or "errno" not in event):
            old = self.blocks.get(event["old_addr"])
            if old and old["t_ns"] <= event["began_ns"]:
                self.give_back(event["old_addr"], event)
        if event["addr"]:
            self.blocks[event["addr"]] = event
            if event.get("placement") == "heap":
                self.highest = max(self.highest, int(event["addr"], 16) + event["usable"])
        return None


@condition("mmap_threshold")
def mmap_threshold(call):
    return (call.is_new("mmap") and call.reason["size"] == call.size and call.reason["threshold"] == call.threshold
            and call.request2size() >= call.threshold)


@condition("block_at_top")
def block_at_top(call):
    if not call.is_new("heap"):
        return False
    start, end = call.chunk()
    region = call.checker.map.at(call.address)
    return start >= call.state.highest and region["kind"] == "heap" and region.end - end == call.reason["left"]


@condition("block_reuses")
def block_reuses(call):
    return call.is_new("heap") and call.state.freed.get(call.event["addr"]) == (call.reason["was"], call.reason["freed_ns"])


def in_region(call, is_heap):
    region = call.is_new("heap") and call.checker.map.at(call.address)
    return region and (region["kind"] == "heap") == is_heap


@condition("block_in_heap")
def block_in_heap(call):
    return in_region(call, True)


@condition("block_in_mapped")
def block_in_mapped(call):
    return in_region(call, False)


@condition("block_in_arena")
def block_in_arena(call):
    return call.is_new("arena")


@condition("block_fits")
def block_fits(call):
    return in_region(call, True) and call.reason["threshold"] == call.threshold and call.request2size() >= call.threshold


@condition("block_has_room", "block_grown", "block_cut")
def resized(call):
    if not call.stays():
        return False
    more = call.usable - call.old["usable"]
    return call.reason["code"] == ("block_grown" if more > 0 else "block_cut" if more < 0 else "block_has_room")


@condition("block_copied")
def block_copied(call):
    return call.address and call.old and not call.stays() and call.reason["copied"] == min(call.old["size"], call.size)


@condition("block_back")
def block_back(call):
    return call.event["call"] == "free" and call.address and call.placement in ("heap", "arena")


@condition("too_large")
def too_large(call):
    return call.failed() and call.reason["most"] == (1 << 8 * call.word - 1) - 1 < call.size


@condition("no_hole")
def no_hole(call):
    return call.failed() and call.reason["hole"] == call.largest_hole() < call.size


@condition("refused")
def refused(call):
    return call.failed() and call.reason["hole"] == call.largest_hole() > call.size + ROOM
