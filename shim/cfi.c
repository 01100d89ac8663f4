#include "cfi.h"
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <string.h>

#ifdef __i386__
enum { REGISTER_SP = 4, REGISTER_FP = 5, REGISTER_PC = 8 };
#else
enum { REGISTER_FP = 6, REGISTER_SP = 7, REGISTER_PC = 16 };
#endif

/* ---- bytes ---- */

struct reader {
    const uint8_t *at, *end;
    bool bad; /* something was to be read that is not there, or not known here */
};

static const uint8_t *take(struct reader *r, size_t size)
{
    static const uint8_t none[8];
    if (r->bad || (size_t)(r->end - r->at) < size) {
        r->bad = true;
        return none;
    }
    const uint8_t *at = r->at;
    r->at += size;
    return at;
}

static uint64_t number(struct reader *r, unsigned size)
{
    uint64_t value = 0;
    memcpy(&value, take(r, size), size);
    return value;
}

static int64_t signed_number(struct reader *r, unsigned size)
{
    unsigned unused = 64 - 8 * size;
    return (int64_t)(number(r, size) << unused) >> unused;
}

static uint64_t leb(struct reader *r, bool is_signed)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = (uint8_t)number(r, 1);
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte & 0x80)
            continue;
        if (is_signed && (byte & 0x40) && shift + 7 < 64)
            value |= ~0ull << (shift + 7);
        return value;
    }
    r->bad = true;
    return 0;
}

#define ULEB(r) leb(r, false)
#define SLEB(r) ((intptr_t)leb(r, true))

/* Pointer encodings: the form in the lower half, what it is relative to in the upper. */
enum { FORM = 0x0f, RELATIVE = 0x70, RELATIVE_PC = 0x10, INDIRECT = 0x80 };

static int64_t form(struct reader *r, uint8_t encoding)
{
    switch (encoding & FORM) {
    case 0x0:
        return (int64_t)number(r, sizeof(uintptr_t));
    case 0x1:
        return (int64_t)ULEB(r);
    case 0x2:
        return (int64_t)number(r, 2);
    case 0x3:
        return (int64_t)number(r, 4);
    case 0x4:
    case 0xc:
        return (int64_t)number(r, 8);
    case 0x9:
        return SLEB(r);
    case 0xa:
        return signed_number(r, 2);
    case 0xb:
        return signed_number(r, 4);
    }
    r->bad = true;
    return 0;
}

static uintptr_t pointer(struct reader *r, uint8_t encoding)
{
    uintptr_t here = (uintptr_t)r->at;
    uintptr_t value = (uintptr_t)form(r, encoding);
    if (encoding & INDIRECT || (encoding & RELATIVE && (encoding & RELATIVE) != RELATIVE_PC))
        r->bad = true;
    return encoding & RELATIVE ? here + value : value;
}

/* ---- expressions ---- */

/* A value on the stack of an expression; what `base` has no name for is CONSTANT. */
#define CONSTANT ((enum cfi_base)(CFI_CFA + 1))
#define DEPTH 8u
#define LONGEST_LEB 10

struct expression {
    struct reader r;
    uintptr_t pc; /* of the frame */
    struct cfi_value stack[DEPTH];
    unsigned count;
};

static void push(struct expression *e, enum cfi_base base, intptr_t offset)
{
    if (e->count == DEPTH) {
        e->r.bad = true;
        return;
    }
    e->stack[e->count++] = (struct cfi_value){base, false, offset};
}

static struct cfi_value pop(struct expression *e)
{
    static const struct cfi_value none = {.base = CONSTANT};
    if (e->count)
        return e->stack[--e->count];
    e->r.bad = true;
    return none;
}

static void push_register(struct expression *e, unsigned which)
{
    intptr_t offset = SLEB(&e->r);
    if (which == REGISTER_SP)
        push(e, CFI_SP, offset);
    else if (which == REGISTER_FP)
        push(e, CFI_FP, offset);
    else if (which == REGISTER_PC)
        push(e, CONSTANT, (intptr_t)e->pc + offset);
    else
        e->r.bad = true;
}

static void load(struct expression *e)
{
    struct cfi_value v = pop(e);
    if (v.loads || v.base == CONSTANT)
        e->r.bad = true;
    push(e, v.base, v.offset);
    if (e->count)
        e->stack[e->count - 1].loads = true;
}

enum { OP_AND = 0x1a, OP_MINUS = 0x1c, OP_PLUS = 0x22, OP_SHL = 0x24, OP_GE = 0x2a };

static void binary(struct expression *e, uint8_t op)
{
    struct cfi_value b = pop(e), a = pop(e);
    bool sum = op == OP_PLUS || op == OP_MINUS;
    if (op == OP_PLUS && a.base == CONSTANT) {
        struct cfi_value other = a;
        a = b;
        b = other;
    }
    if (a.loads || b.base != CONSTANT || (a.base != CONSTANT && !sum))
        e->r.bad = true;
    uintptr_t x = (uintptr_t)a.offset, y = (uintptr_t)b.offset;
    if (op == OP_PLUS)
        x += y;
    else if (op == OP_MINUS)
        x -= y;
    else if (op == OP_AND)
        x &= y;
    else if (op == OP_SHL)
        x = y < 8 * sizeof x ? x << y : 0;
    else
        x = (intptr_t)x >= (intptr_t)y;
    push(e, a.base, (intptr_t)x);
}

static void operation(struct expression *e, uint8_t op)
{
    if (op >= 0x30 && op <= 0x4f) /* DW_OP_lit0 ... */
        return push(e, CONSTANT, op - 0x30);
    if (op >= 0x70 && op <= 0x8f) /* DW_OP_breg0 ... */
        return push_register(e, op - 0x70u);
    switch (op) {
    case 0x06: /* DW_OP_deref */
        return load(e);
    case 0x08: /* DW_OP_const1u ... DW_OP_const4s */
    case 0x0a:
    case 0x0c:
        return push(e, CONSTANT, (intptr_t)number(&e->r, 1u << (op - 0x08) / 2));
    case 0x09:
    case 0x0b:
    case 0x0d:
        return push(e, CONSTANT, (intptr_t)signed_number(&e->r, 1u << (op - 0x09) / 2));
    case 0x10: /* DW_OP_constu, DW_OP_consts */
        return push(e, CONSTANT, (intptr_t)ULEB(&e->r));
    case 0x11:
        return push(e, CONSTANT, SLEB(&e->r));
    case 0x23: /* DW_OP_plus_uconst */
        push(e, CONSTANT, (intptr_t)ULEB(&e->r));
        return binary(e, OP_PLUS);
    case OP_AND:
    case OP_MINUS:
    case OP_PLUS:
    case OP_SHL:
    case OP_GE:
        return binary(e, op);
    }
    e->r.bad = true;
}

/* A block that was skipped by take(): its length and the operations. `cfa`: it begins with the CFA
 * on its stack. */
static bool evaluate(const uint8_t *block, uintptr_t pc, bool cfa, struct cfi_value *value)
{
    struct expression e = {.r = {.at = block, .end = block + LONGEST_LEB}, .pc = pc};
    size_t size = (size_t)ULEB(&e.r);
    e.r.end = e.r.at + size;
    if (cfa)
        push(&e, CFI_CFA, 0);
    while (!e.r.bad && e.r.at < e.r.end)
        operation(&e, (uint8_t)number(&e.r, 1));
    *value = pop(&e);
    return !e.r.bad && value->base != CONSTANT;
}

/* ---- the program of a frame ---- */

enum how {
    HOW_UNSAID,
    HOW_SAME,
    HOW_UNDEFINED,
    HOW_SAVED,
    HOW_VALUE,
    HOW_SAVED_BY,
    HOW_VALUE_BY,
    HOW_OTHER
};

struct saved {
    enum how how;
    intptr_t offset;      /* from the CFA */
    const uint8_t *block; /* HOW_..._BY: the expression */
};

struct row {
    unsigned reg;
    intptr_t offset;
    const uint8_t *block; /* not NULL: the CFA is this expression's value */
    struct saved pc, fp, other;
};

#define REMEMBERED 3u

struct program {
    struct reader r;
    uintptr_t at, address; /* where the row holds from, and the place that is asked for */
    uintptr_t code_unit;
    intptr_t data_unit;
    uint8_t encoding;
    struct row row, first; /* `first`: as the common part leaves it */
    struct row remembered[REMEMBERED];
    unsigned depth;
};

static struct saved *saved_of(struct row *row, uint64_t reg)
{
    return reg == REGISTER_FP ? &row->fp : reg == REGISTER_PC ? &row->pc : &row->other;
}

static void set(struct program *p, uint64_t reg, enum how how, intptr_t offset)
{
    *saved_of(&p->row, reg) = (struct saved){.how = how, .offset = offset};
}

static void set_block(struct program *p, enum how how)
{
    uint64_t reg = ULEB(&p->r);
    saved_of(&p->row, reg)->how = how;
    saved_of(&p->row, reg)->block = p->r.at;
    take(&p->r, (size_t)ULEB(&p->r));
}

static void remember(struct program *p)
{
    if (p->depth == REMEMBERED)
        p->r.bad = true;
    else
        p->remembered[p->depth++] = p->row;
}

static void restore_state(struct program *p)
{
    if (p->depth == 0)
        p->r.bad = true;
    else
        p->row = p->remembered[--p->depth];
}

static void define_cfa(struct program *p, bool reg, bool offset, intptr_t unit)
{
    if (reg)
        p->row.reg = (unsigned)ULEB(&p->r);
    if (offset)
        p->row.offset = unit == 1 ? (intptr_t)ULEB(&p->r) : SLEB(&p->r) * unit;
    p->row.block = NULL;
}

static void define_cfa_by_expression(struct program *p)
{
    p->row.block = p->r.at;
    take(&p->r, (size_t)ULEB(&p->r));
}

/* The instructions with the operand in their own byte. */
static void short_instruction(struct program *p, uint8_t op)
{
    uint8_t operand = op & 0x3f;
    if (op >> 6 == 1)
        p->at += operand * p->code_unit;
    else if (op >> 6 == 2)
        set(p, operand, HOW_SAVED, (intptr_t)ULEB(&p->r) * p->data_unit);
    else
        *saved_of(&p->row, operand) = *saved_of(&p->first, operand);
}

static void about_register(struct program *p, uint8_t op)
{
    uint64_t reg = ULEB(&p->r);
    switch (op) {
    case 0x05: /* DW_CFA_offset_extended */
        return set(p, reg, HOW_SAVED, (intptr_t)ULEB(&p->r) * p->data_unit);
    case 0x06: /* DW_CFA_restore_extended */
        *saved_of(&p->row, reg) = *saved_of(&p->first, reg);
        return;
    case 0x07: /* DW_CFA_undefined */
        return set(p, reg, HOW_UNDEFINED, 0);
    case 0x08: /* DW_CFA_same_value */
        return set(p, reg, HOW_SAME, 0);
    case 0x09: /* DW_CFA_register */
        ULEB(&p->r);
        return set(p, reg, HOW_OTHER, 0);
    case 0x11: /* DW_CFA_offset_extended_sf */
        return set(p, reg, HOW_SAVED, SLEB(&p->r) * p->data_unit);
    case 0x14: /* DW_CFA_val_offset */
        return set(p, reg, HOW_VALUE, (intptr_t)ULEB(&p->r) * p->data_unit);
    case 0x15: /* DW_CFA_val_offset_sf */
        return set(p, reg, HOW_VALUE, SLEB(&p->r) * p->data_unit);
    }
    p->r.bad = true;
}

static void instruction(struct program *p, uint8_t op)
{
    if (op >> 6)
        return short_instruction(p, op);
    switch (op) {
    case 0x00: /* DW_CFA_nop */
        return;
    case 0x01: /* DW_CFA_set_loc */
        p->at = pointer(&p->r, p->encoding);
        return;
    case 0x02: /* DW_CFA_advance_loc1, 2, 4 */
    case 0x03:
    case 0x04:
        p->at += (uintptr_t)number(&p->r, 1u << (op - 0x02)) * p->code_unit;
        return;
    case 0x0a: /* DW_CFA_remember_state */
        return remember(p);
    case 0x0b: /* DW_CFA_restore_state */
        return restore_state(p);
    case 0x0c: /* DW_CFA_def_cfa, _register, _offset, _expression */
        return define_cfa(p, true, true, 1);
    case 0x0d:
        return define_cfa(p, true, false, 1);
    case 0x0e:
        return define_cfa(p, false, true, 1);
    case 0x0f:
        return define_cfa_by_expression(p);
    case 0x10: /* DW_CFA_expression */
        return set_block(p, HOW_SAVED_BY);
    case 0x12: /* DW_CFA_def_cfa_sf, _offset_sf */
        return define_cfa(p, true, true, p->data_unit);
    case 0x13:
        return define_cfa(p, false, true, p->data_unit);
    case 0x16: /* DW_CFA_val_expression */
        return set_block(p, HOW_VALUE_BY);
    case 0x2e: /* DW_CFA_GNU_args_size */
        ULEB(&p->r);
        return;
    }
    about_register(p, op);
}

static bool run(struct program *p)
{
    while (!p->r.bad && p->r.at < p->r.end) {
        struct row before = p->row;
        uint8_t op = (uint8_t)number(&p->r, 1);
        instruction(p, op);
        if (p->at > p->address) {
            p->row = before;
            break;
        }
    }
    return !p->r.bad;
}

/* ---- the tables ---- */

struct common { /* a CIE */
    uintptr_t code_unit;
    intptr_t data_unit;
    uint8_t encoding; /* of addresses in the FDE */
    bool augmented, signal;
    struct reader instructions;
};

/* The bytes of an entry behind its length. */
static struct reader entry_at(const struct cfi_object *o, uintptr_t at)
{
    struct reader r = {.at = (const uint8_t *)at, .end = (const uint8_t *)o->high};
    r.bad = at < o->low || at >= o->high;
    uint32_t length = (uint32_t)number(&r, 4);
    if (r.bad || length >= 0xfffffff0u || length > (size_t)(r.end - r.at))
        r.bad = true;
    else
        r.end = r.at + length;
    return r;
}

static void augmentation(struct common *c, struct reader *r, const char *text)
{
    size_t size = (size_t)ULEB(r);
    const uint8_t *end = take(r, size) + size;
    struct reader data = {.at = end - size, .end = end, .bad = r->bad};
    for (; *text && !data.bad; text++) {
        if (*text == 'R')
            c->encoding = (uint8_t)number(&data, 1);
        else if (*text == 'L')
            number(&data, 1);
        else if (*text == 'P')
            form(&data, (uint8_t)number(&data, 1));
        else if (*text == 'S')
            c->signal = true;
        else
            data.bad = true;
    }
    r->bad |= data.bad;
}

static bool read_common(const struct cfi_object *o, uintptr_t at, struct common *c)
{
    struct reader r = entry_at(o, at);
    bool is_common = number(&r, 4) == 0;
    uint8_t version = (uint8_t)number(&r, 1);
    const char *text = (const char *)r.at;
    while (number(&r, 1) && !r.bad)
        ;
    if (r.bad || !is_common || (version != 1 && version != 3) || (*text && *text != 'z'))
        return false;
    *c = (struct common){.augmented = *text == 'z'};
    c->code_unit = (uintptr_t)ULEB(&r);
    c->data_unit = SLEB(&r);
    uint64_t pc = version == 1 ? number(&r, 1) : ULEB(&r);
    if (c->augmented)
        augmentation(c, &r, text + 1);
    c->instructions = r;
    return !r.bad && pc == REGISTER_PC;
}

/* .eh_frame_hdr as linkers write it: places and their FDEs, as distances from the header. */
enum { HEADER_SIZE = 12, POINTER_IN_HEADER = 0x1b, COUNT_IN_HEADER = 0x03, PAIRS_IN_HEADER = 0x3b };

struct pair {
    int32_t place, entry;
};

static enum cfi_result find_entry(const struct cfi_object *o, uintptr_t address, uintptr_t *entry)
{
    const uint8_t *h = o->header;
    if ((uintptr_t)h < o->low || o->high - (uintptr_t)h < HEADER_SIZE || (uintptr_t)h >= o->high)
        return CFI_OTHER;
    if (h[0] != 1 || h[1] != POINTER_IN_HEADER || h[2] != COUNT_IN_HEADER ||
        h[3] != PAIRS_IN_HEADER)
        return CFI_OTHER;
    uint32_t below = 0, above;
    memcpy(&above, h + 8, sizeof above);
    if (above > (o->high - (uintptr_t)h - HEADER_SIZE) / sizeof(struct pair))
        return CFI_OTHER;
    intptr_t wanted = (intptr_t)(address - (uintptr_t)h);
    struct pair pair = {.entry = 0};
    while (below < above) { /* the first that lies behind it */
        uint32_t middle = below + (above - below) / 2;
        memcpy(&pair, h + HEADER_SIZE + middle * sizeof pair, sizeof pair);
        if (pair.place <= wanted)
            below = middle + 1;
        else
            above = middle;
    }
    if (below == 0)
        return CFI_NONE;
    memcpy(&pair, h + HEADER_SIZE + (below - 1) * sizeof pair, sizeof pair);
    *entry = (uintptr_t)h + (uintptr_t)(intptr_t)pair.entry;
    return CFI_RULE;
}

static bool value_of(const struct saved *s, uintptr_t pc, struct cfi_value *value)
{
    switch (s->how) {
    case HOW_SAVED:
    case HOW_VALUE:
        *value = (struct cfi_value){CFI_CFA, s->how == HOW_SAVED, s->offset};
        return true;
    case HOW_VALUE_BY:
        return evaluate(s->block, pc, true, value);
    case HOW_SAVED_BY:
        if (!evaluate(s->block, pc, true, value) || value->loads)
            return false;
        value->loads = true;
        return true;
    default:
        return false;
    }
}

static enum cfi_result rule_of(const struct row *row, uintptr_t pc, struct cfi_rule *rule)
{
    bool known = true;
    if (row->pc.how == HOW_UNDEFINED)
        return CFI_END;
    if (row->block)
        known = evaluate(row->block, pc, false, &rule->cfa);
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
    struct reader r = entry_at(o, entry);
    uintptr_t here = (uintptr_t)r.at, distance = (uintptr_t)number(&r, 4);
    if (r.bad || distance == 0 || !read_common(o, here - distance, &c))
        return CFI_OTHER;
    uintptr_t begin = pointer(&r, c.encoding), size = (uintptr_t)form(&r, c.encoding & FORM);
    if (r.bad)
        return CFI_OTHER;
    if (address - begin >= size)
        return CFI_NONE;
    if (c.augmented)
        take(&r, (size_t)ULEB(&r));
    struct program p = {.r = c.instructions, .at = begin, .address = address};
    p.code_unit = c.code_unit;
    p.data_unit = c.data_unit;
    p.encoding = c.encoding;
    if (!run(&p))
        return CFI_OTHER;
    p.first = p.row;
    p.r = r;
    if (!run(&p))
        return CFI_OTHER;
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
    find_object = dlsym(RTLD_DEFAULT, "_dl_find_object");
    iterate = dlsym(RTLD_DEFAULT, "dl_iterate_phdr");
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

enum cfi_result cfi_find(uintptr_t address, bool may_wait, struct cfi_rule *rule)
{
    struct search search = {.address = address};
    struct found_object found;
    if (find_object) {
        if (find_object((void *)address, &found) != 0)
            return CFI_NONE;
        search.object =
            (struct cfi_object){found.header, (uintptr_t)found.low, (uintptr_t)found.high};
    } else if (!iterate || !may_wait) {
        return CFI_OTHER;
    } else if (!iterate(look_at, &search)) {
        return CFI_NONE;
    }
    return cfi_read(&search.object, address, rule);
}
