#!/usr/bin/env bash
# Fails when a C or C++ file is not formatted as .clang-format says; tools/check_format.sh --fix formats instead. Written for
# Debian 12's clang-format 14: versions differ in details.
. "$(dirname "$0")/common.sh"
root=$(cd "$(dirname "$0")/.." && pwd)  # common.sh takes the folder of this script
cd "$root"
install_packages clang-format-14
mode="--dry-run --Werror"
if [ "${1:-}" = --fix ]; then mode=-i; fi
# shellcheck disable=SC2086
git ls-files '*.c' '*.cc' '*.h' '*.inc' | xargs clang-format-14 --style=file $mode
