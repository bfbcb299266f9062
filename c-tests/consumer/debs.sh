#!/bin/sh
# Makes the packages for Debian in a folder, and puts what is in them in another one:
# debs.sh DPKG_DEB FOLDER OTHER CPACK ARGUMENTS
set -eu
dpkg_deb=$1 debs=$2 root=$3
shift 3
rm -rf "$debs" "$root"
"$@" -B "$debs"

field() { # PACKAGE FIELD
    "$dpkg_deb" -f "$debs/$1"_*.deb "$2"
}
for package in libcmabi0 libcmabi-dev libcmabi0-dbg; do
    [ "$(field $package Package)" = $package ]
    "$dpkg_deb" -x "$debs/$package"_*.deb "$root"
    [ -f "$root/usr/share/doc/$package/copyright" ]
done
field libcmabi-dev Depends | grep -q "libcmabi0 (= $(field libcmabi0 Version))"
field libcmabi0 Depends | grep -q libc6

# The library is stripped, and names the file that has its debug information.
library=$(find "$root" -name 'libcmabi.so.*.*' ! -name '*.debug')
debug=$(find "$root" -name 'libcmabi.so.*.debug')
! readelf -S "$library" | grep -q '\.symtab\|\.debug_info'
readelf -S "$debug" | grep -q '\.debug_info'
readelf -p .gnu_debuglink "$library" | grep -q "$(basename "$debug")"
[ "$(dirname "$debug")" = "$(dirname "$library")/.debug" ]
rm -r "$debs"
