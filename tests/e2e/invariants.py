"""What holds in every trace, whatever the program: check_invariants() returns the list of violations.

The raw events (snapshots, calls) and the events derived from them (region changes, the exit's ledger and sums) tell
the same story twice. Here the derived ones are computed again from the raw ones, in the simplest way, and compared.
"""

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict

from block_reasons import BlockReasons
from reasons import ALLOCATORS, Reasons

IDENTITY = ("start", "end", "perms", "offset", "dev_major", "dev_minor", "inode", "path")


class Region(dict):
    """A region of an event, with its addresses as numbers."""

    def __init__(self, region, **changes):
        super().__init__(region, start=int(region["start"], 16), end=int(region["end"], 16))
        self.update(changes)

    start = property(lambda self: self["start"])
    end = property(lambda self: self["end"])
    size = property(lambda self: self["end"] - self["start"])

    def identity(self):
        return tuple(self[name] for name in IDENTITY)

    def backing(self):
        """What is mapped, without where: equal for the pieces of one region, of which not each has the kernel's name."""
        base = self.start - self["offset"] if self["inode"] else 0
        path = "" if self["path"] in ("[heap]", "[stack]") else self["path"]
        return self["perms"], base, self["dev_major"], self["dev_minor"], self["inode"], path

    def clipped(self, lo, hi):
        """The part in [lo, hi), or None."""
        start, end = max(self.start, lo), min(self.end, hi)
        if start >= end:
            return None
        piece = Region({**self, "start": hex(start), "end": hex(end)})
        if self["inode"]:
            piece["offset"] += start - self.start
        return piece

    def __str__(self):
        kind = f" ({self.get('owner')} {self.get('kind')})" if "kind" in self else ""
        return f"{self.start:x}-{self.end:x} {self['perms']} {self['offset']:x} {self['path']}{kind}"


def by_file(identities):
    """The same without the paths of files: these may be renamed, deleted or mounted elsewhere."""
    return [identity[:-1] + (None,) if identity[IDENTITY.index("inode")] else identity for identity in identities]


class Map:
    """Regions by ascending address."""

    def __init__(self, regions=()):
        self.starts, self.regions = [], []
        for region in regions:
            self.paint(region)

    def __iter__(self):
        return iter(self.regions)

    def size(self):
        return sum(region.size for region in self.regions)

    def identities(self):
        return [region.identity() for region in self.regions]

    def at(self, address):
        """The region that contains an address, or None."""
        index = bisect_right(self.starts, address) - 1
        return self.regions[index] if index >= 0 and address < self.regions[index].end else None

    def overlapping(self, lo, hi):
        """The slice of the regions that reach into [lo, hi)."""
        first = bisect_right(self.starts, lo) - 1
        if first < 0 or self.regions[first].end <= lo:
            first += 1
        return slice(first, max(first, bisect_left(self.starts, hi)))

    def replace(self, where, regions):
        self.regions[where] = regions
        self.starts[where] = [region.start for region in regions]

    def erase(self, lo, hi):
        """Unmaps [lo, hi); regions that reach over the edges keep what lies outside."""
        where = self.overlapping(lo, hi)
        edges = [part for region in self.regions[where]
                 for part in (region.clipped(0, lo), region.clipped(hi, 1 << 64)) if part]
        self.replace(where, edges)

    def paint(self, region):
        """Maps a region over whatever is there."""
        self.erase(region.start, region.end)
        index = bisect_left(self.starts, region.start)
        self.replace(slice(index, index), [region])


def coverage(regions, lo, hi):
    """What is mapped in [lo, hi), as maximal pieces."""
    pieces = []
    for region in regions:
        part = region.clipped(lo, hi)
        if part and pieces and pieces[-1][1] == part.start and pieces[-1][2] == part.backing():
            pieces[-1][1] = part.end
        elif part:
            pieces.append([part.start, part.end, part.backing()])
    return pieces


def apply_changes(memory, changes):
    """Applies the region events of one look at the map, which happened at the same time as far as one can see; but what
    nobody was seen to make, before the rest. Returns what does not fit as a list of (event, text)."""
    errors, new = [], []
    for event in changes:
        before, after = (event[name] and Region(event[name]) for name in ("before", "after"))
        parts = [Region(part) for part in event.get("parts", ())]
        for region in parts if event["change"] == "merged" else [before] if before else []:
            if [piece[:2] for piece in coverage(memory, region.start, region.end)] != [[region.start, region.end]]:
                errors.append((event, f"{event['change']}: {region} is not in the map"))
            new += [(memory.erase, (region.start, region.end))]
        new += [(memory.paint, (region,)) for region in (parts if event["change"] == "split" else [after] if after else [])]
        if event["cause"]["call"] == "unattributed":
            for action, arguments in new:
                action(*arguments)
            new = []
    for action, arguments in sorted(new, key=lambda step: step[0] == memory.paint):
        action(*arguments)
    return errors


class Checker:
    """Goes through the events of one process image, in order."""

    OF_MMAP = {"malloc_mmap", "anonymous"}  # kinds of region that a block of malloc's mmap may lie in
    NO_HOSTS = OF_MMAP | {"heap", "stack"}  # and those in which it is none's guest: they grow by themselves

    def __init__(self, process, lost, stacks=()):
        self.errors = []
        self.lost = lost
        self.process, self.exit = process, None
        self.reasons = Reasons(process)
        self.stacks, self.own_stacks = set(stacks), set()  # a child knows its parent's
        self.map, self.told = Map(), Map()  # from the snapshots; from the region events
        self.exact = True  # False: the windows of one look are not all there yet
        self.looks = []  # (key, map size before, identities after) of each look at the map
        self.instead_of_heap = []  # blocks of the main arena that lie elsewhere, with their region
        self.changes = defaultdict(list)  # key of the look -> region events
        self.library = None  # [library event, its regions that have not been told yet]
        self.parts = None  # the library event whose changes follow, seen call by call
        self.kinds = None  # of the last whole look
        self.guests = []  # [lo, hi) of what the kernel has joined to a region that was there before
        self.blocks, self.calls, self.frees = {}, 0, 0
        self.live_bytes = 0  # of these
        self.heap_of_map = None  # bytes; None: to be added up
        self.told_thresholds = self.thresholds_before = None
        self.block_reasons = BlockReasons()
        self.owned = Counter()
        self.losses = 0
        self.unfollowed = self.unseen = 0
        self.by_seq = {}
        self.forks = {}  # fork_id -> blocks at that time
        self.threads = set()  # that have started and not ended

    def error(self, event, text):
        if len(self.errors) < 50:
            self.errors.append(f"seq {event.get('seq')}: {event.get('type')}: {text}")

    def add(self, event):
        self.by_seq[event["seq"]] = event
        if self.exit:
            self.error(event, f"comes after the exit of image {event['image']}")
        if event["pid"] != self.process["pid"]:
            self.error(event, f"image {event['image']} is process {self.process['pid']}, not {event['pid']}")
        if self.library and event["type"] != "region":
            self.error(event, f"{self.library[0]['name']}: {self.library[1]} of its regions have no event")
            self.library = None
        if self.parts and event.get("library") != self.parts["path"]:
            self.check_parts(self.parts)
            self.parts = None
        self.check_common(event)
        self.thresholds_before = self.reasons.mmap, self.reasons.trim
        self.reasons.add(event)
        if event["type"] == "snapshot":
            self.heap_of_map = None
        getattr(self, "on_" + event["type"], lambda _: None)(event)
        if event["type"] == "snapshot":
            self.block_reasons.look(self)

    def check_common(self, event):
        for holder in (event, event.get("cause", {})):
            if "stack_id" in holder and holder["stack_id"] not in self.stacks:
                self.error(event, f"stack {holder['stack_id']} was not defined before")

    def finish(self):
        """The image has ended, or the trace has."""
        self.check_looks()
        self.check_heaps()
        if self.exit:
            self.check_exit(self.exit)
        return self.errors

    def expected_heap(self, event):
        """malloc/malloc.c, systrim(): only what is free at the end goes back, if the trim threshold is reached."""
        regions = [region for region in self.map if region["kind"] == "heap"]
        if not regions or "heap" not in event or not self.process["thresholds"]:
            return None
        inside = {int(a, 16): b for a, b in self.blocks.items() if b["placement"] == "heap" and (self.map.at(int(a, 16)) or {"kind": ""})["kind"] == "heap"}
        heap = {"bytes": sum(region.size for region in regions), "blocks": len(inside),
                "used": sum(b["usable"] + self.reasons.word for b in inside.values())}
        if inside:
            addr = max(inside)
            behind = regions[-1].end - addr - inside[addr]["usable"]
            heap["last"] = {"addr": hex(addr), "size": inside[addr]["size"], "behind": behind}
            if "caller" in inside[addr]:
                heap["last"]["caller"] = inside[addr]["caller"]
            if behind < self.reasons.trim <= heap["bytes"] - heap["used"] - behind:
                heap["last"]["pins"] = True
        return heap

    def check_heaps(self):
        """Where the break cannot be moved, the main arena has memory by mmap instead."""
        mapped = Map(Region(e["after"]) for events in self.changes.values() for e in events if e["reason"]["code"] == "heap_by_mmap")
        for event, region in self.instead_of_heap:
            if not mapped.at(int(event["addr"], 16)) and not self.lost:
                self.error(event, f"{event['addr']} is said to be in the heap, its region is {region}")

    def on_exit(self, event):
        self.exit = event

    def on_stack(self, event):
        if event["id"] in self.own_stacks:
            self.error(event, f"stack {event['id']} is defined twice")
        self.own_stacks.add(event["id"])
        self.stacks.add(event["id"])

    def on_loss(self, event):
        self.losses += event["count"]

    # --- threads and children ---

    def on_unseen(self, event):
        self.unseen += event["count"]

    def on_unfollowed(self, event):
        self.unfollowed += 1

    def on_fatal(self, event):
        """What lies at the address is derived again, from the map and from what has been removed."""
        if "place" not in event:
            return
        address, place = int(event["addr"], 16), event["place"]
        here, distance, region = self.map.at(address), place.get("distance"), place.get("region")
        start, end = (int(region[edge], 16) for edge in ("start", "end")) if region else (0, 0)
        if place["is"] in ("region", "file end"):
            needed = {"read": "r", "write": "w", "execute": "x"}.get(event["access"], "?")
            holds = here is not None and here.start == start and distance == address - start
            holds = holds and (needed not in region["perms"] or event["signal"] == "SIGBUS")
        elif place["is"] == "removed":
            gone = self.by_seq_of_removal(region, address)
            holds = here is None and gone is not None and gone["t_ns"] == place["removed_ns"] and distance == address - start
        else:
            truth = {"null": address < 65536 and distance == address,
                     "stack limit": region and region["kind"] == "stack" and address < start
                     and distance == end - (address & ~4095) > event.get("stack_limit", 1 << 64),
                     "behind": address - end == distance < 65536, "below": start - address == distance <= 65536, "nowhere": True}
            holds = here is None and truth[place["is"]]
        if not holds:
            self.error(event, f"{event['addr']} is said to be {place}, the map has {here}")

    def by_seq_of_removal(self, region, address):
        """The last event that took this region away, or the part of it that the address was in."""
        found = None
        for event in self.by_seq.values():
            if event["type"] == "region" and event["before"] and event["before"]["start"] == region["start"]:
                after = event["after"]
                if not after or not int(after["start"], 16) <= address < int(after["end"], 16):
                    found = event
        return found

    def on_thread(self, event):
        if (event["event"] == "start") == (event["tid"] in self.threads):
            self.error(event, f"thread {event['tid']} {event['event']}s, but it was{'' if event['event'] == 'start' else ' not'} there")
        (self.threads.add if event["event"] == "start" else self.threads.discard)(event["tid"])
        if "start" in event.get("stack", {}):
            region = self.map.at(int(event["stack"]["address"], 16))
            if region is None or hex(region.start) != event["stack"]["start"] or hex(region.end) != event["stack"]["end"]:
                self.error(event, f"its stack {event['stack']} lies in {region}")

    def on_fork(self, event):
        if event["fork_id"] in self.forks:
            self.error(event, f"fork_id {event['fork_id']} was used before")
        self.forks[event["fork_id"]] = dict(self.blocks)

    # --- libraries ---

    def on_library(self, event):
        if event["change"] == "loaded" and "kernel" in event["cause"]:
            self.parts = event
        else:
            self.library = [event, len(event["regions"])]
        if event["bytes"] != sum(region["size"] for region in event["regions"]):
            self.error(event, f"{event['bytes']} bytes are not the sum of its regions")
        if event["name"] != event["path"].rpartition("/")[2]:
            self.error(event, f"{event['name']} is not the name of {event['path']}")
        if not any(region["path"] == event["path"] for region in event["regions"]):
            self.error(event, f"no region is of {event['path']}")

    def check_parts(self, event):
        """The changes of a library that was loaded call by call come to what its event says."""
        for region in map(Region, event["regions"]):
            there = self.map.at(region.start)
            if there is None or not (there.start <= region.start and region.end <= there.end) or there["path"] != region["path"]:
                self.error(event, f"{region} is not there, but {there}")

    def check_library(self, event):
        if self.parts:
            by_loader = self.by_seq.get(event["cause"].get("seq"), {}).get("within", {}).get("by_loader")
            if not by_loader or (event["after"] or event["before"])["path"] not in (self.parts["path"], ""):
                self.error(event, f"is not of {self.parts['name']}")
            return
        if not self.library:
            if "library" in event:
                self.error(event, f"belongs to {event['library']}, of which nothing has been told")
            return
        library = self.library[0]
        region = event["after"] or event["before"]
        expected = library["path"], "added" if library["change"] == "loaded" else "removed"
        if (event.get("library"), event["change"]) != expected or region not in library["regions"]:
            self.error(event, f"is not of {library['name']}, {self.library[1]} of whose regions have no event")
        self.library[1] -= 1
        if not self.library[1]:
            self.library = None

    # --- the map ---

    def on_snapshot(self, event):
        lo, hi = int(event["lo"], 16), int(event["hi"], 16)
        regions = [Region(region) for region in event["regions"]]
        for region, following in zip(regions, regions[1:]):
            if region.end > following.start:
                self.error(event, f"{region} and {following} overlap")
        for region in regions:
            if region.size != region["size"] or region.end <= lo or region.start >= hi:
                self.error(event, f"{region}: wrong size, or not in the window")
        if self.exact:
            self.size_before = self.map.size()
        where = self.map.overlapping(min([lo, *(r.start for r in regions)]), max([hi, *(r.end for r in regions)]))
        old = self.map.regions[where]
        if not event["whole"] and self.exact and event["last"]:  # one window is the whole look
            self.check_edges(event, old, regions, lo, hi)
        self.map.replace(where, self.keep_outside(old, regions, lo, hi))
        self.find_guests(old, regions)
        self.exact = event["last"]
        if not event["last"]:
            return
        if event["reason"] == "start" and not self.looks:
            self.told = Map(self.map)
            self.looks.append((None, 0, None))
        else:
            key = event["tid"], event["t_ns"]
            self.looks.append((key, self.size_before, self.map.identities()))
        if event["whole"]:
            self.kinds = Counter()
            for region in self.map:
                self.kinds[region["kind"]] += region.size

    def find_guests(self, old, regions):
        """A region of the kernel may hold several things: what is new in a region that was there before, and that the
        tool still knows as what it was."""
        same = {(region.start, region.end) for region in old}
        for region in regions:
            if region["kind"] in self.NO_HOSTS or (region.start, region.end) in same:
                continue
            before = [piece for piece in old if region.clipped(piece.start, piece.end)]
            if not any(piece["kind"] == region["kind"] for piece in before):
                continue
            ends = [region.start, *(piece.end for piece in before)]
            self.guests += zip(ends, [*(piece.start for piece in before), region.end])
        self.guests = [(lo, hi) for lo, hi in self.guests if lo < hi and self.map.at(lo)]

    def is_guest(self, address):
        return any(lo <= address < hi for lo, hi in self.guests)

    def on_kernel(self, event):
        """A guest that moves away is known as a part of the region that it comes from."""
        if event["call"] == "mremap" and "errno" not in event and self.is_guest(int(event["args"][0], 16)):
            start = int(event["result"], 16)
            self.guests.append((start, start + int(event["args"][2], 16)))

    @staticmethod
    def keep_outside(old, regions, lo, hi):
        """The regions of a window in the place of the old ones, of which only those outside it stay."""
        outside = Map(region for region in old if region.end <= lo or region.start >= hi)
        for region in regions:
            outside.paint(region)
        return outside.regions

    def check_edges(self, event, old, regions, lo, hi):
        """Outside its window a snapshot changes nothing."""
        for start, end in ((0, lo), (hi, 1 << 64)):
            before, after = coverage(old, start, end), coverage(regions, start, end)
            reach = [piece for piece in before if piece not in after]
            if reach and any(region.start < hi and region.end > lo for region in old if region.clipped(start, end)):
                self.error(event, f"outside of the window the map was {before}, is {after}")

    def on_region(self, event):
        cause, change = event["cause"], event["change"]
        self.check_library(event)
        region = event["after"] or event["before"]
        self.changes[event["tid"], event["t_ns"]].append(event)
        if region["owner"] == "program":
            self.owned["unexplained" if cause["call"] == "unattributed" else "explained"] += 1
        elif cause["call"] != "procmap-trace":
            self.error(event, f"the tracer's own memory changes by {cause['call']}")
        if (event["before"] is None) != (change == "added") or (event["after"] is None) != (change == "removed"):
            self.error(event, f"{change} with before {event['before']} and after {event['after']}")
        if ("parts" in event) != (change in ("split", "merged")):
            self.error(event, f"{change} {'with' if 'parts' in event else 'without'} parts")
        call = self.by_seq.get(cause.get("seq"), {})
        false = self.reasons.check(event, call if call.get("type") == "alloc" else None)
        if false and not self.lost:
            self.error(event, false)
        if "seq" in cause:
            allocator = cause["call"] in ALLOCATORS  # the other calls have no event but their system call's
            expected = ("alloc", cause["call"]) if allocator else ("kernel", cause.get("kernel"))
            if (call.get("type"), call.get("call")) != expected:
                self.error(event, f"cause.seq {cause['seq']} is {call.get('type')} {call.get('call')}, cause is {cause}")

    def check_looks(self):
        """The region events of each look at the map are exactly the difference between before and after."""
        pending = dict(self.changes)
        following = [look[0] for look in self.looks[1:]] + [None]
        size = None
        for (key, before, after), next_key in zip(self.looks, following):
            if key is None:
                continue
            size = before if size is None else size
            if key == next_key:  # two looks at the same time: their changes cannot be told apart
                continue
            changes = pending.pop(key, [])
            for change, text in apply_changes(self.told, changes):
                self.error(change, text)
            told, real = by_file(self.told.identities()), by_file(after)
            if told != real:
                first = changes[0] if changes else {"type": f"look at {key}"}
                told, real = set(told), set(real)
                self.error(first, f"after the region events the map has {sorted(told - real)}, really {sorted(real - told)}")
                self.told = Map(Region(dict(zip(IDENTITY, (hex(i[0]), hex(i[1]), *i[2:])))) for i in after)
            grown = sum(i[1] - i[0] for i in after) - size
            if grown != sum(change["delta"] for change in changes):
                self.error(changes[0] if changes else {"type": f"look at {key}"},
                           f"the deltas add up to {sum(c['delta'] for c in changes)}, the map grew by {grown}: "
                           + ", ".join(f"{c['change']} {c['delta']}" for c in changes))
            size = None
        for changes in pending.values():
            self.error(changes[0], "belongs to no snapshot of this time and thread")

    # --- the allocator ---

    def on_alloc(self, event):
        false = self.block_reasons.check(event, self)
        if false and self.exact and not self.lost:
            self.error(event, false)
        self.keep_account(event)
        self.check_account(event)

    def on_threshold(self, event):
        self.told_thresholds = event["mmap_threshold"], event["trim_threshold"]
        if self.told_thresholds != (self.reasons.mmap, self.reasons.trim):
            self.error(event, f"the thresholds are {self.reasons.mmap} and {self.reasons.trim}")

    def check_account(self, event):
        """What the event says of the heap is what all events before give. (The library alone does not say it.)"""
        if "live_bytes" not in event or self.lost:
            return
        if event["live_bytes"] != self.live_bytes:
            self.error(event, f"live_bytes is {event['live_bytes']}, the events give {self.live_bytes}")
        if self.told_thresholds not in (None, self.thresholds_before):
            self.error(event, f"the thresholds were {self.thresholds_before}, the last threshold event has {self.told_thresholds}")
        if event.get("mmap_threshold", 0) != self.thresholds_before[0]:
            self.error(event, f"mmap_threshold is {event['mmap_threshold']}, the events give {self.thresholds_before[0]}")
        if self.exact and event["heap_bytes"] != self.heap_bytes():
            self.error(event, f"heap_bytes is {event['heap_bytes']}, the map has {self.heap_bytes()}")

    def heap_bytes(self):
        if self.heap_of_map is None:
            self.heap_of_map = sum(region.size for region in self.map if region["kind"] == "heap")
        return self.heap_of_map

    def set_block(self, address, event=None):
        """The program has the block, or, without event, not any more."""
        old = self.blocks.pop(address, None)
        self.live_bytes -= old["size"] if old else 0
        if event:
            self.blocks[address] = event
            self.live_bytes += event["size"]

    def keep_account(self, event):
        address = event["addr"]
        if event["call"] == "free":
            if address is not None:
                self.frees += 1
            self.set_block(address)
            return
        old = self.blocks.get(event.get("old_addr"))
        released = address is not None or "errno" not in event
        if old and released and old["t_ns"] <= event["began_ns"]:
            self.set_block(event["old_addr"])
        if address is None:
            return
        self.calls += 1
        self.set_block(address, event)
        self.check_block(event)

    def check_block(self, event):
        """The block lies in the map, in a region that fits its placement."""
        region = self.map.at(int(event["addr"], 16)) if self.exact else None
        if region is None:
            if self.exact and not self.lost:
                self.error(event, f"{event['addr']} is not in the map")
            return
        kinds = {"heap": {"heap"}, "mmap": self.OF_MMAP, "arena": {"malloc_arena", "heap"}}
        guest = event["placement"] == "mmap" and self.is_guest(int(event["addr"], 16))
        if event["placement"] == "heap" and region["kind"] in self.OF_MMAP:
            self.instead_of_heap.append((event, region))
        elif region["kind"] not in kinds.get(event["placement"], {region["kind"]}) and not guest:
            self.error(event, f"{event['addr']} is said to be in {event['placement']}, its region is {region}")
        if event.get("usable", event["size"]) < event["size"]:
            self.error(event, f"{event['usable']} bytes usable of {event['size']}")

    # --- the end ---

    def check_exit(self, event):
        if "ledger" not in event:
            self.error(event, "has no ledger")
            return
        expected = {"changes": sum(self.owned.values()), "explained": self.owned["explained"],
                    "unexplained": self.owned["unexplained"], "lost": self.losses}
        if self.unseen:
            expected["unseen"] = self.unseen
        if self.unfollowed:
            expected["unfollowed"] = self.unfollowed
        if event["ledger"] != expected:
            self.error(event, f"ledger {event['ledger']}, the events give {expected}")
        if not self.lost and event["ledger"]["lost"]:
            self.error(event, f"{event['ledger']['lost']} events were lost")
        live = {"live": len(self.blocks), "live_bytes": sum(b["size"] for b in self.blocks.values())}
        expected = {"calls": self.calls, "frees": self.frees, **live}
        if event["allocations"] != expected:
            self.error(event, f"allocations {event['allocations']}, the events give {expected}")
        if event.get("heap") != self.expected_heap(event):
            self.error(event, f"heap {event.get('heap')}, the events give {self.expected_heap(event)}")
        totals = Counter()
        for region in self.map:
            totals[region["kind"]] += region.size
        said = {total["kind"]: total["bytes"] for total in event["totals"]}
        for kind, size in totals.items():
            if kind != "tracer" and said.get(kind) != size:
                self.error(event, f"total of {kind} is {said.get(kind)}, the map has {size}")


class Trace:
    """Goes through all events and gives each to the checker of its image."""

    def __init__(self, unexplained, lost):
        self.unexplained, self.lost = unexplained, lost
        self.errors = []
        self.images = {}
        self.last_time = defaultdict(int)

    def error(self, event, text):
        if len(self.errors) < 50:
            self.errors.append(f"seq {event.get('seq')}: {event.get('type')}: {text}")

    def check(self, events):
        if not events or events[0]["type"] != "process":
            return ["the first event is not a process event"]
        for number, event in enumerate(events, 1):
            if event["seq"] != number:
                self.error(event, f"is event number {number}")
            self.check_time(event)
            if event["type"] == "process":
                self.announce(event)
            if event["image"] in self.images:
                self.images[event["image"]].add(event)
            else:
                self.error(event, f"image {event['image']} was not announced by a process event")
        for checker in self.images.values():
            self.errors += checker.finish()
        self.check_ends(events)
        return self.errors

    def check_time(self, event):
        if event["type"] in ("region", "library"):  # those are delivered late, with the time of their snapshot
            return
        thread = event["image"], event["tid"]
        if event["t_ns"] < self.last_time[thread]:
            self.error(event, f"time {event['t_ns']} is before the last one of its thread")
        self.last_time[thread] = event["t_ns"]

    def announce(self, event):
        if event["image"] in self.images:
            return self.error(event, f"image {event['image']} is announced a second time")
        if event["image"] != len(self.images) + 1:
            self.error(event, f"image {event['image']} is the one after {len(self.images)}")
        checker = Checker(event, self.lost)
        checker.threads.add(event["pid"])  # the first thread has no start
        if event["origin"] == "fork":
            self.inherit(event, checker)
        elif event["origin"] == "exec":
            before = [image for image in self.images.values() if image.process["pid"] == event["pid"]]
            if before and (not before[-1].exit or before[-1].exit["end"] != "exec"):
                self.error(event, f"the image of process {event['pid']} that it replaces has not ended so")
        self.images[event["image"]] = checker
        return None

    def inherit(self, event, checker):
        """A child has the blocks of its parent when it forked, and its stacks."""
        parents = [image for image in self.images.values() if image.process["pid"] == event["ppid"]]
        if parents and event["fork_id"] == 0:  # a fork that nobody saw: what the parent has by then
            checker.stacks |= parents[-1].stacks
            checker.blocks = dict(parents[-1].blocks)
            checker.live_bytes = parents[-1].live_bytes
            checker.block_reasons.blocks = dict(checker.blocks)
            checker.reasons.inherit(parents[-1].reasons)
            return
        parents = [image for image in parents if event["fork_id"] in image.forks]
        if not parents:
            if not self.lost:
                self.error(event, f"process {event['ppid']} has no fork {event['fork_id']}")
            return
        checker.stacks |= parents[-1].stacks
        checker.reasons.inherit(parents[-1].reasons)
        checker.blocks = parents[-1].forks[event["fork_id"]]
        checker.block_reasons.blocks = dict(checker.blocks)
        checker.live_bytes = sum(block["size"] for block in checker.blocks.values())

    def check_ends(self, events):
        """Where the program has come to its end, each image has, and the last event is an exit."""
        ended = [checker for checker in self.images.values() if checker.exit]
        if ended and (len(ended) < len(self.images) or events[-1]["type"] != "exit"):
            living = [number for number, checker in self.images.items() if not checker.exit]
            self.error(events[-1], f"the trace ends here; images without an exit: {living}")
        if len(ended) < len(self.images):
            return
        found = sum(checker.exit["ledger"]["unexplained"] for checker in ended if "ledger" in checker.exit)
        allowed = self.unexplained if isinstance(self.unexplained, range) else (self.unexplained,)
        if found not in allowed:
            self.error(events[-1], f"{found} changes are unexplained, not {self.unexplained}")


def check_invariants(events, unexplained=0, lost=False):
    """Violations as a list of texts. `unexplained`: number of changes that are unattributed (or a range of such
    numbers), over all images; `lost`: whether events may be lost."""
    return Trace(unexplained, lost).check(events)
