# tarboot: `make` builds build/init (PID 1 of the image) and build/tarboot (the command), both static.
# Libraries are fetched and built on demand by the scripts in scripts/. Packages are installed by `make demo`, `test`, `test-all`,
# `matrix`, `soak`, `bench`, `bench-peers` and `packages`; other targets name those that are missing. `make WERROR=` takes warnings for warnings.
# `make help` lists the targets. Everything that is made lies under $(BUILD).

VERSION  = 0.1.0
prefix   = /usr/local
BUILD    = build
HOST    := $(shell uname -m)
ARCH     = $(HOST)
MUSL_CC  = musl-gcc
CC_HOST  = gcc
CC_FUZZ  = clang
INSTALL_PACKAGES = scripts/install-packages
WERROR   = -Werror
export BUILD MUSL_CC CC_HOST CC_FUZZ

B := $(BUILD)
# A name of make's ends at a blank.
$(foreach path,CURDIR BUILD,$(if $(word 2,[$($(path))]),$(error \
	$($(path)): make cannot build in a directory whose path has a space: move the checkout, or use another BUILD)))
NPROC := $(shell nproc)
ifeq ($(filter -j% --jobserver%,$(MAKEFLAGS)),)
MAKEFLAGS += -j$(NPROC)
endif
MAKEFLAGS += --no-builtin-rules
say = $(if $(V),,@echo '  $1	$2';)# short lines, or whole commands with V=1
.DELETE_ON_ERROR:

# ---- Flags ----

WARN = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition \
	-Wpointer-arith -Wwrite-strings -Wformat=2 -Wvla -Wundef
BASE = -std=gnu11 $(WARN) -D_GNU_SOURCE= -D_FILE_OFFSET_BITS=64 -Icommon \
	-DTARBOOT_VERSION='"$(VERSION)"'
# Lines for stack traces, but no variables: that takes a fifth less time and half the room.
SANE = -O1 -g1 -fno-omit-frame-pointer -fno-sanitize-recover=all

# Static, not PIE: musl-gcc cannot link a static PIE, and the size hardly differs (+0.3 %).
# No paths, no build id, no symbols: the same source gives the same bytes in any directory.
CC_musl     = $(MUSL_CC)
# Nothing is thrown through C, and who debugs has another build: these tables would be a fourteenth of init.
NO_UNWINDING = -fno-unwind-tables -fno-asynchronous-unwind-tables
CFLAGS_static = -O2 $(WERROR) -fno-pie -fstack-protector-strong -ffunction-sections -fdata-sections $(NO_UNWINDING) \
	-ffile-prefix-map=$(CURDIR)/=
CFLAGS_musl = $(CFLAGS_static) -idirafter $(B)/deps/musl/linux
LINK_packer = -Wl,--wrap=pipe # see packer/base/decompress.c
LINK_musl   = -static -no-pie -s -Wl,--gc-sections,--build-id=none
# The same for another machine: `make ARCH=aarch64`. Debian's libgcc would ask glibc for atomic instructions.
CC_aarch64     = $(B)/deps/aarch64/musl-gcc
CFLAGS_aarch64 = $(CFLAGS_static) -mno-outline-atomics -idirafter $(B)/deps/aarch64/linux
LINK_aarch64   = $(LINK_musl)
AR_aarch64     = aarch64-linux-gnu-ar
CC_asan     = $(CC_HOST)
CFLAGS_asan = $(SANE) -fsanitize=address,undefined
LINK_asan   = -fsanitize=address,undefined
CC_tsan     = $(CC_HOST)
CFLAGS_tsan = $(SANE) -fsanitize=thread
LINK_tsan   = -fsanitize=thread
CC_fuzz     = $(CC_FUZZ)
CFLAGS_fuzz = $(SANE) -fsanitize=fuzzer-no-link,address,undefined
LINK_fuzz   = -fsanitize=fuzzer,address,undefined

# What the sources of one directory get beyond that.
FLAGS_init   = -Iinit
FLAGS_packer = -Ipacker -DTARBOOT_LIBDIR='"$(prefix)/lib/tarboot"'
FLAGS_tests  = -I. -Iinit -Ipacker -Itests/unit

# Functions that a unit test gets hold of (see tests/unit/wrap.h), by the names that musl and glibc have.
WRAP_inject = malloc calloc realloc free openat openat64 fcntl fcntl64 close fstat fstat64 fstatat \
	fstatat64 readlinkat pread pread64 pwrite pwrite64 ftruncate ftruncate64 fallocate fallocate64 mkdirat \
	symlinkat linkat mknodat mkfifoat unlinkat fchdir fchown fchownat fchmod fchmodat futimens utimensat \
	fsetxattr lsetxattr fdopen fgets ferror mmap mmap64 munmap madvise pthread_create pthread_join \
	sched_getaffinity
WRAP_out = open open64
WRAP_tree = mkdirat mkfifoat fsetxattr fstatvfs fstatvfs64
WRAP_spool = pwrite pwrite64 fstatvfs fstatvfs64
WRAP_payload = sysconf
WRAP_zstd = pread pread64
WRAP_arrival = pread pread64 pwrite pwrite64
WRAP_encode = malloc calloc free pthread_create pthread_join
WRAP_schedule = pthread_cond_wait pthread_cond_signal pthread_cond_broadcast pthread_create pthread_join \
	tree_file_write tree_file_hold tree_file_release
WRAP_stress = pthread_mutex_lock pthread_cond_wait pthread_cond_signal pthread_cond_broadcast pthread_create \
	pthread_join pwrite pwrite64 lzma_code ZSTD_decompressStream

WRAP_plan = sched_getaffinity
WRAP_memory = fopen fopen64
WRAP_systemd_needs = setgroups
WRAP_terminals = fopen fopen64 open open64 close read write ioctl poll usleep clock_gettime
WRAP_message = socketpair
WRAP_cut_layers = console_log klogctl fstatfs fstatfs64
WRAP_console = terminals_print message_send_line clock_gettime
WRAP_modules = console_log uname syscall modindex_match
WRAP_mount_id = syscall

# Where names are read, kept, sorted and shown: what test_depth counts the steps of (see tests/unit/count_steps.h).
COUNTED := $(patsubst %,common/%.c,base/inroot base/json base/pathwalk engine/unpack image/treesize tar/root_read tar/tar_pax \
	tar/tar_read tree/root_tree) $(patsubst %,packer/%.c,base/path base/print image/contents image/contents_diff \
	image/disk_usage image/disk_usage_svg image/image_report image/inspect_json)
CFLAGS_counted = -fsanitize-coverage=trace-pc -include tests/unit/count_steps.h

# A change of any flag rebuilds the objects. The goals that compile none leave the record alone.
FLAGS := $(BASE) $(foreach v,musl aarch64 asan tsan fuzz,$(CC_$v) $(CFLAGS_$v) $(LINK_$v)) $(FLAGS_packer) \
	$(FLAGS_init) $(CFLAGS_counted) $(WRAP_inject) $(WRAP_out) $(WRAP_payload) $(WRAP_schedule) $(WRAP_stress)
ifneq ($(filter-out lint format help clean distclean fresh,$(or $(MAKECMDGOALS),all)),)
ifneq ($(file <$(B)/obj/flags),$(FLAGS))
$(shell mkdir -p $(B)/obj)
$(file >$(B)/obj/flags,$(FLAGS))
endif
endif

# ---- What there is ----

# The C files of a directory and of those in it, whatever these are called.
sources = $(sort $(shell find $1 -name '*.c'))
COMMON := $(call sources,common)
FETCH  := $(call sources,init/fetch)
CHECKER := $(call sources,init/signature)
INIT   := $(filter-out $(FETCH) $(CHECKER),$(call sources,init))
PACKER := $(call sources,packer)
UNIT  := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_*.c))
# treelist is for the matrix.
AARCH64 := $(patsubst %,$(B)/aarch64/%,init fetch signature $(if $(filter test-all matrix,$(MAKECMDGOALS)),treelist))
TOOLS := $(patsubst tests/tools/%.c,$(B)/tests/tools/%,$(wildcard tests/tools/*.c))
FUZZ  := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZERS := $(FUZZ:%=$(B)/tests/fuzz/%)
# TSan is for those that start threads; tests/build.t knows whether one is missing here. libFuzzer's own builds need all of the
# sources by clang once more, and replay what the others do. `make test-all` makes and runs everything.
THREADED := test_arrival test_depth test_encode test_inject test_receive test_schedule test_stress test_tree test_unpack fuzz_repack fuzz_unpack fuzz_xz fuzz_zstd
TEST_ALL := $(filter test-all,$(MAKECMDGOALS))
WITH_TSAN := $(if $(TEST_ALL),$(UNIT) $(FUZZ),$(THREADED))
REPLAYS := $(FUZZ:%=$(B)/tests/asan/%) $(patsubst %,$(B)/tests/tsan/%,$(filter fuzz_%,$(WITH_TSAN))) $(if $(TEST_ALL),$(FUZZERS))
TESTED := $(foreach v,musl asan,$(UNIT:%=$(B)/tests/$v/%)) $(patsubst %,$(B)/tests/tsan/%,$(filter test_%,$(WITH_TSAN)))
# Boot tests run one at a time, since a guest has two CPUs itself, and beside the others, since it mostly uses one of them;
# time limits are doubled for that. Those whose guests mostly stop in init, and one without guests, are among the others: so both rows take as long.
STOPPED := $(patsubst %,tests/%.t,fault/payload fault/shell fault/root fault/parameters netboot/50-no-root fault/machine boot/stalls)
SERIAL := $(filter-out $(STOPPED),$(wildcard tests/boot/*.t tests/fault/*.t tests/netboot/*.t tests/kernel/*.t)) tests/soak/soak.t
# The longest of the others come first, so that none of them runs alone at the end.
LONG := $(B)/tests/tsan/test_stress tests/pack/disk.t tests/engine/memory.t tests/pack/debian.t tests/pack/netboot.t
SHARED := $(LONG) $(STOPPED) $(filter-out $(SERIAL) $(LONG) $(STOPPED),$(TESTED) $(wildcard tests/*.t tests/*/*.t))

OUT := $(B)$(if $(filter-out $(HOST),$(ARCH)),/$(ARCH))
.PHONY: all
all: $(OUT)/init $(OUT)/fetch $(OUT)/signature $(OUT)/tarboot ## build init, its programs and tarboot (the default); ARCH=aarch64 builds for ARM

# ---- Compilers and libraries ----

# The goals that install what they need; the others ask whether it is there.
SETUP  := $(filter demo test test-all matrix soak bench bench-peers packages,$(MAKECMDGOALS))
GROUPS := build $(filter demo bench,$(MAKECMDGOALS)) $(if $(filter bench-peers,$(MAKECMDGOALS)),demo peers) \
	$(if $(filter lint fuzz fuzz-run,$(MAKECMDGOALS)),lint) $(if $(filter test test-all matrix soak,$(MAKECMDGOALS)),demo test) \
	$(if $(TEST_ALL),oracles)
NEED   := $(INSTALL_PACKAGES)$(if $(SETUP),, --check)
TOOLCHAIN := $(if $(filter-out build,$(GROUPS)),toolchain)
TOOLCHAIN := $(or $(TOOLCHAIN),$(shell command -v $(MUSL_CC) >/dev/null || echo toolchain))
.PHONY: packages toolchain
packages: ## install the packages needed to build (GROUPS="build lint kernel" for more)
	@$(INSTALL_PACKAGES) $(GROUPS)
toolchain:
	@$(NEED) $(GROUPS)

$(B)/src/%/.origin: | $(TOOLCHAIN)
	@$(NEED) build
	scripts/fetch-source $*
# They share one apt state.
$(B)/src/libarchive/.origin: | $(B)/src/xz/.origin
$(B)/src/libsodium/.origin: | $(B)/src/libarchive/.origin
$(B)/src/zstd/.origin: | $(B)/src/libsodium/.origin
$(B)/src/curl/.origin: | $(B)/src/zstd/.origin

$(B)/deps/aarch64/musl-gcc: | $(TOOLCHAIN)
	@$(NEED) cross
	scripts/fetch-musl aarch64
$(patsubst %,$(B)/deps/aarch64/lib/lib%.a,lzma archive sodium zstd curl): | $(B)/deps/aarch64/musl-gcc

.PHONY: deps
deps: $(patsubst %,$(B)/deps/musl/lib/lib%.a,lzma archive sodium zstd curl) ## download and build the libraries

# ---- Objects and programs, once for each variant ----

# $1 = variant
define variant
LIBS_INIT_$1 = $(patsubst %,$(B)/deps/$1/lib/lib%.a,lzma sodium zstd)
LIBS_$1 = $(B)/deps/$1/lib/libarchive.a $$(LIBS_INIT_$1)
$(B)/deps/$1/lib/liblzma.a: $(B)/src/xz/.origin scripts/build-library | $(TOOLCHAIN)
	scripts/build-library xz $1
$(B)/deps/$1/lib/libarchive.a: $(B)/src/libarchive/.origin $(B)/deps/$1/lib/liblzma.a scripts/build-library | $(TOOLCHAIN)
	scripts/build-library libarchive $1
$(B)/deps/$1/lib/libsodium.a: $(B)/src/libsodium/.origin scripts/build-library | $(TOOLCHAIN)
	scripts/build-library libsodium $1
$(B)/deps/$1/lib/libzstd.a: $(B)/src/zstd/.origin scripts/build-library | $(TOOLCHAIN)
	scripts/build-library zstd $1
$(B)/deps/$1/lib/libcurl.a: $(B)/src/curl/.origin scripts/build-library | $(TOOLCHAIN)
	scripts/build-library curl $1

$(patsubst %.c,$(B)/obj/$1/%.o,$(PACKER) $(wildcard tests/*/*.c)): $(B)/src/libarchive/.origin | $(B)/deps/$1/lib/libarchive.a
$(patsubst %.c,$(B)/obj/$1/%.o,$(FETCH) tests/fuzz/fuzz_http.c): $(B)/src/curl/.origin | $(B)/deps/$1/lib/libcurl.a
COMPILE_$1 = $$(call say,CC,$$@)$$(CC_$1) $$(CFLAGS_$1) $$(BASE) $$(FLAGS_$$(firstword $$(subst /, ,$$<))) \
	-isystem $(B)/deps/$1/include -MMD -MP -c -o $$@ $$<
$(B)/obj/$1/%.o: %.c $(B)/obj/flags $(B)/src/xz/.origin $(B)/src/libsodium/.origin $(B)/src/zstd/.origin | $$(LIBS_INIT_$1) $(TOOLCHAIN)
	@mkdir -p $$(@D)
	$$(COMPILE_$1)

$(COUNTED:%.c=$(B)/obj/$1/counted/%.o): $(B)/obj/$1/counted/%.o: %.c $(B)/obj/flags tests/unit/count_steps.h | $$(LIBS_$1)
	@mkdir -p $$(@D)
	$$(COMPILE_$1) $$(CFLAGS_counted)
$(B)/tests/$1/test_depth: $(COUNTED:%.c=$(B)/obj/$1/counted/%.o)

# Archives of all but the mains: a program links only what it uses, a unit test can reach all.
ALL_$1 = $(B)/obj/$1/libinit.a $(B)/obj/$1/libpacker.a $(B)/obj/$1/libcommon.a $$(LIBS_$1)
$(B)/obj/$1/libcommon.a: $(COMMON:%.c=$(B)/obj/$1/%.o)
$(B)/obj/$1/libinit.a: $(patsubst %.c,$(B)/obj/$1/%.o,$(filter-out init/main.c,$(INIT)))
$(B)/obj/$1/libfetch.a: $(patsubst %.c,$(B)/obj/$1/%.o,$(filter-out init/fetch/main.c,$(FETCH)))
$(B)/obj/$1/libpacker.a: $(patsubst %.c,$(B)/obj/$1/%.o,$(filter-out packer/main.c,$(PACKER)))
$(B)/obj/$1/lib%.a: $(B)/obj/flags
	@rm -f $$@
	$$(call say,AR,$$@)$(or $(AR_$1),ar) rcD $$@ $$(filter %.o,$$^)

# $2 = where its programs go
$2/init: $(B)/obj/$1/init/main.o $(B)/obj/$1/libinit.a $(B)/obj/$1/libcommon.a $$(LIBS_INIT_$1)
$2/fetch: $(B)/obj/$1/init/fetch/main.o $(B)/obj/$1/libfetch.a $(B)/obj/$1/libcommon.a $(B)/deps/$1/lib/libcurl.a
$2/signature: $(B)/obj/$1/init/signature/main.o $(B)/obj/$1/libcommon.a $$(LIBS_INIT_$1)
$2/tarboot: $(B)/obj/$1/packer/main.o $(B)/obj/$1/libpacker.a $(B)/obj/$1/libcommon.a $$(LIBS_$1)
$2/decode $2/treelist: $2/%: $(B)/obj/$1/tests/tools/%.o $(B)/obj/$1/libcommon.a $$(LIBS_INIT_$1)
$(B)/tests/$1/test_%: $(B)/obj/$1/tests/unit/test_%.o $$(ALL_$1)
	@mkdir -p $$(@D)
	$$(call say,LINK,$$@)$$(CC_$1) $$(LINK_$1) $$(WRAP_$$*:%=-Wl,--wrap=%) -pthread -o $$@ -Wl,--start-group \
		$$(filter %.o,$$^) $$(filter %.a,$$^) -Wl,--end-group
# libFuzzer brings a main of its own; the other builds replay files.
MAIN_$1 = $(if $(filter-out fuzz,$1),$(B)/obj/$1/tests/fuzz/replay_main.o)
$(B)/tests/$1/fuzz_%: $(B)/obj/$1/tests/fuzz/fuzz_%.o $$(MAIN_$1) $$(ALL_$1)
	@mkdir -p $$(@D)
	$$(call say,LINK,$$@)$$(CC_$1) $$(LINK_$1) -pthread -o $$@ -Wl,--start-group $$^ -Wl,--end-group
# What the fetcher is made of, no other test sees.
$(B)/tests/$1/fuzz_http $(B)/tests/$1/test_response: $(B)/obj/$1/libfetch.a $(B)/deps/$1/lib/libcurl.a
$2/init $2/fetch $2/signature $2/tarboot $2/decode $2/treelist:
	@mkdir -p $$(@D)
	$$(call say,LINK,$$@)$$(CC_$1) $$(LINK_$1) $$(if $$(filter %/tarboot,$$@),$$(LINK_packer)) -pthread -o $$@ -Wl,--start-group $$^ -Wl,--end-group
endef
$(eval $(call variant,musl,$(B)))
$(eval $(call variant,aarch64,$(B)/aarch64))
$(eval $(call variant,asan,$(B)/asan))
$(eval $(call variant,tsan,$(B)/tsan))
$(eval $(call variant,fuzz,$(B)/fuzz))

$(B)/tests/tools/%: $(B)/obj/musl/tests/tools/%.o $(ALL_musl)
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CC_musl) $(LINK_musl) -pthread -o $@ -Wl,--start-group $^ -Wl,--end-group

# What an .incbin reads, no compiler tells.
$(foreach v,musl aarch64 asan tsan fuzz,$(patsubst %.c,$(B)/obj/$v/%.o,$(filter %/kernel_check.c,$(PACKER)))): $(wildcard kconfig/*.config)
$(foreach v,musl aarch64 asan tsan fuzz,$(patsubst %.c,$(B)/obj/$v/%.o,$(filter %/status_files.c,$(PACKER)))): $(wildcard packer/status/page/*)

.SECONDARY:
-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)

# ---- Trying and testing ----

# A kernel as small as kconfig/ allows; docs/kernel.md has its size and times.
.PHONY: kernel
kernel: $(B)/kernel/vmlinuz ## build a minimal x86-64 kernel from the fragments in kconfig/
$(B)/kernel/vmlinuz: scripts/make-kernel $(wildcard kconfig/*.config) $(B)/tarboot
	@$(NEED) kernel
	scripts/make-kernel $@
	$(B)/tarboot kernel-check --missing $@

.PHONY: demo test fresh matrix soak test-all test-programs fuzz fuzz-run bench bench-peers lint format
$(B)/demo-root.tar: | $(TOOLCHAIN)
	ARCH=$(HOST) scripts/make-demo-root $@

# The same for another machine, whose programs QEMU runs while it is made.
$(B)/demo-root-%.tar: | $(TOOLCHAIN)
	ARCH=$* scripts/make-demo-root $@

# A root of more than 600 MB, as a computer class room has it.
$(B)/bench-root.tar: | $(TOOLCHAIN)
	ARCH=$(HOST) scripts/make-demo-root $@ build-essential gdb git vim python3-numpy

demo: all $(B)/demo-root.tar ## build a Debian root, pack it, and boot it in QEMU
	$(B)/tarboot pack $(B)/demo-root.tar -o $(B)/demo.img
	$(B)/tarboot run --until-login $(B)/demo.img

test-programs: all $(TESTED) $(TOOLS) $(REPLAYS) \
	$(foreach v,asan tsan,$(B)/$v/tarboot $(B)/$v/decode) $(B)/asan/fetch $(B)/asan/signature $(AARCH64)

test: test-programs ## run the tests; installs and builds what they need
	@{ printf '%s\n' --- par: '  - seq:'; printf '      - %s\n' $(SERIAL); \
	   echo '  - par:'; printf '      - %s\n' $(SHARED); } >$(B)/testrules.yml
	TARBOOT_BUILD=$(abspath $(B)) TARBOOT_SLOW=$(or $(TARBOOT_SLOW),2) HARNESS_RULESFILE=$(B)/testrules.yml \
		prove --timer --exec '' -j$(NPROC) $(SERIAL) $(SHARED)

fresh: ## run the README's two commands on a new minimal Debian
	scripts/fresh-machine sh -c 'make demo && make test'

test-all: export TARBOOT_TEST_ALL = 1
test-all: test ## run all tests, including the slow ones

matrix: all $(TOOLS) $(AARCH64) | $(TOOLCHAIN) ## boot roots of many kinds; the table in docs/compatibility.md
	rm -rf $(B)/matrix
	TARBOOT_BUILD=$(abspath $(B)) TARBOOT_MATRIX='$(or $(TARBOOT_MATRIX),.)' TARBOOT_SLOW=$(or $(TARBOOT_SLOW),2) \
		prove --timer --exec '' -v tests/boot/matrix.t; r=$$?; scripts/matrix-table $(B)/matrix docs/compatibility.md; exit $$r

soak: all | $(TOOLCHAIN) ## boot BOOTS=200 times with random faults; SEED=N BOOT=N does one again
	TARBOOT_BUILD=$(abspath $(B)) TARBOOT_SOAK=1 TARBOOT_SLOW=$(or $(TARBOOT_SLOW),2) prove --timer --exec '' -v tests/soak/soak.t

fuzz: $(FUZZERS) ## build the fuzz targets

MINUTES ?= 30
fuzz-run: fuzz ## run each fuzz target for MINUTES of CPU time
	TARBOOT_BUILD=$(abspath $(B)) tests/fuzz/run $(MINUTES)

# The rivals run with a liblzma of the same version as ours, too.
$(B)/deps/shared/lib/liblzma.so.5: $(B)/src/xz/.origin | $(TOOLCHAIN)
	scripts/build-library xz shared

bench: all $(TOOLS) $(B)/bench-root.tar $(B)/deps/shared/lib/liblzma.so.5 ## run the benchmarks in tests/bench
	TARBOOT_BUILD=$(abspath $(B)) tests/bench/run

# What the peers boot is kept in $(B)/peers; `make bench-peers PEERS="stream live-boot login"` is a part of it.
bench-peers: all $(B)/demo-root.tar $(B)/bench-root.tar | $(TOOLCHAIN) ## boot the same roots with tarboot and its peers
	TARBOOT_BUILD=$(abspath $(B)) tests/bench/bench-peers $(PEERS); r=$$?; \
	TARBOOT_BUILD=$(abspath $(B)) BENCH_NAME=peers-of-bench-root BENCH_TAR=$(abspath $(B))/bench-root.tar \
		tests/bench/bench-peers $(PEERS) && exit $$r

SOURCES = $(sort $(shell find common init packer tests -name '*.[ch]'))
lint: deps ## check all sources with clang and shellcheck
	clang -fsyntax-only -Werror $(BASE) $(FLAGS_packer) $(FLAGS_tests) -nostdlibinc \
		-isystem /usr/include/$$(uname -m)-linux-musl -isystem $(B)/deps/musl/include \
		-idirafter $(B)/deps/musl/linux $(filter %.c,$(SOURCES))
	find .ci scripts $(wildcard tests kconfig) -name corpus -prune -o -type f -exec \
		awk 'FNR == 1 && /^#!\/bin\/(ba)?sh/ { print FILENAME }' {} + | xargs shellcheck -x

format: ## format the C sources with clang-format
	clang-format -i $(SOURCES)

# ---- Installing and cleaning ----

.PHONY: install dist clean distclean help
dist: ## create an archive of the committed source in $(BUILD)
	@mkdir -p $(B)
	git archive --prefix=tarboot-$(VERSION)/ HEAD | xz -9 >$(B)/tarboot-$(VERSION).tar.xz.new
	mv $(B)/tarboot-$(VERSION).tar.xz.new $(B)/tarboot-$(VERSION).tar.xz
MAN := $(wildcard docs/*.[1578])
ifneq ($(ARCH),$(HOST))
install: all # only what this machine's tarboot puts into images for the other
	install -D -m 755 $(OUT)/init $(DESTDIR)$(prefix)/lib/tarboot/$(ARCH)/init
	install -D -m 755 $(OUT)/fetch $(DESTDIR)$(prefix)/lib/tarboot/$(ARCH)/fetch
	install -D -m 755 $(OUT)/signature $(DESTDIR)$(prefix)/lib/tarboot/$(ARCH)/signature
else
install: all ## install below $(DESTDIR)$(prefix)
	install -D -m 755 $(B)/tarboot $(DESTDIR)$(prefix)/bin/tarboot
	install -D -m 755 $(B)/init $(DESTDIR)$(prefix)/lib/tarboot/init
	install -D -m 755 $(B)/fetch $(DESTDIR)$(prefix)/lib/tarboot/fetch
	install -D -m 755 $(B)/signature $(DESTDIR)$(prefix)/lib/tarboot/signature
	install -D -m 644 docs/tarboot.bash $(DESTDIR)$(prefix)/share/bash-completion/completions/tarboot
	$(foreach m,$(MAN),install -D -m 644 $m \
		$(DESTDIR)$(prefix)/share/man/man$(subst .,,$(suffix $m))/$(notdir $m) &&) true
endif

clean: ## delete compiled files; keep libraries, roots and what fuzzing found
	rm -rf $(addprefix $(B)/,obj init fetch signature tarboot asan tsan tests demo.img* testrules.yml)

distclean: ## delete everything that was built or downloaded
	rm -rf $(B)

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{ printf "  %-12s %s\n", $$1, $$2 }' Makefile
