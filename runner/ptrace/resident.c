#include "runner/ptrace/resident.h"
#include "runner/base/memory.h"
#include "runner/base/text.h"
#include "runner/ptrace/proc.h"
#include <inttypes.h>
#include <stdlib.h>

#define SMAPS_MOST (64u << 20)
#define REGIONS_MOST                                                                               \
    ((PMT_RECORD_MAX - sizeof(struct pmt_resident) - PMT_LABEL_MAX - PMT_RECORD_ALIGN) /           \
     sizeof(struct pmt_resident_region))

/* "Rss:                  4 kB" */
static bool is_size(const char *line, const char *name, uint64_t *bytes)
{
    size_t length = strlen(name);
    if (strncmp(line, name, length) != 0 || line[length] != ':')
        return false;
    *bytes = strtoull(line + length + 1, NULL, 10) << 10;
    return true;
}

/* proc(5): a line of the map, and lines "Name: value" of it. */
static uint32_t read_regions(const char *smaps, struct pmt_resident_region *out)
{
    uint32_t count = 0;
    const char *next = smaps;
    for (const char *line = smaps; line && *line; line = next) {
        uint64_t start, end;
        next = strchr(line, '\n');
        next = next ? next + 1 : NULL;
        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " ", &start, &end) == 2) {
            if (count == REGIONS_MOST)
                break;
            out[count++] = (struct pmt_resident_region){.start = start, .end = end};
        } else if (count && !is_size(line, "Rss", &out[count - 1].resident)) {
            is_size(line, "Swap", &out[count - 1].swapped);
        }
    }
    return count;
}

void resident_record(struct recorder *r, const struct tracee *thread, enum pmt_moment moment,
                     const char *label)
{
    size_t size;
    char *smaps = proc_read(thread->process->pid, "smaps", SMAPS_MOST, &size);
    uint32_t label_size = (uint32_t)strnlen(label, PMT_LABEL_MAX);
    struct pmt_resident *out =
        recorder_begin(r, PMT_RECORD_MAX, PMT_RECORD_RESIDENT, (uint8_t)moment, thread->tid, 0);
    struct pmt_resident_region *regions = (struct pmt_resident_region *)(out + 1);
    out->regions = read_regions(smaps, regions);
    out->label_size = label_size;
    char *at = (char *)(regions + out->regions);
    memset(at, 0, label_size + PMT_RECORD_ALIGN);
    memcpy(at, label, label_size);
    uint32_t used = (uint32_t)(at - (char *)out) + label_size;
    out->r.units = (uint16_t)(pmt_align(used) / PMT_RECORD_ALIGN);
    if (out->regions)
        recorder_send(r, thread->process->space, 0);
    memory_put(smaps);
}
