#include "runner/ptrace/where_values.h"
#include "runner/ptrace/mem.h"
#include "runner/ptrace/ptracer.h"
#include <asm/ldt.h>
#include <string.h>

/* System V ABI, "DWARF Register Number Mapping", of x86-64 (figure 3.36) and i386 (table 2.14). */
static bool register_value(const struct user_regs_struct *r, bool is64, unsigned number,
                           uint64_t *value)
{
    const unsigned long long of64[] = {r->rax, r->rdx, r->rcx, r->rbx, r->rsi, r->rdi,
                                       r->rbp, r->rsp, r->r8,  r->r9,  r->r10, r->r11,
                                       r->r12, r->r13, r->r14, r->r15};
    const unsigned long long of32[] = {r->rax, r->rcx, r->rdx, r->rbx,
                                       r->rsp, r->rbp, r->rsi, r->rdi};
    if (number >= (is64 ? sizeof of64 : sizeof of32) / sizeof *of64)
        return false;
    *value = is64 ? of64[number] : (uint32_t)of32[number];
    return true;
}

/* On i386 it is the base of the segment in gs, an entry of the thread's own table. */
static uint64_t thread_pointer(const struct tracee *thread, const struct user_regs_struct *regs)
{
    struct user_desc entry;
    if (thread->process->space->word_size == 8)
        return regs->fs_base;
    if (ptracer_ask(PTRACE_GET_THREAD_AREA, thread->tid, regs->gs >> 3, (uintptr_t)&entry) < 0)
        return 0;
    return entry.base_addr;
}

uint64_t where_address(const struct tracee *thread, const struct inventory_place *place,
                       const struct where_frame *frame)
{
    const unsigned word = thread->process->space->word_size;
    uint64_t base = 0;
    switch ((enum inventory_way)place->way) {
    case INVENTORY_ADDRESS:
        base = frame->bias;
        break;
    case INVENTORY_MEMORY:
        if (!register_value(&frame->regs, word == 8, place->reg, &base))
            return 0;
        break;
    case INVENTORY_FRAME:
        base = frame->cfa;
        break;
    case INVENTORY_THREAD:
        base = thread_pointer(thread, &frame->regs);
        break;
    default:
        return 0;
    }
    if (!base && place->way != INVENTORY_ADDRESS)
        return 0;
    base += (uint64_t)place->offset;
    if (place->deref)
        base = mem_read_word(thread->tid, base, word) + (uint64_t)place->then;
    else
        base += (uint64_t)place->then;
    return word == 8 ? base : (uint32_t)base;
}

static uint64_t extended(uint64_t bits, const struct inventory_item *item)
{
    unsigned unused = 64 - 8 * (unsigned)(item->size < 8 ? item->size : 8);
    if (unused == 64)
        return 0;
    if (item->value_is == PMT_VALUE_SIGNED)
        return (uint64_t)((int64_t)(bits << unused) >> unused);
    return bits << unused >> unused;
}

static uint64_t of_real(uint64_t bits, uint64_t size)
{
    double real;
    float single;
    memcpy(&single, &bits, sizeof single);
    memcpy(&real, &bits, sizeof real);
    if (size == sizeof single)
        real = single;
    memcpy(&bits, &real, sizeof bits);
    return bits;
}

static void set_value(const struct inventory_item *item, uint64_t bits, enum pmt_variable_time time,
                      struct where_spot *spot)
{
    spot->value_is = item->value_is;
    spot->value =
        item->value_is == PMT_VALUE_REAL ? of_real(bits, item->size) : extended(bits, item);
    spot->time = (uint8_t)time;
}

struct where_spot where_find(const struct tracee *thread, const struct inventory_item *item,
                             const struct where_frame *frame)
{
    struct where_spot spot = {.place = PMT_PLACE_UNKNOWN};
    uint64_t bits;
    const bool is64 = thread->process->space->word_size == 8;
    switch ((enum inventory_way)item->place.way) {
    case INVENTORY_REGISTER:
        spot.place = PMT_PLACE_REGISTER;
        if (item->value_is && item->value_is != PMT_VALUE_REAL &&
            register_value(&frame->regs, is64, item->place.reg, &bits))
            set_value(item, bits, PMT_TIME_CALL, &spot);
        break;
    case INVENTORY_CONSTANT:
        spot.place = PMT_PLACE_CONSTANT;
        if (item->value_is && item->value_is != PMT_VALUE_REAL)
            set_value(item, (uint64_t)item->place.offset, PMT_TIME_CALL, &spot);
        break;
    case INVENTORY_OPTIMIZED_OUT:
        spot.place = PMT_PLACE_OPTIMIZED_OUT;
        break;
    case INVENTORY_THREAD:
        spot.place = PMT_PLACE_THREAD;
        spot.addr = where_address(thread, &item->place, frame);
        break;
    case INVENTORY_UNKNOWN:
        break;
    default:
        spot.addr = where_address(thread, &item->place, frame);
        spot.place = spot.addr ? PMT_PLACE_MEMORY : PMT_PLACE_UNKNOWN;
    }
    return spot;
}

/* What is printable at the begin; nothing where that does not end as a text does. */
static void read_text(const struct tracee *thread, uint64_t address, uint64_t size,
                      struct where_spot *spot)
{
    char text[PMT_VARIABLE_TEXT_MAX];
    size_t most = size < sizeof text ? size : sizeof text;
    size_t got = mem_read_some(thread->tid, address, text, most), length = 0;
    while (length < got && (unsigned char)text[length] >= ' ' && text[length] != 0x7f)
        length++;
    bool ends = length == sizeof text || length == size || (length < got && !text[length]);
    spot->text_size = ends ? (uint8_t)length : 0;
    memcpy(spot->text, text, spot->text_size);
}

void where_read(const struct tracee *thread, const struct inventory_item *item,
                enum pmt_variable_time time, struct where_spot *spot)
{
    uint64_t bits = 0;
    if (!spot->addr || !item->value_is)
        return;
    if (item->value_is == PMT_VALUE_TEXT) {
        spot->value_is = PMT_VALUE_TEXT;
        spot->time = (uint8_t)time;
        return read_text(thread, spot->addr, item->size, spot);
    }
    if (!mem_read(thread->tid, spot->addr, &bits, item->size < 8 ? item->size : 8))
        return;
    set_value(item, bits, time, spot);
    if (item->of_text && spot->value)
        read_text(thread, spot->value, UINT64_MAX, spot);
}
