/* inspect.c and judge.c, and what explain_target.c says of it: ELF headers, scripts, privileges,
 * damaged files. The ELF files are made here, so no compiler and no 32-bit system is needed. */
#include "runner/explain_target.h"
#include "runner/program/judge.h"
#include "tests/unit/files.h"
#include "tests/unit/random.h"
#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>

/* ---- files ---- */

static const char *write_script(const char *name, const char *text)
{
    return write_file(name, text, strlen(text), 0755);
}

/* What a made ELF file shall be. */
struct recipe {
    int bits;
    unsigned machine, type;
    const char *loader; /* NULL: static */
    bool pie_flag;      /* PT_DYNAMIC with DF_1_PIE */
};

#define LOADER_AT 512
#define DYNAMIC_AT 768
#define IMAGE_SIZE 1024

#define FILL_IMAGE(BITS)                                                                           \
    static void fill_image_##BITS(unsigned char *image, const struct recipe *recipe)               \
    {                                                                                              \
        Elf##BITS##_Ehdr header = {                                                                \
            .e_type = (Elf##BITS##_Half)recipe->type,                                              \
            .e_machine = (Elf##BITS##_Half)recipe->machine,                                        \
            .e_version = EV_CURRENT,                                                               \
            .e_phoff = sizeof(header),                                                             \
            .e_ehsize = sizeof(header),                                                            \
            .e_phentsize = sizeof(Elf##BITS##_Phdr),                                               \
            .e_phnum = 1,                                                                          \
        };                                                                                         \
        Elf##BITS##_Phdr segments[3] = {                                                           \
            {.p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_filesz = IMAGE_SIZE},                   \
        };                                                                                         \
        Elf##BITS##_Dyn dynamic[2] = {{.d_tag = DT_FLAGS_1, .d_un.d_val = DF_1_PIE}};              \
        memcpy(header.e_ident, ELFMAG, SELFMAG);                                                   \
        header.e_ident[EI_CLASS] = ELFCLASS##BITS;                                                 \
        header.e_ident[EI_DATA] = ELFDATA2LSB;                                                     \
        header.e_ident[EI_VERSION] = EV_CURRENT;                                                   \
        if (recipe->loader != NULL)                                                                \
            segments[header.e_phnum++] = (Elf##BITS##_Phdr){                                       \
                .p_type = PT_INTERP,                                                               \
                .p_offset = LOADER_AT,                                                             \
                .p_filesz = (Elf##BITS##_Word)strlen(recipe->loader) + 1,                          \
            };                                                                                     \
        if (recipe->pie_flag)                                                                      \
            segments[header.e_phnum++] = (Elf##BITS##_Phdr){                                       \
                .p_type = PT_DYNAMIC, .p_offset = DYNAMIC_AT, .p_filesz = sizeof(dynamic)};        \
        memcpy(image, &header, sizeof(header));                                                    \
        memcpy(image + sizeof(header), segments, sizeof(segments));                                \
        memcpy(image + DYNAMIC_AT, dynamic, sizeof(dynamic));                                      \
    }
FILL_IMAGE(32)
FILL_IMAGE(64)

static void make_image(unsigned char image[IMAGE_SIZE], const struct recipe *recipe)
{
    memset(image, 0, IMAGE_SIZE);
    if (recipe->bits == 32)
        fill_image_32(image, recipe);
    else
        fill_image_64(image, recipe);
    if (recipe->loader != NULL)
        strcpy((char *)image + LOADER_AT, recipe->loader);
}

static const char *write_elf(const char *name, const struct recipe *recipe)
{
    unsigned char image[IMAGE_SIZE];
    make_image(image, recipe);
    return write_file(name, image, sizeof(image), 0755);
}

/* A loader that exists on every system that runs this test. */
static const char present_loader[] = "/lib64/ld-linux-x86-64.so.2";

static const struct recipe traceable = {32, EM_386, ET_DYN, present_loader, true};

/* Inspects path and checks that the user is told text (a part of it). */
static void expect(const char *path, enum target_obstacle obstacle, int status, const char *text)
{
    struct target target;
    char why[512];
    assert_int_equal(inspect_program(path, &target), 0);
    assert_int_equal(judge_target(&target), obstacle);
    int error = judge_error(judge_target(&target));
    explain_target(&target, why, sizeof(why));
    if (strstr(why, text) == NULL)
        fail_msg("\"%s\" does not contain \"%s\"", why, text);
    if (obstacle == TARGET_TRACEABLE)
        assert_int_equal(error, 0);
    else
        assert_int_equal(judge_exit_status(error), status);
}

/* ---- ELF ---- */

static void test_traceable(void **state)
{
    (void)state;
    struct target target;
    expect(write_elf("pie", &traceable), TARGET_TRACEABLE, 0, "");
    assert_int_equal(inspect_program(in_root("pie"), &target), 0);
    assert_int_equal(target.format, TARGET_FORMAT_ELF);
    assert_int_equal(target.elf.bits, 32);
    assert_int_equal(target.elf.machine, EM_386);
    assert_int_equal(target.elf.linking, TARGET_LINKING_DYNAMIC);
    assert_true(target.elf.pie);
    assert_true(target.elf.loader_exists);
    assert_string_equal(target.elf.loader, present_loader);
    assert_string_equal(target.program, target.path);
    assert_int_equal(target.script_count, 0);

    const struct recipe wide = {64, EM_X86_64, ET_DYN, present_loader, true};
    expect(write_elf("wide", &wide), TARGET_TRACEABLE, 0, "");
    const struct recipe fixed = {32, EM_386, ET_EXEC, present_loader, false};
    expect(write_elf("fixed", &fixed), TARGET_TRACEABLE, 0, "");
    assert_int_equal(inspect_program(in_root("fixed"), &target), 0);
    assert_false(target.elf.pie);
}

static void test_untraceable(void **state)
{
    (void)state;
    const struct {
        struct recipe recipe;
        enum target_obstacle obstacle;
        int status;
        const char *text;
    } cases[] = {
        {{64, EM_X86_64, ET_EXEC, NULL, false}, TARGET_STATIC, 125, "statically linked"},
        {{32, EM_X86_64, ET_DYN, "/bin/sh", true}, TARGET_X32, 125, "x32"},
        {{64, EM_X86_64, ET_DYN, "/bin/sh", true},
         TARGET_OTHER_LIBC,
         125,
         "uses another C library than glibc (loader /bin/sh): the shim cannot be loaded"},
        {{32, EM_386, ET_EXEC, NULL, false},
         TARGET_STATIC,
         125,
         "statically linked: the shim cannot be loaded; link it without -static"},
        {{32, EM_386, ET_DYN, NULL, true}, TARGET_STATIC, 125, "statically linked"},
        {{32, EM_386, ET_DYN, NULL, false}, TARGET_NOT_A_PROGRAM, 126, "a shared library"},
        {{32, EM_386, ET_REL, NULL, false}, TARGET_NOT_A_PROGRAM, 126, "an object file"},
        {{32, EM_386, ET_CORE, NULL, false}, TARGET_NOT_A_PROGRAM, 126, "core dump"},
        {{32, EM_386, ET_DYN, "/lib/absent.so.2", true},
         TARGET_LOADER_MISSING,
         126,
         "its loader /lib/absent.so.2 is missing; install the 32-bit C library (Debian: "
         "apt-get install libc6:i386)"},
        {{32, EM_386, ET_DYN, "/lib/ld-musl-absent.so.1", true},
         TARGET_LOADER_MISSING,
         126,
         "musl:i386"},
        {{32, EM_386, ET_DYN, "/lib/\033[31mred", true},
         TARGET_LOADER_MISSING,
         126,
         "/lib/?[31mred"},
        {{32, EM_ARM, ET_DYN, "/bin/sh", true},
         TARGET_FOREIGN,
         126,
         "is for ARM, not for this machine"},
        {{64, EM_AARCH64, ET_DYN, "/bin/sh", true}, TARGET_FOREIGN, 126, "64-bit ARM"},
        {{32, 12345, ET_EXEC, NULL, false}, TARGET_FOREIGN, 126, "ELF machine 12345"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        expect(write_elf("program", &cases[i].recipe), cases[i].obstacle, cases[i].status,
               cases[i].text);
}

static void test_not_elf(void **state)
{
    (void)state;
    expect(write_file("empty", "", 0, 0755), TARGET_NOT_A_PROGRAM, 126, "an empty file");
    expect(write_file("text", "hello\n", 6, 0755), TARGET_NOT_A_PROGRAM, 126,
           "not an ELF program (the first bytes are \"hello\\x0a\")");
    expect(write_file("dos", "MZ\x90\0\3\0\0\0\4", 9, 0755), TARGET_NOT_A_PROGRAM, 126,
           "\"MZ\\x90\\x00\\x03\\x00\\x00\\x00\"");
    expect(write_file("quote", "\"\\\033", 3, 0755), TARGET_NOT_A_PROGRAM, 126,
           "\"\\x22\\x5c\\x1b\"");
}

static void test_own_executable(void **state)
{
    (void)state;
    struct target target;
    assert_int_equal(inspect_program("/proc/self/exe", &target), 0);
    assert_int_equal(target.format, TARGET_FORMAT_ELF);
    assert_int_equal(target.elf.bits, 8 * sizeof(void *));
    assert_int_equal(target.elf.linking, TARGET_LINKING_DYNAMIC);
    assert_true(target.elf.loader_exists);
    assert_int_equal(target.privilege, TARGET_PRIVILEGE_NONE);
}

static void test_unreadable(void **state)
{
    (void)state;
    struct target target;
    char *name = malloc(2 * PATH_MAX);
    memset(name, '/', 2 * PATH_MAX);
    name[2 * PATH_MAX - 1] = '\0';
    assert_int_equal(inspect_program(in_root("absent"), &target), -ENOENT);
    assert_int_equal(inspect_program(root, &target), -EISDIR);
    assert_int_equal(inspect_program("/dev/null", &target), -EACCES);
    assert_int_equal(inspect_program(name, &target), -ENAMETOOLONG);
    free(name);
    assert_int_equal(mkfifo(in_root("fifo"), 0755), 0);
    assert_int_equal(inspect_program(in_root("fifo"), &target), -EACCES);
}

/* ---- scripts ---- */

static void test_script(void **state)
{
    (void)state;
    struct target target;
    char line[2 * PATH_MAX];
    const char *program = write_elf("interp", &traceable);
    snprintf(line, sizeof(line), "#! \t%s  -a b\tc \t\nrest", program);
    const char *script = write_script("script", line);
    expect(script, TARGET_TRACEABLE, 0, "");
    assert_int_equal(inspect_program(script, &target), 0);
    assert_int_equal(target.script_count, 1);
    assert_string_equal(target.path, script);
    assert_string_equal(target.program, program);
    assert_string_equal(target.scripts[0].interpreter, program);
    assert_string_equal(target.scripts[0].argument, "-a b\tc");

    snprintf(line, sizeof(line), "#!%s", program); /* no end of line */
    expect(write_script("script", line), TARGET_TRACEABLE, 0, "");
}

static void test_script_untraceable(void **state)
{
    (void)state;
    char line[2 * PATH_MAX];
    char text[2 * PATH_MAX];
    const struct recipe wide = {32, EM_X86_64, ET_DYN, present_loader, true};
    const struct recipe fixed = {32, EM_386, ET_EXEC, NULL, false};
    const struct recipe homeless = {32, EM_386, ET_DYN, "/lib/absent", true};

    const char *program = write_elf("wide", &wide);
    snprintf(line, sizeof(line), "#!%s\n", program);
    snprintf(text, sizeof(text), "a script run by %s, which is an x32 program; trace", program);
    expect(write_script("script", line), TARGET_X32, 125, text);

    snprintf(line, sizeof(line), "#!%s\n", write_elf("static", &fixed));
    expect(write_script("script", line), TARGET_STATIC, 125, "which is statically linked");
    snprintf(line, sizeof(line), "#!%s\n", write_elf("homeless", &homeless));
    expect(write_script("script", line), TARGET_LOADER_MISSING, 126, "the loader /lib/absent");
    expect(write_script("script", "#!/bin/absent -x\n"), TARGET_INTERPRETER_FAILED, 126,
           "/bin/absent, which cannot be executed (No such file or directory); correct its first");
    expect(write_script("script", "#!/bin/sh\r\n"), TARGET_INTERPRETER_FAILED, 126, "/bin/sh?,");
    expect(write_script("script", "#!/tmp\n"), TARGET_INTERPRETER_FAILED, 126, "Is a directory");
    snprintf(line, sizeof(line), "#!%s\n", write_file("text", "hello", 5, 0755));
    expect(write_script("script", line), TARGET_NOT_A_PROGRAM, 126, "is not a program");
    expect(write_script("script", "#!\n"), TARGET_NOT_A_PROGRAM, 126, "names no interpreter");
    expect(write_script("script", "#! \t "), TARGET_NOT_A_PROGRAM, 126, "names no interpreter");
    expect(write_script("script", "#!"), TARGET_NOT_A_PROGRAM, 126, "names no interpreter");
}

/* The kernel reads 256 bytes: an argument may be cut there, the name may not. */
static void test_script_long_line(void **state)
{
    (void)state;
    struct target target;
    char line[TARGET_SCRIPT_LINE + 100];
    memset(line, 'x', sizeof(line));
    memcpy(line, "#!/", 3);
    const char *script = write_file("script", line, sizeof(line), 0755);
    expect(script, TARGET_NOT_A_PROGRAM, 126, "names no interpreter");

    memcpy(line, "#!/bin/sh ", 10);
    script = write_file("script", line, sizeof(line), 0755);
    assert_int_equal(inspect_program(script, &target), 0);
    assert_string_equal(target.scripts[0].interpreter, "/bin/sh");
    assert_int_equal(strlen(target.scripts[0].argument), TARGET_SCRIPT_LINE - 1 - 10);

    memset(line + 9, ' ', sizeof(line) - 9);
    script = write_file("script", line, sizeof(line), 0755);
    assert_int_equal(inspect_program(script, &target), 0);
    assert_string_equal(target.scripts[0].interpreter, "/bin/sh");
    assert_string_equal(target.scripts[0].argument, "");
}

static bool can_execute(const char *path)
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        execl(path, path, (char *)NULL);
        _exit(99);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Scripts run by scripts: as deep as the kernel that runs this test goes. */
static void test_script_depth(void **state)
{
    (void)state;
    char line[PATH_MAX + 16];
    char name[16];
    struct target target;
    for (int depth = 1; depth <= TARGET_MAX_SCRIPTS + 1; depth++) {
        snprintf(name, sizeof(name), "s%d", depth - 1);
        snprintf(line, sizeof(line), "#!%s\n", depth == 1 ? "/bin/true" : in_root(name));
        snprintf(name, sizeof(name), "s%d", depth);
        const char *script = write_script(name, line);
        assert_int_equal(inspect_program(script, &target), 0);
        assert_int_equal(target.too_many_scripts, depth > TARGET_MAX_SCRIPTS);
        if (depth <= TARGET_MAX_SCRIPTS) {
            assert_int_equal(target.script_count, depth);
            assert_string_equal(target.program, "/bin/true");
        } else {
            assert_false(can_execute(script));
            expect(script, TARGET_SCRIPT_LOOP, 126, "more than 5 times");
        }
    }
    snprintf(line, sizeof(line), "#!%s\n", in_root("self"));
    expect(write_script("self", line), TARGET_SCRIPT_LOOP, 126, "a script run by a script");
}

/* ---- privileges ---- */

static void test_setuid(void **state)
{
    (void)state;
    struct statvfs fs;
    if (getuid() != 0 || statvfs(root, &fs) != 0 || (fs.f_flag & ST_NOSUID) != 0)
        skip(); /* needs root, and a /tmp without nosuid */
    const char *path = write_elf("setuid", &traceable);
    assert_int_equal(chmod(path, 04755), 0);
    expect(path, TARGET_TRACEABLE, 0, ""); /* owner is who runs it */
    assert_int_equal(chown(path, 1, 0), 0);
    assert_int_equal(chmod(path, 04755), 0);
    expect(path, TARGET_SECURE, 125,
           "a setuid program ignores LD_PRELOAD; run a copy of it without the setuid bit");
    char line[PATH_MAX + 16];
    snprintf(line, sizeof(line), "#!%s\n", path);
    expect(write_script("script", line), TARGET_SECURE, 125, "which is setuid and ignores");
    assert_int_equal(chown(path, 0, 1), 0);
    assert_int_equal(chmod(path, 02755), 0);
    expect(path, TARGET_SECURE, 125, "a setgid program");
    assert_int_equal(chmod(path, 02745), 0); /* not a setgid program without group execution */
    expect(path, TARGET_TRACEABLE, 0, "");
}

/* In a child, since a privileged user does not gain anything from file capabilities. */
static enum target_privilege privilege_for_user(uid_t user, const char *path)
{
    struct target target;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        bool done = setuid(user) == 0 && inspect_program(path, &target) == 0;
        _exit(done ? (int)target.privilege : 99);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return (enum target_privilege)WEXITSTATUS(status);
}

static void test_capabilities(void **state)
{
    (void)state;
    unsigned char granted[20] = {1, 0, 0, 2, 0, 0x20}; /* cap_net_raw=ep */
    const unsigned char nothing[20] = {0, 0, 0, 2};    /* an empty set */
    const char *path = write_elf("capable", &traceable);
    struct statvfs fs;
    if (getuid() != 0 || statvfs(root, &fs) != 0 || (fs.f_flag & ST_NOSUID) != 0 ||
        setxattr(path, "security.capability", granted, sizeof(granted), 0) != 0)
        skip(); /* needs root, and a /tmp that knows file capabilities */
    assert_int_equal(chmod(root, 0755), 0);
    assert_int_equal(privilege_for_user(1, path), TARGET_PRIVILEGE_CAPABILITIES);
    assert_int_equal(privilege_for_user(0, path), TARGET_PRIVILEGE_NONE);
    assert_int_equal(setxattr(path, "security.capability", nothing, sizeof(nothing), 0), 0);
    assert_int_equal(privilege_for_user(1, path), TARGET_PRIVILEGE_NONE);
}

static void test_exit_status(void **state)
{
    (void)state;
    assert_int_equal(judge_exit_status(-ENOENT), 127);
    assert_int_equal(judge_exit_status(-EACCES), 126);
    assert_int_equal(judge_exit_status(-EISDIR), 126);
    assert_int_equal(judge_exit_status(-ENOEXEC), 126);
    assert_int_equal(judge_exit_status(-ENOTSUP), 125);
    assert_int_equal(judge_exit_status(-ENOMEM), 125);
}

static void test_small_buffer(void **state)
{
    (void)state;
    struct target target;
    char why[32];
    assert_int_equal(inspect_program(write_file("text", "hello", 5, 0755), &target), 0);
    for (size_t size = 1; size <= sizeof(why); size++) {
        memset(why, 'x', sizeof(why));
        assert_int_equal(judge_error(judge_target(&target)), -ENOEXEC);
        explain_target(&target, why, size);
        assert_int_equal(strlen(why), size - 1);
    }
}

/* ---- damaged files ---- */

/* Whatever the file: an answer, and a message that fits it. */
static void inspect_anything(const char *path)
{
    struct target target;
    char why[256];
    assert_int_equal(inspect_program(path, &target), 0);
    int error = judge_error(judge_target(&target));
    explain_target(&target, why, sizeof(why));
    assert_int_equal(error == 0, why[0] == '\0');
    assert_null(strpbrk(why, "\n\033"));
    if (target.format == TARGET_FORMAT_DAMAGED)
        assert_non_null(target.damage);
}

static void test_damaged(void **state)
{
    (void)state;
    unsigned char image[IMAGE_SIZE];
    make_image(image, &traceable);
    Elf32_Phdr *loader = (Elf32_Phdr *)(void *)(image + sizeof(Elf32_Ehdr)) + 1;
    const Elf32_Phdr good = *loader;
    loader->p_filesz = 1;
    expect(write_file("bad", image, sizeof(image), 0755), TARGET_DAMAGED, 126,
           "a damaged ELF file: the name of its loader has no sensible length; build it again");
    loader->p_filesz = good.p_filesz - 1;
    expect(write_file("bad", image, sizeof(image), 0755), TARGET_DAMAGED, 126, "does not end");
    *loader = good;
    loader->p_offset = IMAGE_SIZE;
    expect(write_file("bad", image, sizeof(image), 0755), TARGET_DAMAGED, 126, "outside the file");
    *loader = good;
    loader[-1].p_type = PT_NULL;
    expect(write_file("bad", image, sizeof(image), 0755), TARGET_DAMAGED, 126, "loadable segment");
}

static void test_every_length(void **state)
{
    (void)state;
    for (int bits = 32; bits <= 64; bits += 32) {
        const struct recipe recipe = {bits, EM_386, ET_DYN, present_loader, true};
        unsigned char image[IMAGE_SIZE];
        make_image(image, &recipe);
        size_t header = bits == 32 ? sizeof(Elf32_Ehdr) : sizeof(Elf64_Ehdr);
        for (size_t size = 0; size <= sizeof(image); size++) {
            const char *path = write_file("cut", image, size, 0755);
            inspect_anything(path);
            if (size >= SELFMAG && size < header)
                expect(path, TARGET_DAMAGED, 126, "header is cut off");
        }
    }
}

static uint64_t random_state = UINT64_C(0x853c49e6748fea9b);

static size_t read_own_head(unsigned char *head, size_t size)
{
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    ssize_t count = read(fd, head, size);
    assert_true(count > 0);
    close(fd);
    return (size_t)count;
}

static void fuzz(const unsigned char *seed, size_t size, size_t hot, int rounds)
{
    unsigned char bytes[4096];
    static const unsigned char edges[] = {0, 1, 0x7f, 0x80, 0xfe, 0xff};
    int fd = open(in_root("fuzz"), O_RDWR | O_CREAT | O_CLOEXEC, 0755);
    assert_true(fd >= 0);
    for (int round = 0; round < rounds; round++) {
        memcpy(bytes, seed, size);
        for (uint32_t n = 1 + random_below(&random_state, 12); n > 0; n--) {
            /* Mostly in the headers, but not in the magic: then it is just another file. */
            size_t range = random_below(&random_state, 4) != 0 ? hot : size;
            size_t at = 4 + random_below(&random_state, (uint32_t)range - 4);
            bytes[at] = random_below(&random_state, 2) != 0
                            ? edges[random_below(&random_state, sizeof(edges))]
                            : (unsigned char)random_below(&random_state, 256);
        }
        assert_int_equal(pwrite(fd, bytes, size, 0), size);
        inspect_anything(in_root("fuzz"));
    }
    close(fd);
}

static void test_fuzz(void **state)
{
    (void)state;
    unsigned char seed[4096];
    size_t size = read_own_head(seed, sizeof(seed));
    fuzz(seed, size, 1024, 20000);
    make_image(seed, &traceable);
    fuzz(seed, IMAGE_SIZE, 256, 20000);
    memset(seed, ' ', 300);
    memcpy(seed, "#!/bin/sh -x\n", 13);
    fuzz(seed, 300, 300, 2000);
}

static int set_up(void **state)
{
    (void)state;
    umask(022);
    return make_root();
}

static int tear_down(void **state)
{
    (void)state;
    return remove_root();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_traceable),
        cmocka_unit_test(test_untraceable),
        cmocka_unit_test(test_not_elf),
        cmocka_unit_test(test_own_executable),
        cmocka_unit_test(test_unreadable),
        cmocka_unit_test(test_script),
        cmocka_unit_test(test_script_untraceable),
        cmocka_unit_test(test_script_long_line),
        cmocka_unit_test(test_script_depth),
        cmocka_unit_test(test_setuid),
        cmocka_unit_test(test_capabilities),
        cmocka_unit_test(test_exit_status),
        cmocka_unit_test(test_small_buffer),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_every_length),
        cmocka_unit_test(test_fuzz),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
