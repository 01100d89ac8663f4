#!/usr/bin/env bash
# deps.sh - install the packages that procmap-trace is built, tested and measured with.
#
#   deps.sh [--list] [GROUP...]      groups: build test bench; without one: build test
#
# What: finds the packages of the groups that are missing and installs them with apt-get, saying first which.
#   With nothing missing it ends at once and touches neither apt nor the network. It never removes a package.
#   --list only prints the packages of the groups, each with installed or missing.
# Why not plain apt-get: a 32-bit library must have the very version of its 64-bit twin, and mirrors do not always
#   offer that. Where the i386 index of the security archive is missing or out of step, `apt-get update` exits 100 and
#   the newest libunwind-dev:i386 cannot be installed; the release's own versions can. See install_packages.
# Status: 0 all there, 1 something is missing and could not be installed, 2 wrong usage.
set -euo pipefail

me=${0##*/}
say() { printf '%s: %s\n' "$me" "$*"; }
die() { printf '%s: %s\n' "$me" "$*" >&2; exit 1; }
usage() { printf 'usage: %s [--list] [build|test|bench]...\n' "$me" >&2; exit 2; }

# The packages of each group; ":i386" is the 32-bit build of the package.
packages_of() {
    case $1 in
    build) # compiler for 64 and 32 bit; stacks (in the traced program), JSON, debug information, C++ names, deflate (in the runner), the Spanish catalogue, protobuf
        echo gcc make libc6-dev pkg-config libunwind-dev libunwind-dev:i386 libjansson-dev libdw-dev libelf-dev libiberty-dev zlib1g-dev gettext protobuf-c-compiler libprotobuf-c-dev
        if [[ $machine == amd64 ]]; then echo gcc-multilib libc6-dev-i386; fi ;;
    test) # unit tests, end-to-end tests, the second opinion (strace), the second compiler with its sanitizers, man page lint
        echo g++-multilib libcmocka-dev python3-pytest python3-pytest-xdist python3-pytest-timeout python3-jsonschema python3-pyte less strace jq clang clang-format libclang-rt-dev mandoc dwz valgrind protobuf-compiler ;;
    bench) # the tools that the benchmark compares with; for 32-bit programs valgrind needs the symbols of their loader
        echo heaptrack valgrind ltrace strace libc6-dbg:i386 g++-multilib ;;
    *) usage ;;
    esac
}

# find_missing PACKAGE... fills the array missing; reads dpkg's database only.
find_missing() {
    local -A installed=()
    local state name package
    while read -r state name; do
        if [[ $state == installed ]]; then installed[$name]=1; fi
    done < <(dpkg-query -W -f='${db:Status-Status} ${Package}:${Architecture}\n' 2>/dev/null)
    missing=()
    for package; do
        name=$package
        if [[ $package != *:* ]]; then name=$package:$machine; fi
        if [[ -z ${installed[$name]:-}${installed[$package:all]:-} ]]; then missing+=("$package"); fi
    done
}

apt_get() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 "$@" </dev/null; }

# Three tries, each only when the one before cannot be carried out: the newest versions; the release's own versions
# where that needs no downgrade; the release's own versions even where a newer one is installed from another archive
# (its 32-bit twin being not to be had). A simulation picks the try, so that hopeless ones print nothing.
install_packages() {
    local args=(install -y --no-install-recommends --no-remove)
    local release=${VERSION_CODENAME:-stable} pins=$scratch/preferences
    printf 'Package: *\nPin: release n=%s\nPin-Priority: 1001\n' "$release" >"$pins"
    chmod -R a+rX "$scratch"

    if attempt "${args[@]}" "$@"; then return 0; fi
    say "the newest versions do not install; trying the versions of $release itself"
    if attempt -t "$release" "${args[@]}" "$@"; then return 0; fi
    say "that does not install either; trying the versions of $release with downgrades of what is newer here"
    if attempt -o "Dir::Etc::Preferences=$pins" "${args[@]}" --allow-downgrades "$@"; then return 0; fi
    return 1
}

attempt() {
    if ! apt_get --simulate "$@" >"$scratch/simulation" 2>&1; then return 1; fi
    local downgraded
    downgraded=$(sed -n '/DOWNGRADED:/,/^[^ ]/s/^  */ /p' "$scratch/simulation" | tr -d '\n')
    if [[ -n $downgraded ]]; then say "note: this downgrades$downgraded"; fi
    apt_get "$@"
}

# --- machines without apt-get: say what is needed, and try whether it is there -------------------------------------

can_compile() { # can_compile FLAG...
    printf 'int main(void) { return 0; }\n' | ${CC:-cc} -x c - -o "$scratch/a.out" "$@" 2>/dev/null
}
can_include() { # can_include HEADER FLAG...
    printf '#include <stdarg.h>\n#include <stddef.h>\n#include <stdint.h>\n#include <setjmp.h>\n#include <%s>\nint main(void) { return 0; }\n' "$1" |
        ${CC:-cc} -x c - -o "$scratch/a.out" "${@:2}" 2>/dev/null
}
need() { # need WHAT COMMAND...
    local state=found
    if ! "${@:2}" >/dev/null 2>&1; then state=MISSING; lacking=1; fi
    printf '  %-7s  %s\n' "$state" "$1"
}
check_by_trying() {
    local group
    say "there is no apt-get here. What procmap-trace needs (install it with this system's own tools):"
    for group; do
        case $group in
        build)
            need 'GNU make' make --version
            need 'a C compiler (gcc)' can_compile
            need 'its 32-bit support (-m32), with a 32-bit C library' can_compile -m32
            need 'libunwind, with headers' can_include libunwind.h -l:libunwind.so.8
            need 'libunwind for 32-bit programs, with headers' can_include libunwind.h -m32 -l:libunwind.so.8
            need 'pkg-config' pkg-config --version
            need 'jansson, with headers' can_include jansson.h -ljansson
            need 'elfutils libdw and libelf, with headers' can_include elfutils/libdwfl.h -ldw -lelf
            need 'libiberty (of binutils), with headers' can_include libiberty/demangle.h -liberty
            need 'zlib, with headers' can_include zlib.h -lz
            need 'protobuf-c, with headers' can_include protobuf-c/protobuf-c.h -lprotobuf-c
            need 'its compiler' protoc-c --version ;;
        test)
            need 'cmocka, with headers' can_include cmocka.h -lcmocka
            need 'pytest, with xdist and timeout' python3 -c "import pytest, xdist, pytest_timeout"
            need 'the Python module jsonschema' python3 -c 'import jsonschema'
            need 'the Python module pyte' python3 -c 'import pyte'
            need 'less' less -V
            need 'strace' strace -V
            need 'jq' jq --version
            need 'clang' clang --version
            need 'clang-format' clang-format --version
            need 'mandoc' command -v mandoc
            need 'ms_print (of valgrind)' command -v ms_print
            need 'protoc' protoc --version
            need 'dwz' dwz --version ;;
        bench)
            need 'heaptrack' heaptrack --version
            need 'valgrind' valgrind --version
            need 'ltrace' ltrace --version
            need 'strace' strace -V ;;
        *) usage ;;
        esac
    done
    if [[ $lacking == 1 ]]; then exit 1; fi
}

# --- main ----------------------------------------------------------------------------------------------------------

list=0 lacking=0 groups=() missing=()
for arg; do
    case $arg in
    --list) list=1 ;;
    build | test | bench) groups+=("$arg") ;;
    *) usage ;;
    esac
done
if [[ ${#groups[@]} == 0 ]]; then groups=(build test); fi

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

case $(uname -m) in
x86_64 | i?86) ;;
*) die "procmap-trace traces 32-bit Intel programs; this machine ($(uname -m)) cannot run them" ;;
esac
if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    check_by_trying "${groups[@]}"
    exit 0
fi

machine=$(dpkg --print-architecture)
case $machine in
amd64 | i386) ;;
*) die "procmap-trace traces 32-bit Intel programs; packages of the architecture $machine cannot build it" ;;
esac

wanted=()
for group in "${groups[@]}"; do
    read -r -d '' -a names < <(packages_of "$group" && printf '\0')
    wanted+=("${names[@]}")
done
find_missing "${wanted[@]}"

if [[ $list == 1 ]]; then
    for package in "${wanted[@]}"; do
        state=installed
        if [[ " ${missing[*]} " == *" $package "* ]]; then state=missing; fi
        printf '%-24s %s\n' "$package" "$state"
    done
    exit 0
fi
if [[ ${#missing[@]} == 0 ]]; then exit 0; fi

add_i386=0
if [[ $machine == amd64 && " ${missing[*]} " == *:i386* ]] && ! dpkg --print-foreign-architectures | grep -qx i386; then
    add_i386=1
fi
say "going to install, with what they depend on: ${missing[*]}"
if [[ $add_i386 == 1 ]]; then say "for that it adds the architecture i386 to this system's package manager (dpkg --add-architecture i386)"; fi

as_root=()
if [[ $(id -u) != 0 ]]; then
    if ! command -v sudo >/dev/null; then
        commands="apt-get update; apt-get install --no-install-recommends ${missing[*]}"
        if [[ $add_i386 == 1 ]]; then commands="dpkg --add-architecture i386 && $commands"; fi
        say "this needs root, and there is no sudo here. As root, run:"
        printf '\n    %s\n\n' "$commands"
        exit 1
    fi
    as_root=(sudo)
fi

# shellcheck source=/dev/null
if [[ -r /etc/os-release ]]; then . /etc/os-release; fi
if [[ $add_i386 == 1 ]]; then "${as_root[@]}" dpkg --add-architecture i386 </dev/null; fi
if apt_get update; then :; else
    say "warning: apt-get update ended with status $?; going on with the indices that could be read"
fi
if ! install_packages "${missing[@]}"; then
    if [[ -s $scratch/simulation ]]; then cat "$scratch/simulation" >&2; fi
    die "these packages could not be installed: ${missing[*]}"
fi
find_missing "${wanted[@]}"
if [[ ${#missing[@]} != 0 ]]; then die "still missing after the installation: ${missing[*]}"; fi
say "all installed"
