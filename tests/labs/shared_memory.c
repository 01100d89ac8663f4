/*
 * shared_memory: three ways to memory that several processes share.
 *
 *   1. mmap(MAP_SHARED | MAP_ANONYMOUS): for a process and its children
 *   2. shm_open + mmap: POSIX, with a name, for any process
 *   3. shmget + shmat: System V, with a key, for any process
 *
 * Each makes a region with an s in the permissions. Link with -lrt where the C library is old
 * (glibc < 2.34).
 */
#include <fcntl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/wait.h>

#include "lab.h"

static void anonymous(size_t length)
{
    int *number = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    printf("@ mmap %zu %p line %d\n", length, (void *)number, __LINE__ - 1);
    check(number != MAP_FAILED, "mmap");

    fflush(stdout); /* else the child has a copy of our buffered text */
    pid_t child = fork();
    check(child >= 0, "fork");
    if (child == 0) {
        *number = 42; /* the child writes ... */
        _exit(0);
    }
    waitpid(child, NULL, 0);
    printf("the child left us %d\n", *number); /* ... and the parent reads */

    check(munmap(number, length) == 0, "munmap");
    printf("@ munmap %p %zu line %d\n", (void *)number, length, __LINE__ - 1);
}

static void posix(size_t length)
{
    char name[40];

    snprintf(name, sizeof name, "/lab-shared-memory-%d", (int)getpid());
    int object = shm_open(name, O_CREAT | O_EXCL | O_RDWR, 0600);
    if (object < 0) {
        perror("shm_open, left out");
        return;
    }
    shm_unlink(
        name); /* the object lives on as long as it is open or mapped; the map says (deleted) */
    check(ftruncate(object, (off_t)length) == 0, "ftruncate");

    int *number = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, object, 0);
    printf("@ mmap %zu %p line %d\n", length, (void *)number, __LINE__ - 1);
    check(number != MAP_FAILED, "mmap");
    close(object);
    *number = 1;

    check(munmap(number, length) == 0, "munmap");
    printf("@ munmap %p %zu line %d\n", (void *)number, length, __LINE__ - 1);
}

static void system_v(size_t length)
{
    int segment = shmget(IPC_PRIVATE, length, IPC_CREAT | 0600);
    if (segment < 0) {
        perror("shmget, left out");
        return;
    }
    int *number = shmat(segment, NULL, 0);
    printf("@ shmat %zu %p line %d\n", length, (void *)number, __LINE__ - 1);
    shmctl(segment, IPC_RMID, NULL); /* goes away with the last process that has it attached */
    check(number != (void *)-1, "shmat");
    *number = 1;

    check(shmdt(number) == 0, "shmdt");
    printf("@ shmdt %p line %d\n", (void *)number, __LINE__ - 1);
}

int main(void)
{
    anonymous(4 * 4096);
    posix(5 * 4096);
    system_v(6 * 4096);
    return 0;
}
