/* Gives a harness each file of its corpus: what once went wrong stays right. */
#include "tests/fuzz/fuzz.h"
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>

#include <cmocka.h> /* needs the four above it */

static void give(const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0 && fstat(fd, &st) == 0);
    uint8_t *bytes = malloc((size_t)st.st_size + 1);
    assert_int_equal(read(fd, bytes, (size_t)st.st_size), st.st_size);
    close(fd);
    LLVMFuzzerTestOneInput(bytes, (size_t)st.st_size);
    free(bytes);
}

static void test_corpus(void **state)
{
    char path[512];
    unsigned count = 0;
    DIR *folder = opendir(CORPUS);
    (void)state;
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder)); count++) {
        snprintf(path, sizeof path, "%s/%s", CORPUS, entry->d_name);
        if (entry->d_name[0] != '.')
            give(path);
    }
    closedir(folder);
    assert_true(count > 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_corpus)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
