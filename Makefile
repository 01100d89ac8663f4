# procmap-trace. `make help` says what there is.

VERSION := 0.1
PREFIX ?= /usr/local
DESTDIR ?=
CC ?= gcc
BUILD ?= build

WARNINGS := -Wall -Wextra -Werror
CPPFLAGS += -D_GNU_SOURCE -I. -DVERSION='"$(VERSION)"' -DHTML_PAGE='"$(PAGE)"' -DSPANISH='"$(SPANISH)"' -I$(BUILD)/proto
CFLAGS ?= -O2 -g
ALL_CFLAGS = -std=gnu11 $(WARNINGS) $(CFLAGS)
# the runner's path of one event goes through a handful of small files: optimised as one
RUNNER_FLAGS := -flto=auto
RUNNER_LIBS := -ljansson -ldw -lelf -liberty -lz -lprotobuf-c

# The shim lives in other people's processes: everything hidden but what it interposes, all symbols bound
# at load time, no builtin that would turn our malloc into a call of itself, no register that asks for an aligned stack.
SHIM_FLAGS := -fPIC -fomit-frame-pointer -fvisibility=hidden -ftls-model=initial-exec -fno-builtin -fasynchronous-unwind-tables \
	-fno-stack-protector -mgeneral-regs-only
# a jump to another function would take the interposed function's frame away, where the walk begins
$(BUILD)/obj32/shim/hooks/%.o $(BUILD)/obj64/shim/hooks/%.o: SHIM_FLAGS += -fno-optimize-sibling-calls
# no start files, whose functions are taken from whoever has them first; libc in the list, which is initialised before;
# two regions: text with what is read only, and data
SHIM_LDFLAGS := -shared -nostartfiles -Wl,--no-as-needed -Wl,-Bsymbolic -Wl,--version-script=shim/exports.map -Wl,-z,defs -Wl,-z,now \
	-Wl,-soname,libprocmap-trace.so -Wl,-z,noseparate-code -Wl,-z,norelro -Wl,-T,shim/segments.ld

TOOL := $(BUILD)/bin/procmap-trace
# Where ld.so looks for .../$LIB/libprocmap-trace.so: Debian's names, and links for those of others.
SHIMS := $(BUILD)/lib/procmap-trace
SHIM32 := $(SHIMS)/lib/i386-linux-gnu/libprocmap-trace.so
SHIM64 := $(SHIMS)/lib/x86_64-linux-gnu/libprocmap-trace.so

RUNNER_SOURCES := $(wildcard runner/*.c runner/*/*.c schemas/*.c)
# what only the reader of records needs stays out of the traced program
SHIM_SOURCES := $(wildcard shim/*.c shim/*/*.c shim/*/*.S) $(filter-out schemas/record_check.c,$(wildcard schemas/*.c))
RUNNER_OBJECTS := $(RUNNER_SOURCES:%.c=$(BUILD)/obj/%.o)
SHIM32_OBJECTS := $(patsubst %,$(BUILD)/obj32/%.o,$(filter-out %_x86_64.c %_x86_64.S,$(SHIM_SOURCES)))
SHIM64_OBJECTS := $(patsubst %,$(BUILD)/obj64/%.o,$(filter-out %_i386.c %_i386.S,$(SHIM_SOURCES)))

# What --html writes, but for the data: one file of all in runner/views/html/.
PAGE := $(BUILD)/html/page.html
SPANISH := $(BUILD)/po/es.mo
# What protoc-c makes of the formats of others, as a library.
PROTO := $(BUILD)/proto/libproto.a
PROTO_SOURCES := $(patsubst runner/views/%.proto,$(BUILD)/proto/%.pb-c.c,$(wildcard runner/views/*.proto))
PAGE_SOURCES := $(wildcard runner/views/html/*)

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: all help deps labs victims demo check compilers unit e2e differential fuzz soak bench bench-runner bench-deps bench-readme install uninstall format clean FORCE

all: $(TOOL) $(SHIM32) $(SHIM64) ## build the tool: build/bin/procmap-trace

help: ## this list
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

deps: ## install what is needed to build and to test (Debian, Ubuntu)
	tests/setup/deps.sh build test

$(BUILD)/deps-%: tests/setup/deps.sh
	@mkdir -p $(@D)
	tests/setup/deps.sh $(subst -, ,$*)
	@touch $@

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(ALL_CFLAGS) $(RUNNER_FLAGS) -MMD -MP -c $< -o $@

$(BUILD)/obj32/%.c.o: %.c
	@mkdir -p $(@D)
	$(CC) -m32 $(CPPFLAGS) $(ALL_CFLAGS) $(SHIM_FLAGS) -MMD -MP -c $< -o $@

$(BUILD)/obj32/%.S.o: %.S
	@mkdir -p $(@D)
	$(CC) -m32 $(CPPFLAGS) -c $< -o $@

$(BUILD)/obj64/%.c.o: %.c
	@mkdir -p $(@D)
	$(CC) -m64 $(CPPFLAGS) $(ALL_CFLAGS) $(SHIM_FLAGS) -MMD -MP -c $< -o $@

$(BUILD)/obj64/%.S.o: %.S
	@mkdir -p $(@D)
	$(CC) -m64 $(CPPFLAGS) -c $< -o $@

$(PAGE): $(PAGE_SOURCES)
	@mkdir -p $(@D)
	awk -f runner/views/html/bundle.awk runner/views/html/page.html >$@

# its symbols are made by the assembler, of which optimising as one knows nothing
$(BUILD)/obj/runner/views/html_bytes.o: RUNNER_FLAGS :=
$(BUILD)/obj/runner/views/html_bytes.o $(BUILD)/unit/obj/runner/views/html_bytes.o $(BUILD)/fuzz/obj/runner/views/html_bytes.o: $(PAGE)

# Without gettext the catalogue is empty: the tool speaks English.
$(SPANISH): runner/po/es.po
	@mkdir -p $(@D)
	if command -v msgfmt >/dev/null; then msgfmt --check -o $@ $<; else : >$@; fi

$(BUILD)/obj/runner/base/catalogue.o: RUNNER_FLAGS :=
$(BUILD)/obj/runner/base/catalogue.o $(BUILD)/unit/obj/runner/base/catalogue.o $(BUILD)/fuzz/obj/runner/base/catalogue.o: $(SPANISH)

$(BUILD)/proto/%.pb-c.c: runner/views/%.proto
	@mkdir -p $(@D)
	protoc-c --proto_path=$(<D) --c_out=$(@D) $(<F)

$(PROTO): $(PROTO_SOURCES)
	cd $(@D) && $(CC) -std=gnu11 -O2 -g -I. -c $(^F)
	@rm -f $@
	ar rcs $@ $(^:.c=.o)

$(patsubst %,$(BUILD)/%/runner/views/export_pprof.o,obj unit/obj fuzz/obj) $(patsubst %,$(BUILD)/%/runner/views/export_perfetto.o,obj unit/obj fuzz/obj): $(PROTO_SOURCES)

$(TOOL): $(RUNNER_OBJECTS) $(PROTO)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(RUNNER_FLAGS) $(LDFLAGS) $^ -o $@.new $(RUNNER_LIBS)
	@mv $@.new $@

$(SHIM32): $(SHIM32_OBJECTS) shim/exports.map shim/segments.ld
	@mkdir -p $(@D)
	$(CC) -m32 $(CFLAGS) $(SHIM_LDFLAGS) $(SHIM32_OBJECTS) -o $@.new
	@mv $@.new $@
	@ln -sf i386-linux-gnu/$(@F) $(SHIMS)/lib/$(@F)

$(SHIM64): $(SHIM64_OBJECTS) shim/exports.map shim/segments.ld
	@mkdir -p $(@D) $(SHIMS)/lib64
	$(CC) -m64 $(CFLAGS) $(SHIM_LDFLAGS) $(SHIM64_OBJECTS) -o $@.new
	@mv $@.new $@
	@ln -sf ../lib/x86_64-linux-gnu/$(@F) $(SHIMS)/lib64/$(@F)

%.h: ; # one that has gone: what included it is built anew
-include $(RUNNER_OBJECTS:.o=.d) $(SHIM32_OBJECTS:.o=.d) $(SHIM64_OBJECTS:.o=.d)

# ---- the lab programs and the test victims: as a student compiles them ----

LAB_FLAGS := -g -O0 -std=gnu11 -Wall -Wextra -Werror -pthread
VICTIM_NAMES := $(patsubst tests/victims/%.c,%,$(filter-out %_lib.c,$(wildcard tests/victims/*.c))) cxx_throw cxx_names
LAB_NAMES := $(patsubst tests/labs/%.c,%,$(wildcard tests/labs/*.c)) lib_cos_static
# the same call chains in code of several forms: with a frame pointer (fp), and without where the compiler can
CALL_PATHS := $(foreach level,O0 O1 O2 O3,call_paths.$(level).fp call_paths.$(level).nofp)
FRAMES_fp := -fno-omit-frame-pointer
FRAMES_nofp := -fomit-frame-pointer
VICTIM_NAMES += $(CALL_PATHS)
# what only the benchmark runs: as released programs are compiled
BENCH_NAMES := malloc_free realloc_growth
BENCH_PROGRAMS := $(foreach name,$(BENCH_NAMES),$(BUILD)/bench32/$(name) $(BUILD)/bench64/$(name))
LABS := $(foreach name,$(LAB_NAMES),$(BUILD)/labs/$(name) $(BUILD)/labs64/$(name))
VICTIMS := $(foreach name,$(VICTIM_NAMES),$(BUILD)/victims/$(name) $(BUILD)/victims64/$(name))

labs: $(LABS) ## build the lab programs: build/labs/map1 (32 bit), build/labs64/map1 ...

victims: $(VICTIMS) $(BENCH_PROGRAMS)

# programs_of BITS,SUFFIX: the rules for build/labsSUFFIX and build/victimsSUFFIX
define programs_of
$(BUILD)/labs$(2)/%: tests/labs/%.c tests/labs/lab.h
	@mkdir -p $$(@D)
	$(CC) -m$(1) $(LAB_FLAGS) $$< -o $$@ -lm

$(BUILD)/labs$(2)/lib_cos_static: tests/labs/lib_cos.c tests/labs/lab.h
	@mkdir -p $$(@D)
	$(CC) -m$(1) $(LAB_FLAGS) -static $$< -o $$@ -lm

$(BUILD)/victims$(2)/%: tests/victims/%.c tests/victims/victim.h
	@mkdir -p $$(@D)
	$(CC) -m$(1) $(LAB_FLAGS) $$< -o $$@

$(BUILD)/victims$(2)/call_paths.%: tests/victims/call_paths.c tests/victims/victim.h
	@mkdir -p $$(@D)
	$(CC) -m$(1) $(LAB_FLAGS) -$$(basename $$*) $$(FRAMES_$$(subst .,,$$(suffix $$*))) $$< -o $$@

$(BUILD)/victims$(2)/lib%.so: tests/victims/%_lib.c tests/victims/victim.h
	@mkdir -p $$(@D)
	$(CC) -m$(1) $(LAB_FLAGS) -shared -fPIC -Wl,-soname,$$(@F) $$< -o $$@

$(BUILD)/victims$(2)/joined $(BUILD)/victims$(2)/loader_work: $(BUILD)/victims$(2)/%: tests/victims/%.c tests/victims/victim.h | $(BUILD)/victims$(2)/lib%.so
	$(CC) -m$(1) $(LAB_FLAGS) $$< -Wl,-rpath,'$$$$ORIGIN' -o $$@

$(BUILD)/victims$(2)/early $(BUILD)/victims$(2)/own_library: $(BUILD)/victims$(2)/%: tests/victims/%.c $(BUILD)/victims$(2)/lib%.so
	$(CC) -m$(1) $(LAB_FLAGS) $$^ -Wl,-rpath,'$$$$ORIGIN' -o $$@

$(BUILD)/victims$(2)/cxx_throw: tests/victims/cxx_throw.cpp tests/victims/victim.h
	@mkdir -p $$(@D)
	$(CXX) -m$(1) -g -O0 -Wall -Wextra -Werror -pthread $$< -o $$@

$(BUILD)/victims$(2)/inlined: tests/victims/inlined.c tests/victims/victim.h
	@mkdir -p $$(@D)
	$(CC) -m$(1) $(LAB_FLAGS) -O2 $$< -o $$@

$(BUILD)/victims$(2)/cxx_names: tests/victims/cxx_names.cpp tests/victims/victim.h
	@mkdir -p $$(@D)
	$(CXX) -m$(1) -g -O2 -Wall -Wextra -Werror $$< -o $$@
endef
$(eval $(call programs_of,32,))
$(eval $(call programs_of,64,64))

$(BUILD)/bench32/%: tests/bench/%.c tests/victims/victim.h
	@mkdir -p $(@D)
	$(CC) -m32 $(LAB_FLAGS) -O2 $< -o $@

$(BUILD)/bench64/%: tests/bench/%.c tests/victims/victim.h
	@mkdir -p $(@D)
	$(CC) -m64 $(LAB_FLAGS) -O2 $< -o $@

# asked for by the recipe, when everything is installed
LABS_THAT_RUN = $(shell tests/setup/kernel-runs-i386.sh && echo $(BUILD)/labs || echo $(BUILD)/labs64)

demo: ## set up, build, compile the lab programs and trace map3
	@$(MAKE) --no-print-directory $(BUILD)/deps-build
	@$(MAKE) --no-print-directory all labs
	cd $(LABS_THAT_RUN) && $(CURDIR)/$(TOOL) ./map3

# ---- tests ----

PYTHON := /usr/bin/python3
# A test that hangs all the same ends its process, which says where it was: the rest of the tests goes on.
HANGS := --timeout=900 --timeout-method=thread
SANITIZE := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all
UNIT_TESTS := $(wildcard tests/unit/*/test_*.c tests/unit/*/*/test_*.c)
UNIT := $(UNIT_TESTS:tests/unit/%.c=$(BUILD)/unit/%)
ASAN_TOOL := $(BUILD)/asan/bin/procmap-trace
# what they test: an archive for each folder, built with the sanitizers
UNIT_SOURCES := $(sort $(filter-out runner/main.c shim/base/string.c %_i386.c %.S,$(RUNNER_SOURCES) $(SHIM_SOURCES)))
UNIT_ARCHIVES := $(patsubst %/,$(BUILD)/unit/obj/%.a,$(sort $(dir $(UNIT_SOURCES))))

# what each test did and how long it took, for the summary
RESULTS := $(BUILD)/results
# as many jobs as there are processors, unless make was told how many
PARALLEL = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc) --output-sync)
MAKE_QUIETLY = $(MAKE) --no-print-directory

check: ## set up, build with gcc and clang, run all tests
	@$(MAKE_QUIETLY) $(BUILD)/deps-build-test
	@$(MAKE_QUIETLY) $(PARALLEL) all labs victims compilers $(UNIT) $(UNIT_TSAN) $(FUZZ_CORPORA) $(ASAN_TOOL) \
		$(FUZZERS:%=$(BUILD)/fuzz/%)
	@rm -rf $(RESULTS)
	@status=0; for part in unit 'fuzz FUZZ_SECONDS=5' e2e; do $(MAKE_QUIETLY) $$part || status=1; done; \
		$(PYTHON) -B tests/summary.py $(RESULTS) || status=1; exit $$status

# everything compiles without a warning under both compilers; what clang built is tried, too
compilers: labs
	@$(MAKE_QUIETLY) CC=clang BUILD=$(BUILD)/clang RUNNER_FLAGS= all $(BUILD)/clang/bench/throughput
	$(BUILD)/clang/bin/procmap-trace -q $(LABS_THAT_RUN)/map1 >/dev/null

$(BUILD)/unit/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -std=gnu11 $(WARNINGS) $(SANITIZE) -MMD -MP -c $< -o $@

unit_objects = $(patsubst %.c,$(BUILD)/unit/obj/%.o,$(filter $(wildcard $(1)/*.c),$(UNIT_SOURCES)))

# the names of what an archive is to hold: made anew where one has come or gone
$(BUILD)/unit/obj/%.list: FORCE
	@mkdir -p $(@D)
	@echo $(call unit_objects,$*) | cmp -s - $@ || echo $(call unit_objects,$*) >$@

.SECONDEXPANSION:
$(UNIT_ARCHIVES): $(BUILD)/unit/obj/%.a: $(BUILD)/unit/obj/%.list $$(call unit_objects,$$*)
	@rm -f $@
	ar rcs $@ $(filter %.o,$^)

# A test sees its own side and the common ground; the ring has two ends.
unit_archives = $(filter $(BUILD)/unit/obj/schemas.a $(BUILD)/unit/obj/$(firstword $(subst /, ,$(1)))%,$(UNIT_ARCHIVES))
$(BUILD)/unit/runner/ring/test_ring: $(BUILD)/unit/obj/shim/ring.a

$(BUILD)/unit/%: tests/unit/%.c $$(call unit_archives,$$*) $(PROTO)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -std=gnu11 $(WARNINGS) $(SANITIZE) -MMD -MP -MF $@.d $< -o $@ \
		-Wl,--build-id -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(RUNNER_LIBS) -lcmocka -pthread

-include $(UNIT_SOURCES:%.c=$(BUILD)/unit/obj/%.d) $(BUILD)/unit/obj/runner/main.d $(UNIT:=.d)

# The ring is what several threads share: its tests run under ThreadSanitizer, too, which excludes the other sanitizers.
UNIT_TSAN := $(BUILD)/unit/tsan/ring
TSAN_OBJECTS := $(patsubst %,$(BUILD)/unit/tsan/%.o,tests/unit/runner/ring/test_ring runner/ring/ring schemas/record_check shim/ring/emit)

$(BUILD)/unit/tsan/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -std=gnu11 $(WARNINGS) -g -O1 -fsanitize=thread -MMD -MP -c $< -o $@

$(UNIT_TSAN): $(TSAN_OBJECTS)
	$(CC) -fsanitize=thread $^ -o $@ -lcmocka -pthread

-include $(TSAN_OBJECTS:.o=.d)

# ---- hostile input: one harness a source in tests/fuzz, each with a corpus ----

FUZZERS := cfi elf maps options replay ring
FUZZ_SECONDS ?= 60
FUZZ_FLAGS := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
FUZZ_SIDE_cfi := shim
fuzz_side = $(or $(FUZZ_SIDE_$(1)),runner)
FUZZ_CORPORA := $(FUZZERS:%=$(BUILD)/unit/fuzz/%)

# the corpus alone is a unit test
$(FUZZ_CORPORA): $(BUILD)/unit/fuzz/%: tests/fuzz/%.c tests/fuzz/corpus.c $$(call unit_archives,$$(call fuzz_side,$$*)/) $(PROTO)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -std=gnu11 $(WARNINGS) $(SANITIZE) -DCORPUS='"tests/fuzz/corpus/$*"' $(filter %.c,$^) -o $@ \
		-Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(RUNNER_LIBS) -lcmocka -pthread

$(BUILD)/fuzz/obj/%.o: %.c
	@mkdir -p $(@D)
	clang $(CPPFLAGS) -std=gnu11 $(WARNINGS) $(FUZZ_FLAGS) -MMD -MP -c $< -o $@

FUZZ_OBJECTS := $(patsubst %.c,$(BUILD)/fuzz/obj/%.o,$(filter schemas/% runner/% shim/base/% shim/stacks/%,$(UNIT_SOURCES)))

$(BUILD)/fuzz/%.a: $(FUZZ_OBJECTS)
	@rm -f $@
	ar rcs $@ $(filter $(BUILD)/fuzz/obj/schemas/% $(BUILD)/fuzz/obj/$*/%,$^)

$(FUZZERS:%=$(BUILD)/fuzz/%): $(BUILD)/fuzz/%: $(BUILD)/fuzz/obj/tests/fuzz/%.o $$(BUILD)/fuzz/$$(call fuzz_side,$$*).a $(PROTO)
	clang -g -fsanitize=fuzzer,address,undefined $^ -o $@ $(RUNNER_LIBS) -pthread

-include $(FUZZ_OBJECTS:.o=.d)

$(FUZZERS:%=fuzz-%): fuzz-%: $(BUILD)/fuzz/%
	@mkdir -p $(BUILD)/fuzz/corpus/$*
	$< -max_total_time=$(FUZZ_SECONDS) -timeout=20 -rss_limit_mb=4096 -verbosity=0 -artifact_prefix=$(BUILD)/fuzz/found-$*- \
		$(BUILD)/fuzz/corpus/$* tests/fuzz/corpus/$*

fuzz: ## hostile input to all that reads, FUZZ_SECONDS each
	@$(MAKE_QUIETLY) $(PARALLEL) $(FUZZERS:%=fuzz-%)

unit: $(UNIT) $(UNIT_TSAN) $(FUZZ_CORPORA) ## run the unit tests, with the sanitizers
	@$(PYTHON) -B tests/unit/run.py $(RESULTS) $(UNIT_TSAN) $(UNIT) $(FUZZ_CORPORA)

# The tool with the sanitizers, of the same objects as the unit tests; the shim, which lives in other programs, without.
ASAN_OBJECTS := $(patsubst $(BUILD)/obj/%,$(BUILD)/unit/obj/%,$(RUNNER_OBJECTS))

$(ASAN_TOOL): $(ASAN_OBJECTS) $(PROTO)
	@mkdir -p $(@D) $(BUILD)/asan/lib
	$(CC) $(SANITIZE) $^ -o $@ $(RUNNER_LIBS)
	@ln -sfn ../../lib/procmap-trace $(BUILD)/asan/lib/procmap-trace

FORCE:

e2e: all labs victims $(ASAN_TOOL) ## run the end-to-end tests
	tests/setup/foreign.sh $(BUILD)/foreign
	BUILD=$(CURDIR)/$(BUILD) PROCMAP_TRACE_ASAN=$(CURDIR)/$(ASAN_TOOL) \
		$(PYTHON) -B -m pytest -q -n 4 -p no:cacheprovider $(HANGS) --junitxml=$(RESULTS)/e2e.xml tests/e2e tests/test_rooms.py

differential: all ## what some 500 commands do, untraced and traced: a table of the differences
	tests/setup/foreign.sh $(BUILD)/foreign || echo "make differential: what is missing is left out"
	BUILD=$(CURDIR)/$(BUILD) $(PYTHON) -B tests/differential/differential.py

# shifts of the layout (tests/e2e/layout.py): no test may depend on where the kernel puts things
LAYOUTS := library=libanl.so.1,cache=13 stack=136,aslr=off aslr=on

soak: all labs victims ## fuzzing for a minute each, the stress tests with their full numbers, then all end-to-end tests in three layouts: takes long
	@$(MAKE_QUIETLY) fuzz
	BUILD=$(CURDIR)/$(BUILD) PROCMAP_TRACE_SOAK=1 $(PYTHON) -B -m pytest -q -p no:cacheprovider tests/e2e/test_stress.py tests/e2e/test_exact.py
	for layout in $(LAYOUTS); do PROCMAP_TRACE_LAYOUT=$$layout $(MAKE_QUIETLY) e2e || exit 1; done

bench: all victims ## what tracing costs, also with other tools: build/bench.md, build/bench.json (BENCH='--only sqlite3')
	tests/setup/foreign.sh $(BUILD)/foreign || echo "make bench: what is missing is left out"
	BUILD=$(CURDIR)/$(BUILD) $(PYTHON) -B tests/bench/bench.py $(BENCH)

bench-deps: ## install the tools that `make bench` compares with (Debian, Ubuntu)
	tests/setup/deps.sh build bench
	tests/setup/peers.sh $(BUILD)/peers

bench-readme: ## put the figures of the last `make bench` into tests/bench/README.md
	BUILD=$(CURDIR)/$(BUILD) $(PYTHON) -B tests/bench/bench.py --readme

# the runner alone: how many events a second it takes from a ring, and its memory
$(BUILD)/bench/throughput: tests/bench/throughput.c $(filter-out %/main.o,$(RUNNER_OBJECTS)) $(PROTO)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(ALL_CFLAGS) $(RUNNER_FLAGS) $^ -o $@ $(RUNNER_LIBS)

bench-runner: $(BUILD)/bench/throughput ## how many events a second the runner takes
	$< 10 $(BUILD)/bench/trace.jsonl; rm -f $(BUILD)/bench/trace.jsonl

# ---- installation ----

LIBDIR = $(DESTDIR)$(PREFIX)/lib/procmap-trace
SHAREDIR = $(DESTDIR)$(PREFIX)/share

install: all ## install under PREFIX (/usr/local)
	install -D -m 755 $(TOOL) $(DESTDIR)$(PREFIX)/bin/procmap-trace
	for folder in lib/i386-linux-gnu lib/x86_64-linux-gnu; do \
		install -D -m 755 $(SHIMS)/$$folder/libprocmap-trace.so $(LIBDIR)/$$folder/libprocmap-trace.so || exit 1; done
	ln -sf i386-linux-gnu/libprocmap-trace.so $(LIBDIR)/lib/libprocmap-trace.so
	mkdir -p $(LIBDIR)/lib64
	ln -sf ../lib/x86_64-linux-gnu/libprocmap-trace.so $(LIBDIR)/lib64/libprocmap-trace.so
	install -D -m 644 schemas/event.schema.json $(SHAREDIR)/procmap-trace/event.schema.json
	install -D -m 644 schemas/summary.schema.json $(SHAREDIR)/procmap-trace/summary.schema.json
	install -D -m 644 schemas/thresholds.schema.json $(SHAREDIR)/procmap-trace/thresholds.schema.json
	install -D -m 644 runner/procmap-trace.1 $(SHAREDIR)/man/man1/procmap-trace.1

uninstall: ## remove what install put there
	rm -f $(DESTDIR)$(PREFIX)/bin/procmap-trace $(SHAREDIR)/man/man1/procmap-trace.1
	rm -rf $(DESTDIR)$(PREFIX)/lib/procmap-trace $(SHAREDIR)/procmap-trace

format: ## format the C sources
	clang-format -i $$(git ls-files 'schemas/*.[ch]' 'shim/*.[ch]' 'runner/*.[ch]' 'tests/unit/*.[ch]' 'tests/fuzz/*.[ch]')

clean: ## remove build/
	rm -rf $(BUILD)
