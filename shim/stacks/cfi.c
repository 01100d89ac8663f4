#include "shim/stacks/cfi.h"
#include "shim/base/library.h"
#include "shim/stacks/cfi_bytes.h"
#include "shim/stacks/cfi_program.h"
#include <elf.h>
#include <link.h>
#include <string.h>

/* ---- the tables ---- */

struct common { /* a CIE */
    uintptr_t code_unit;
    intptr_t data_unit;
    uint8_t encoding; /* of addresses in the FDE */
    bool augmented, signal;
    struct cfi_reader instructions;
};

/* The bytes of an entry behind its length. */
static struct cfi_reader entry_at(const struct cfi_object *o, uintptr_t at)
{
    struct cfi_reader r = {.at = (const uint8_t *)at, .end = (const uint8_t *)o->high};
    r.bad = at < o->low || at >= o->high;
    uint32_t length = (uint32_t)cfi_number(&r, 4);
    if (r.bad || length >= 0xfffffff0u || length > (size_t)(r.end - r.at))
        r.bad = true;
    else
        r.end = r.at + length;
    return r;
}

static void augmentation(struct common *c, struct cfi_reader *r, const char *text)
{
    size_t size = (size_t)ULEB(r);
    const uint8_t *end = cfi_take(r, size) + size;
    struct cfi_reader data = {.at = end - size, .end = end, .bad = r->bad};
    for (; *text && !data.bad; text++) {
        if (*text == 'R')
            c->encoding = (uint8_t)cfi_number(&data, 1);
        else if (*text == 'L')
            cfi_number(&data, 1);
        else if (*text == 'P')
            cfi_form(&data, (uint8_t)cfi_number(&data, 1));
        else if (*text == 'S')
            c->signal = true;
        else
            data.bad = true;
    }
    r->bad |= data.bad;
}

static bool read_common(const struct cfi_object *o, uintptr_t at, struct common *c)
{
    struct cfi_reader r = entry_at(o, at);
    bool is_common = cfi_number(&r, 4) == 0;
    uint8_t version = (uint8_t)cfi_number(&r, 1);
    const char *text = (const char *)r.at;
    while (cfi_number(&r, 1) && !r.bad)
        ;
    if (r.bad || !is_common || (version != 1 && version != 3) || (*text && *text != 'z'))
        return false;
    *c = (struct common){.augmented = *text == 'z'};
    c->code_unit = (uintptr_t)ULEB(&r);
    c->data_unit = SLEB(&r);
    uint64_t pc = version == 1 ? cfi_number(&r, 1) : ULEB(&r);
    if (c->augmented)
        augmentation(c, &r, text + 1);
    c->instructions = r;
    return !r.bad && pc == REGISTER_PC;
}

/* .eh_frame_hdr as linkers write it: the version (1), the forms of the pointer to .eh_frame (0x1b),
 * of the count (0x03) and of the pairs (0x3b); these two; then pairs: places and their FDEs, as
 * distances from the header. */
enum { HEADER_SIZE = 12, FORMS_OF_HEADER = 0x3b031b01, PAIR_SIZE = 8 };
enum number { PLACE = 0, ENTRY = 4 };

static intptr_t number_of(struct cfi_reader *r, const uint8_t *pairs, uint32_t index,
                          enum number number)
{
    r->at = pairs + (size_t)index * PAIR_SIZE + number;
    return (intptr_t)cfi_signed(r, 4);
}

static enum cfi_result find_entry(const struct cfi_object *o, uintptr_t address, uintptr_t *entry)
{
    struct cfi_reader r = {.at = o->header, .end = (const uint8_t *)o->high};
    const uint8_t *pairs = o->header + HEADER_SIZE;
    r.bad = (uintptr_t)r.at < o->low || (uintptr_t)r.at >= o->high;
    uint32_t forms = (uint32_t)cfi_number(&r, 4);
    cfi_take(&r, 4);
    uint32_t below = 0, above = (uint32_t)cfi_number(&r, 4);
    if (r.bad || forms != FORMS_OF_HEADER || above > (size_t)(r.end - pairs) / PAIR_SIZE)
        return CFI_BROKEN;
    intptr_t wanted = (intptr_t)(address - (uintptr_t)o->header);
    while (below < above && !r.bad) { /* the first that lies behind it */
        uint32_t middle = below + (above - below) / 2;
        if (number_of(&r, pairs, middle, PLACE) <= wanted)
            below = middle + 1;
        else
            above = middle;
    }
    if (below == 0 && !r.bad)
        return CFI_NONE;
    *entry = (uintptr_t)o->header + (uintptr_t)number_of(&r, pairs, below - 1, ENTRY);
    return r.bad ? CFI_BROKEN : CFI_RULE;
}

static bool value_of(const struct cfi_saved *s, uintptr_t pc, struct cfi_value *value)
{
    switch (s->how) {
    case HOW_SAVED:
    case HOW_VALUE:
        *value = (struct cfi_value){CFI_CFA, s->how == HOW_SAVED, s->offset};
        return true;
    case HOW_VALUE_BY:
        return cfi_evaluate(s->block, pc, true, value);
    case HOW_SAVED_BY:
        if (!cfi_evaluate(s->block, pc, true, value) || value->loads)
            return false;
        value->loads = true;
        return true;
    default:
        return false;
    }
}

static enum cfi_result rule_of(const struct cfi_row *row, uintptr_t pc, struct cfi_rule *rule)
{
    bool known = true;
    if (row->pc.how == HOW_UNDEFINED)
        return CFI_END;
    if (row->block)
        known = cfi_evaluate(row->block, pc, false, &rule->cfa);
    else
        rule->cfa =
            (struct cfi_value){row->reg == REGISTER_FP ? CFI_FP : CFI_SP, false, row->offset};
    if (!row->block && row->reg != REGISTER_FP && row->reg != REGISTER_SP)
        known = false;
    if (row->fp.how == HOW_UNSAID || row->fp.how == HOW_SAME)
        rule->fp = (struct cfi_value){CFI_FP, false, 0};
    else if (row->fp.how == HOW_UNDEFINED)
        rule->fp = (struct cfi_value){CFI_FP, false, 0}; /* whoever needs it has saved it */
    else
        known = known && value_of(&row->fp, pc, &rule->fp);
    return known && value_of(&row->pc, pc, &rule->pc) ? CFI_RULE : CFI_OTHER;
}

enum cfi_result cfi_read(const struct cfi_object *o, uintptr_t address, struct cfi_rule *rule)
{
    uintptr_t entry = 0;
    struct common c;
    enum cfi_result found = o->header ? find_entry(o, address, &entry) : CFI_NONE;
    if (found != CFI_RULE)
        return found;
    struct cfi_reader r = entry_at(o, entry);
    uintptr_t here = (uintptr_t)r.at, distance = (uintptr_t)cfi_number(&r, 4);
    if (r.bad || distance == 0 || !read_common(o, here - distance, &c))
        return CFI_BROKEN;
    uintptr_t begin = cfi_pointer(&r, c.encoding),
              size = (uintptr_t)cfi_form(&r, c.encoding & FORM);
    if (r.bad)
        return CFI_BROKEN;
    if (address - begin >= size)
        return CFI_NONE;
    if (c.augmented)
        cfi_take(&r, (size_t)ULEB(&r));
    struct cfi_program p = {.r = c.instructions, .at = begin, .address = address};
    p.code_unit = c.code_unit;
    p.data_unit = c.data_unit;
    p.encoding = c.encoding;
    if (!cfi_run(&p))
        return CFI_BROKEN;
    p.first = p.row;
    p.r = r;
    if (!cfi_run(&p))
        return CFI_BROKEN;
    rule->signal = c.signal;
    return rule_of(&p.row, address, rule);
}

/* ---- objects ---- */

/* dlfcn.h of glibc 2.35 and later: struct dl_find_object, as far as it is the same everywhere. */
struct found_object {
    unsigned long long flags;
    void *low, *high;
    struct link_map *map;
    void *header; /* PT_GNU_EH_FRAME */
    unsigned long long rest[16];
};

static int (*find_object)(void *address, struct found_object *result); /* waits for no lock */
static int (*iterate)(int (*)(struct dl_phdr_info *, size_t, void *), void *);

void cfi_init(void)
{
    find_object = library_system("_dl_find_object");
    iterate = library_system("dl_iterate_phdr");
}

struct search {
    uintptr_t address;
    struct cfi_object object;
};

static int look_at(struct dl_phdr_info *info, size_t size, void *arg)
{
    struct search *s = arg;
    uintptr_t low = UINTPTR_MAX, high = 0, header = 0;
    (void)size;
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        uintptr_t start = info->dlpi_addr + p->p_vaddr, end = start + p->p_memsz;
        if (p->p_type == PT_GNU_EH_FRAME)
            header = start;
        if (p->p_type != PT_LOAD)
            continue;
        low = start < low ? start : low;
        high = end > high ? end : high;
    }
    if (s->address < low || s->address >= high)
        return 0;
    s->object = (struct cfi_object){(const uint8_t *)header, low, high};
    return 1;
}

/* Of an object with gaps between its segments the system names the one that the address is in: the
 * tables are in another. */
static bool find_tables(uintptr_t address, struct cfi_object *object)
{
    struct found_object found;
    if (find_object((void *)address, &found) != 0)
        return false;
    const void *header = found.header;
    if (header && (header < found.low || header >= found.high) &&
        find_object((void *)header, &found) != 0)
        return false;
    *object = (struct cfi_object){header, (uintptr_t)found.low, (uintptr_t)found.high};
    return true;
}

enum cfi_result cfi_find(uintptr_t address, bool may_wait, struct cfi_rule *rule)
{
    struct search search = {.address = address};
    if (find_object) {
        if (!find_tables(address, &search.object))
            return CFI_NONE;
    } else if (!iterate || !may_wait) {
        return CFI_OTHER;
    } else if (!iterate(look_at, &search)) {
        return CFI_NONE;
    }
    return cfi_read(&search.object, address, rule);
}
