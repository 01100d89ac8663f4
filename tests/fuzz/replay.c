/* A recorded trace, through the model and all views. */
#include "runner/replay/replay.h"
#include "tests/fuzz/views.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct model model;
    struct event event;
    char path[32], why[512];
    int fd = fuzz_file(data, size, path);
    struct replay *replay = replay_open(path, why, sizeof why);
    views_of(&model);
    while (replay_next(replay, &event) > 0)
        if (!model_event(&model, &event))
            replay_refuse(replay, "damaged");
    model_close(&model);
    replay_close(replay);
    close(fd);
    return 0;
}
