/* runner/symbols/symbols.c: this executable, compiled with -g, is the file whose addresses are
 * resolved. */
#include "runner/symbols/answer.h"
#include "runner/symbols/resolver.h"
#include "runner/symbols/symbols.h"
#include "tests/unit/files.h"
#include "tests/unit/random.h"
#include <arpa/inet.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

static char self[PATH_MAX];
static volatile int sink;

/* ---- victims ---- */

enum { VICTIM_FIRST = __LINE__ + 1, VICTIM_LAST = VICTIM_FIRST + 4 };
static __attribute__((noinline)) int victim(int n)
{
    sink = n;
    return sink + 1;
}

enum { INNERMOST_LINE = __LINE__ + 3 };
static inline __attribute__((always_inline)) void innermost(void)
{
    __asm__ volatile("inlined_here: nop");
}

enum { MIDDLE_LINE = __LINE__ + 4 };
static inline __attribute__((always_inline)) void middle(void)
{
    sink++;
    innermost();
}

enum { OUTER_LINE = __LINE__ + 4 };
static __attribute__((noinline)) void outer(void)
{
    sink++;
    middle();
    sink++;
}
extern const char inlined_here[];

static __attribute__((noinline)) void *return_address(void)
{
    sink++;
    return __builtin_return_address(0);
}

enum { CALLER_LINE = __LINE__ + 4 };
static __attribute__((noinline)) void *caller(void)
{
    sink++;
    void *address = return_address();
    sink++;
    return address;
}

/* Code without debug information: sized, a gap, sized next to sized, and without a size. */
__asm__(".pushsection .text.victims, \"ax\", @progbits\n"
        ".globl victim_sized, victim_next, victim_unsized, __victim_alias, victim_alias\n"
        ".type victim_sized, @function\n"
        "victim_sized: .fill 16, 1, 0x90\n"
        ".size victim_sized, 16\n"
        ".type victim_next, @function\n"
        "victim_next: .fill 16, 1, 0x90\n"
        ".size victim_next, 16\n"
        ".fill 64, 1, 0x90\n"
        ".type __victim_alias, @function\n"
        ".type victim_alias, @function\n"
        "__victim_alias:\n"
        "victim_alias: .fill 16, 1, 0x90\n"
        ".size __victim_alias, 16\n"
        ".size victim_alias, 16\n"
        "victim_unsized: .fill 8192, 1, 0x90\n"
        ".popsection\n");
extern const char victim_sized[], victim_next[], victim_alias[], victim_unsized[];

/* ---- helpers ---- */

/* The region of this process that contains address, as symbols_resolve() wants it. */
static uint64_t file_offset_of(const void *address, char path[PATH_MAX])
{
    FILE *maps = fopen("/proc/self/maps", "re");
    assert_non_null(maps);
    char line[PATH_MAX + 128];
    uint64_t start, end, offset;
    uint64_t ip = (uintptr_t)address;
    while (fgets(line, sizeof(line), maps) != NULL) {
        path[0] = '\0';
        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %" SCNx64 " %*s %*s %[^\n]", &start, &end,
                   &offset, path) >= 3 &&
            ip >= start && ip < end) {
            fclose(maps);
            return ip - start + offset;
        }
    }
    fclose(maps);
    fail_msg("no region contains %p", address);
    return 0;
}

static uint64_t own_offset(const void *address)
{
    char path[PATH_MAX];
    uint64_t offset = file_offset_of(address, path);
    assert_string_equal(path, self);
    return offset;
}

static struct symbol resolve(struct symbols *symbols, const char *path, uint64_t offset, bool exact)
{
    const struct symbol *symbol = symbols_resolve(symbols, path, offset, exact);
    assert_non_null(symbol);
    return *symbol;
}

static void expect_function(struct symbols *symbols, const void *address, bool exact,
                            const char *function)
{
    struct symbol symbol = resolve(symbols, self, own_offset(address), exact);
    if (function == NULL)
        assert_null(symbol.function);
    else
        assert_string_equal(symbol.function, function);
}

static void expect_nothing(struct symbols *symbols, const char *path)
{
    for (int round = 0; round < 2; round++) {
        struct symbol symbol = resolve(symbols, path, 0x1234, round);
        assert_null(symbol.function);
        assert_null(symbol.file);
        assert_int_equal(symbol.line, 0);
    }
}

static void expect_victim(struct symbols *symbols, const char *path)
{
    struct symbol symbol = resolve(symbols, path, own_offset((void *)victim), true);
    assert_string_equal(symbol.function, "victim");
    assert_non_null(symbol.file);
    assert_non_null(strstr(symbol.file, "test_symbols.c"));
    assert_in_range(symbol.line, VICTIM_FIRST, VICTIM_LAST);
}

static unsigned char *read_self(size_t *size)
{
    struct stat st;
    int fd = open(self, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &st), 0);
    unsigned char *bytes = malloc((size_t)st.st_size);
    assert_non_null(bytes);
    assert_int_equal(read(fd, bytes, (size_t)st.st_size), st.st_size);
    close(fd);
    *size = (size_t)st.st_size;
    return bytes;
}

/* False if the tool is not installed. */
static bool run(const char *format, ...)
{
    char command[4 * PATH_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(command, sizeof(command), format, arguments);
    va_end(arguments);
    return system(command) == 0;
}

static int new_symbols(void **state)
{
    *state = symbols_new(false);
    return *state != NULL ? 0 : -1;
}

static int free_symbols(void **state)
{
    symbols_free(*state);
    return 0;
}

/* ---- what is found ---- */

static void test_own_function(void **state)
{
    expect_victim(*state, self);
    assert_int_equal(victim(1), 2);
    /* The address of a function's first instruction is not a return address into it. */
    struct symbol symbol = resolve(*state, self, own_offset((void *)victim), false);
    assert_true(symbol.function == NULL || strcmp(symbol.function, "victim") != 0);
}

static void test_return_address(void **state)
{
    struct symbol symbol = resolve(*state, self, own_offset(caller()), false);
    assert_string_equal(symbol.function, "caller");
    assert_int_equal(symbol.line, CALLER_LINE);
}

static void expect_inlined(struct symbols *symbols, const char *path)
{
    struct symbol symbol = resolve(symbols, path, own_offset(inlined_here), true);
    assert_string_equal(symbol.function, "innermost");
    assert_int_equal(symbol.line, INNERMOST_LINE);
    assert_int_equal(symbol.inlined, 2);
    assert_string_equal(symbol.inlined_into[0].function, "middle");
    assert_int_equal(symbol.inlined_into[0].line, MIDDLE_LINE);
    assert_string_equal(symbol.inlined_into[0].file, symbol.file);
    assert_string_equal(symbol.inlined_into[1].function, "outer");
    assert_int_equal(symbol.inlined_into[1].line, OUTER_LINE);
}

static void test_inlined(void **state)
{
    outer();
    expect_inlined(*state, self);
    assert_int_equal(resolve(*state, self, own_offset((void *)outer), true).inlined, 0);
}

static void test_elf_symbols(void **state)
{
    expect_function(*state, victim_sized, true, "victim_sized");
    expect_function(*state, victim_sized + 15, true, "victim_sized");
    expect_function(*state, victim_next, true, "victim_next");
    expect_function(*state, victim_next, false, "victim_sized"); /* after a call at the end */
    expect_function(*state, victim_next + 16, true, NULL);       /* the gap */
    expect_function(*state, victim_next + 16, false, "victim_next");
    expect_function(*state, victim_alias + 1, true, "victim_alias");
    expect_function(*state, victim_unsized, true, "victim_unsized");
    expect_function(*state, victim_unsized + 4095, true, "victim_unsized");
    expect_function(*state, victim_unsized + 4096, true, NULL);
    struct symbol symbol = resolve(*state, self, own_offset(victim_sized), true);
    assert_null(symbol.file);
    assert_int_equal(symbol.line, 0);
}

static void test_libc_function(void **state)
{
    void *address = dlsym(RTLD_DEFAULT, "getppid");
    char path[PATH_MAX];
    assert_non_null(address);
    uint64_t offset = file_offset_of(address, path);
    assert_string_equal(resolve(*state, path, offset, true).function, "getppid");
}

/* A file of the system is told by its place: its functions have their names, but nothing of its
 * debug information is read. Everybody else's has lines. */
static void test_brief(void **state)
{
    char path[PATH_MAX];
    struct symbols *brief = symbols_new(true);
    (void)state;
    uint64_t offset = file_offset_of(dlsym(RTLD_DEFAULT, "getppid"), path);
    assert_true(symbol_of_system(path));
    assert_false(symbol_of_system(self));
    struct symbol symbol = resolve(brief, path, offset, true);
    assert_string_equal(symbol.function, "getppid");
    assert_null(symbol.file);
    assert_int_equal(symbol.line, 0);
    expect_victim(brief, self);
    expect_inlined(brief, self);
    symbols_free(brief);
}

static void test_cache(void **state)
{
    size_t size;
    unsigned char *bytes = read_self(&size);
    const char *path = write_file("cached", bytes, size, 0755);
    uint64_t offset = own_offset((void *)victim);
    struct symbol first = resolve(*state, path, offset, true);
    assert_string_equal(first.function, "victim");
    unlink(path);
    struct symbol second = resolve(*state, path, offset, true);
    assert_ptr_equal(first.function, second.function);
    assert_ptr_equal(first.file, second.file);
    assert_ptr_equal(symbols_resolve(*state, path, offset, true),
                     symbols_resolve(*state, path, offset + 1, false)); /* the same instruction */
    /* Not found is remembered too. */
    const char *late = in_root("late");
    expect_nothing(*state, late);
    write_file("late", bytes, size, 0755);
    expect_nothing(*state, late);
    free(bytes);
}

static void test_many_addresses(void **state)
{
    char path[PATH_MAX];
    uint64_t base = file_offset_of(dlsym(RTLD_DEFAULT, "getppid"), path) & ~UINT64_C(0xffff);
    unsigned found = 0;
    for (int round = 0; round < 2; round++) {
        for (uint64_t i = 0; i < 100000; i++)
            found += resolve(*state, path, base + i, true).function != NULL;
    }
    assert_true(found > 1000);
    assert_int_equal(found % 2, 0);
    expect_victim(*state, self);
}

/* ---- files that have nothing ---- */

static void test_no_file(void **state)
{
    static const char *const paths[] = {
        "",
        "[vdso]",
        "[heap]",
        "[anon: name]",
        "relative",
        "/absent",
        "/memfd:name (deleted)",
        "/SYSV00000000 (deleted)",
        "/dev/zero",
        "/tmp",
        "/proc/self/mem",
    };
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        expect_nothing(*state, paths[i]);
    assert_int_equal(mkfifo(in_root("fifo"), 0700), 0);
    expect_nothing(*state, in_root("fifo"));
    expect_nothing(*state, write_file("empty", "", 0, 0755));
    expect_nothing(*state, write_file("text", "#!/bin/sh\n", 10, 0755));
    expect_nothing(*state, write_file("archive", "!<arch>\n", 8, 0755));
}

static void test_strange_offsets(void **state)
{
    static const uint64_t offsets[] = {0, 1, UINT64_MAX, UINT64_MAX - 1, INT64_MAX, UINT32_MAX};
    for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
        assert_null(resolve(*state, self, offsets[i], false).function);
        assert_null(resolve(*state, self, offsets[i], true).function);
    }
}

static void test_free_null(void **state)
{
    (void)state;
    symbols_free(NULL);
}

/* ---- separate debug information ---- */

static void test_debuglink(void **state)
{
    const char *program = in_root("linked");
    const char *debug = in_root("linked.debug");
    if (!run("objcopy --only-keep-debug %s %s && "
             "objcopy --strip-all --add-gnu-debuglink=%s %s %s",
             self, debug, debug, self, program))
        skip(); /* no objcopy */
    expect_victim(*state, program);

    mkdir(in_root(".debug"), 0700);
    assert_true(
        run("cp %s %s && mv %s %s/.debug/linked.debug", program, in_root("moved"), debug, root));
    expect_victim(*state, in_root("moved"));

    /* The debug information of another build must not be used. */
    assert_true(
        run("cp %s %s && objcopy --remove-section=.note.gnu.build-id %s/.debug/linked.debug",
            program, in_root("other"), root));
    assert_null(resolve(*state, in_root("other"), own_offset((void *)victim), true).function);
}

/* Without a build id the checksum in .gnu_debuglink tells whether it is the right one. */
static void test_checksum(void **state)
{
    const char *program = in_root("summed");
    const char *debug = in_root("summed.debug");
    if (!run("objcopy --only-keep-debug --remove-section=.note.gnu.build-id %s %s && "
             "objcopy --strip-all --remove-section=.note.gnu.build-id --add-gnu-debuglink=%s %s %s",
             self, debug, debug, self, program))
        skip(); /* no objcopy */
    expect_victim(*state, program);
    assert_true(run("cp %s %s && printf x >>%s", program, in_root("again"), debug));
    assert_null(resolve(*state, in_root("again"), own_offset((void *)victim), true).function);
}

/* Puts the debug information of this program where `root`/.build-id has it. */
static bool file_by_build_id(const char *folder)
{
    return run("id=$(readelf -n %s | sed -n 's/.*Build ID: //p') && mkdir -p "
               "%s/.build-id/${id%%${id#??}} && "
               "objcopy --only-keep-debug %s %s/.build-id/${id%%${id#??}}/${id#??}.debug",
               self, folder, self, folder);
}

static void test_build_id(void **state)
{
    (void)state;
    const char *folder = in_root("debug");
    const char *program = in_root("by_id");
    if (!file_by_build_id(folder) || !run("objcopy --strip-all %s %s", self, program))
        skip(); /* no objcopy */
    struct symbols *symbols = symbols_new_below(folder);
    expect_victim(symbols, program);
    expect_inlined(symbols, program);
    symbols_free(symbols);
    /* The file of another build under this one's id. */
    assert_true(run("for file in %s/.build-id/*/*.debug; do "
                    "objcopy --remove-section=.note.gnu.build-id $file; done",
                    folder));
    symbols = symbols_new_below(folder);
    assert_null(resolve(symbols, program, own_offset((void *)victim), true).function);
    symbols_free(symbols);
}

/* dwz moves what two files have in common to a third one. */
static void test_common_file(void **state)
{
    const char *folder = in_root("dwz");
    if (!run("mkdir %s && cd %s && cp %s one && cp %s two && objcopy --decompress-debug-sections "
             "one && objcopy --decompress-debug-sections two && "
             "dwz -m common.debug -r one two 2>/dev/null && readelf -S one | grep -q altlink",
             folder, folder, self, self))
        skip(); /* no dwz */
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/one", folder);
    expect_victim(*state, path);
    expect_inlined(*state, path);
    assert_true(run("cd %s && objcopy --remove-section=.note.gnu.build-id common.debug", folder));
    snprintf(path, sizeof path, "%s/two", folder);
    resolve(*state, path, own_offset(inlined_here), true); /* no common file: any answer will do */
}

/* The symbol table of a stripped program, packed as Fedora does. */
static void test_packed_symbols(void **state)
{
    const char *program = in_root("packed");
    const char *symbols = in_root("mini");
    if (!run("objcopy --strip-debug %s %s && rm -f %s.xz && xz %s && "
             "objcopy --strip-all --add-section .gnu_debugdata=%s.xz %s %s",
             self, symbols, symbols, symbols, symbols, self, program))
        skip(); /* no objcopy or xz */
    struct symbol symbol = resolve(*state, program, own_offset((void *)victim), true);
    assert_string_equal(symbol.function, "victim");
    assert_null(symbol.file);
}

/* A server that listens, to see that nobody calls. */
static int listen_locally(char *url, size_t size)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, length), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    snprintf(url, size, "http://127.0.0.1:%d", ntohs(address.sin_port));
    return fd;
}

static void test_no_debuginfod(void **state)
{
    char url[64];
    const char *program = in_root("stripped");
    if (!run("objcopy --strip-all %s %s", self, program))
        skip(); /* no objcopy */
    int server = listen_locally(url, sizeof(url));
    setenv("DEBUGINFOD_URLS", url, 1);
    setenv("DEBUGINFOD_TIMEOUT", "1", 1);
    setenv("DEBUGINFOD_CACHE_PATH", root, 1);
    assert_null(resolve(*state, program, own_offset((void *)victim), true).function);
    unsetenv("DEBUGINFOD_URLS");
    assert_int_equal(accept(server, NULL, NULL), -1);
    assert_int_equal(errno, EAGAIN);
    close(server);
}

/* ---- damaged files ---- */

static uint64_t random_state = UINT64_C(0x853c49e6748fea9b);

/* Resolves in this process; any answer will do. */
static void resolve_somehow(const char *path, uint64_t offset, unsigned step)
{
    struct resolver *resolver = resolver_new("/usr/lib/debug", false);
    for (uint64_t i = 0; i < 1024; i += step)
        resolver_find(resolver, path, offset + i);
    resolver_free(resolver);
}

static void test_truncated(void **state)
{
    (void)state;
    size_t size;
    unsigned char *bytes = read_self(&size);
    uint64_t offset = own_offset((void *)victim);
    for (size_t length = 0; length < 1024 && length < size; length++)
        resolve_somehow(write_file("cut", bytes, length, 0755), offset, 16);
    for (int i = 0; i < 50; i++)
        resolve_somehow(write_file("cut", bytes, random_below(&random_state, (uint32_t)size), 0755),
                        offset, 16);
    free(bytes);
}

/* A mapped file would give SIGBUS here. */
static void test_truncated_in_use(void **state)
{
    size_t size;
    unsigned char *bytes = read_self(&size);
    const char *path = write_file("shrinking", bytes, size, 0755);
    free(bytes);
    resolve(*state, path, own_offset(victim_sized), true);
    assert_int_equal(truncate(path, 100), 0);
    uint64_t offset = own_offset((void *)victim);
    for (uint64_t i = 0; i < 4096; i++)
        resolve(*state, path, offset + i, true);
}

static void mutate(unsigned char *bytes, size_t from, size_t to)
{
    for (uint32_t n = 1 + random_below(&random_state, 8); n > 0; n--)
        bytes[from + random_below(&random_state, (uint32_t)(to - from))] =
            (unsigned char)random_below(&random_state, 256);
}

static void test_fuzz(void **state)
{
    (void)state;
    size_t size;
    unsigned char *bytes = read_self(&size);
    unsigned char *copy = malloc(size);
    assert_non_null(copy);
    uint64_t offset = own_offset((void *)victim);
    /* Section headers and section names are at the end. */
    size_t tail = size > 4096 ? size - 4096 : 0;
    for (int round = 0; round < 600; round++) {
        memcpy(copy, bytes, size);
        if (round % 3 == 0)
            mutate(copy, 4, 1024);
        else if (round % 3 == 1)
            mutate(copy, tail, size);
        else
            mutate(copy, 4, size);
        resolve_somehow(write_file("fuzz", copy, size, 0755), offset, 16);
    }
    free(copy);
    free(bytes);
}

/* Where a section of this program is in its file. */
static bool find_section(const char *name, size_t *from, size_t *to)
{
    char command[PATH_MAX + 64], line[512];
    bool found = false;
    snprintf(command, sizeof(command), "readelf -SW %s", self);
    FILE *out = popen(command, "re");
    assert_non_null(out);
    while (fgets(line, sizeof(line), out) != NULL) {
        char section[64];
        size_t offset, size;
        if (sscanf(line, " [%*d] %63s %*s %*x %zx %zx", section, &offset, &size) == 3 &&
            strcmp(section, name) == 0) {
            *from = offset;
            *to = offset + size;
            found = true;
        }
    }
    pclose(out);
    return found;
}

/* Where damage does most: functions, their ranges, and lines. */
static void test_fuzz_debug_information(void **state)
{
    (void)state;
    uint64_t offset = own_offset((void *)victim);
    static const char *const sections[] = {".debug_info", ".debug_abbrev", ".debug_rnglists",
                                           ".debug_line"};
    size_t size, from, to;
    unsigned char *bytes = read_self(&size);
    unsigned char *copy = malloc(size);
    assert_non_null(copy);
    for (int round = 0; round < 400; round++) {
        if (!find_section(sections[round % 4], &from, &to))
            continue;
        memcpy(copy, bytes, size);
        for (int i = 0; i < 1 + round % 40; i++)
            mutate(copy, from, to);
        resolve_somehow(write_file("fuzz", copy, size, 0755), offset, 2);
    }
    free(copy);
    free(bytes);
}

/* ---- the process that reads ---- */

/* Processes of this program other than itself, killed. */
static unsigned kill_readers(void)
{
    unsigned count = 0;
    char link[64], exe[PATH_MAX];
    DIR *proc = opendir("/proc");
    assert_non_null(proc);
    for (struct dirent *entry; (entry = readdir(proc));) {
        pid_t pid = atoi(entry->d_name);
        snprintf(link, sizeof link, "/proc/%d/exe", pid);
        ssize_t size = pid > 0 && pid != getpid() ? readlink(link, exe, sizeof exe - 1) : -1;
        exe[size > 0 ? size : 0] = '\0';
        count += strcmp(exe, self) == 0 && kill(pid, SIGKILL) == 0;
    }
    closedir(proc);
    return count;
}

/* Its end costs the names of the file that it was asked about, and of no other. */
static void test_reader_dies(void **state)
{
    size_t size;
    unsigned char *bytes = read_self(&size);
    const char *other = write_file("other", bytes, size, 0755);
    free(bytes);
    expect_victim(*state, self);
    assert_int_not_equal(kill_readers(), 0);
    expect_victim(*state, self); /* known already */
    expect_function(*state, victim_sized, true, NULL);
    expect_function(*state, victim_next, true, NULL);
    expect_victim(*state, other);
    for (unsigned i = 0; i < 20; i++) { /* in the end it is given up */
        char name[PATH_MAX];
        kill_readers();
        snprintf(name, sizeof name, "/nowhere/%u", i);
        expect_nothing(*state, name);
    }
    expect_nothing(*state, other);
    assert_int_equal(waitpid(-1, NULL, 0), -1); /* nobody's child */
}

/* Reading for names needs stack, whatever the limit is. */
static void test_little_stack(void **state)
{
    struct rlimit limit, little;
    assert_int_equal(getrlimit(RLIMIT_STACK, &limit), 0);
    little = limit;
    little.rlim_cur = 128 << 10;
    assert_int_equal(setrlimit(RLIMIT_STACK, &little), 0);
    expect_victim(*state, self);
    assert_int_equal(setrlimit(RLIMIT_STACK, &limit), 0);
}

/* libdw opens .dwo files by itself: only where one is a regular file. */
static void test_split_file(void **state)
{
    struct symbol symbol;
    const char *folder = in_root("split");
    char path[PATH_MAX], program[PATH_MAX];
    if (!run("mkdir %s && cd %s && printf 'void victim(void) {}\nvoid _start(void) {}\n' >t.c && "
             "gcc -g -gdwarf-5 -gsplit-dwarf -fno-pie -c t.c && "
             "gcc -nostdlib -no-pie -Wl,-Ttext=0x401000 -Wl,--build-id=none t.o -o t",
             folder, folder))
        skip(); /* no gcc */
    snprintf(program, sizeof program, "%s/t", folder);
    snprintf(path, sizeof path, "%s/t.dwo", folder);
    symbol = resolve(*state, program, 0x1000, true);
    assert_string_equal(symbol.function, "victim");
    assert_int_equal(symbol.line, 1);
    static const char *const instead[] = {"mkfifo", "ln -s /dev/zero", "mkdir", "true"};
    for (size_t i = 0; i < sizeof instead / sizeof *instead; i++) {
        assert_true(
            run("rm -rf %s && %s %s && cp %s %s%zu", path, instead[i], path, program, program, i));
        char copy[PATH_MAX + 8];
        snprintf(copy, sizeof copy, "%s%zu", program, i);
        symbol = resolve(*state, copy, 0x1000, true);
        assert_string_equal(symbol.function, "victim"); /* by the symbol table */
        assert_int_equal(symbol.line, 1);               /* the lines are in the program */
    }
}

static void test_answers(void **state)
{
    static char bytes[ANSWER_MAX], text[2 * ANSWER_TEXT_MAX];
    struct symbol_place into[SYMBOL_MAX_INLINED];
    struct symbol out, symbol = {"f", NULL, 7, SYMBOL_MAX_INLINED, into};
    struct names names = {0};
    (void)state;
    memset(text, 'x', sizeof text - 1);
    for (unsigned i = 0; i < SYMBOL_MAX_INLINED; i++)
        into[i] = (struct symbol_place){text, i % 2 ? text : "", i};
    size_t size = answer_write(&symbol, bytes);
    assert_true(answer_read(bytes, size, &names, &out));
    assert_string_equal(out.function, "f");
    assert_null(out.file);
    assert_int_equal(out.line, 7);
    assert_int_equal(out.inlined, SYMBOL_MAX_INLINED);
    assert_int_equal(strlen(out.inlined_into[1].file), ANSWER_TEXT_MAX);
    assert_string_equal(out.inlined_into[2].file, "");
    free((void *)out.inlined_into);
    assert_false(answer_read(bytes, 0, &names, &out));
    assert_false(answer_read(bytes, size - 1, &names, &out));
    symbol.inlined = 0;
    size = answer_write(&symbol, bytes);
    for (size_t cut = 0; cut < size; cut++)
        assert_false(answer_read(bytes, cut, &names, &out));
    memset(bytes + size, 1, 100);
    assert_false(answer_read(bytes, size + 100, &names, &out));
    names_free(&names);
}

static int set_up(void **state)
{
    (void)state;
    ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
    return length > 0 ? make_root() : -1;
}

static int tear_down(void **state)
{
    (void)state;
    return remove_root();
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, new_symbols, free_symbols)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_own_function),
        TEST(test_return_address),
        TEST(test_inlined),
        TEST(test_elf_symbols),
        TEST(test_libc_function),
        cmocka_unit_test(test_brief),
        TEST(test_reader_dies),
        TEST(test_little_stack),
        TEST(test_split_file),
        cmocka_unit_test(test_answers),
        TEST(test_cache),
        TEST(test_many_addresses),
        TEST(test_no_file),
        TEST(test_strange_offsets),
        TEST(test_free_null),
        TEST(test_debuglink),
        TEST(test_checksum),
        TEST(test_build_id),
        TEST(test_common_file),
        TEST(test_packed_symbols),
        TEST(test_no_debuginfod),
        TEST(test_truncated),
        TEST(test_truncated_in_use),
        TEST(test_fuzz),
        TEST(test_fuzz_debug_information),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
