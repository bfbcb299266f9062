#!/bin/sh
# Builds and runs hello.c, hello.cpp and the README's greeter.c with the flags that pkg-config gives, in directory $1.
set -eu
here=$(dirname "$0")
mkdir -p "$1"
flags=$($PKG_CONFIG --cflags --libs cmabi)
libdir=$($PKG_CONFIG --variable=libdir cmabi)
static_libs=$($PKG_CONFIG --static --libs-only-l cmabi | sed 's/-lcmabi//')
cflags=$($PKG_CONFIG --cflags cmabi)

run() {
    "$1" && echo "$1: ok"
}
# shellcheck disable=SC2086
{
    $CC -o "$1/shared_c" "$here/../hello.c" $flags -Wl,-rpath,"$libdir"
    $CXX -std=c++17 -o "$1/shared_cpp" "$here/../hello.cpp" $flags -Wl,-rpath,"$libdir"
    $CC -o "$1/static_c" $cflags "$here/../hello.c" "$libdir/libcmabi.a" $static_libs
    $CXX -std=c++17 -o "$1/static_cpp" $cflags "$here/../hello.cpp" "$libdir/libcmabi.a" $static_libs
}
# The command is found by a variable.
"$($PKG_CONFIG --variable=cmabi cmabi)" bindgen --lang c --out "$1" "$README_DIR/greeter.wit"
# shellcheck disable=SC2086
$CC -o "$1/greeter" -I"$1" "$README_DIR/greeter.c" "$1/greeter.c" $flags -Wl,-rpath,"$libdir"
(cd "$GUEST_DIR" && "$1/greeter" | grep "^Welcome back, Ada!$")
test -f "$($PKG_CONFIG --variable=prefix cmabi)/share/cmabi/valgrind.supp"
for program in shared_c shared_cpp static_c static_cpp; do
    run "$1/$program"
done
