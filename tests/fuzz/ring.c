/* Records in a ring, through the model and all views. The first byte is not used; each record gets
 * the stamp of its place, so that what is tried is what follows the ring's own check. */
#include "runner/ring/stream.h"
#include "tests/fuzz/views.h"

static uint32_t stamp(uint8_t *data, uint32_t size, uint32_t cookie)
{
    uint32_t at = 0;
    while (size - at >= sizeof(struct pmt_record)) {
        struct pmt_record *r = (struct pmt_record *)(data + at);
        uint32_t length = (uint32_t)r->units * PMT_RECORD_ALIGN;
        if (!length || length > size - at)
            break;
        r->stamp = at ^ cookie;
        at += length;
    }
    return at;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct model model;
    static struct clock clock;
    uint32_t images = 0;
    if (size < 1 || size > PMT_RING_CAPACITY / 2)
        return 0;
    int memory = memfd_create("ring", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    struct stream *stream = stream_new(1, &images, &clock, &model);
    clock_init(&clock);
    views_of(&model);
    if (ftruncate(memory, PMT_RING_HEADER_SIZE + PMT_RING_CAPACITY) != 0 ||
        ring_create(&stream->ring, memory, clock.kind, 0) != 0)
        abort();
    uint8_t *records = (uint8_t *)stream->ring.shared + PMT_RING_HEADER_SIZE;
    memcpy(records, data + 1, size - 1);
    stream->ring.shared->head = stamp(records, (uint32_t)size - 1, stream->ring.cookie);
    stream_end(stream, &(struct pmt_exit){.end = PMT_END_EXIT}, 1u << 30);
    model_close(&model);
    return 0;
}
