#include "runner/ptrace/step.h"
#include "runner/ptrace/mem.h"
#include <signal.h>
#include <sys/wait.h>

int step_over(const struct ptracer *t, const struct tracee *thread, uint64_t address, uint8_t code,
              int *instead)
{
    static const uint8_t trap = BREAKPOINTS_INT3;
    int status, signal = 0;
    mem_write_code(thread->tid, address, &code, 1);
    for (;;) {
        if (ptracer_ask(PTRACE_SINGLESTEP, thread->tid, 0, 0) < 0 ||
            !ptracer_wait_for(t, thread->tid, &status))
            return -1;
        bool ends = !WIFSTOPPED(status) || (status >> 16) == PTRACE_EVENT_EXIT;
        if (ends) {
            if ((status >> 16) == PTRACE_EVENT_EXIT && thread->process->threads > 1)
                mem_write_code(thread->tid, address, &trap, 1);
            *instead = status;
            return -1;
        }
        if ((status >> 16) == 0 && WSTOPSIG(status) == SIGTRAP)
            break;
        if ((status >> 16) == 0)
            signal = WSTOPSIG(status);
    }
    mem_write_code(thread->tid, address, &trap, 1);
    return signal;
}
