#!/usr/bin/env bash
# Every public header compiles alone, twice in a row, as C11 and as C++.
#   test_headers.sh SOURCE_DIR CC
set -euo pipefail
source_dir=$1 cc=$2
cxx=$(command -v g++ || command -v clang++ || true)
if [[ -z "$cxx" ]]; then
    echo "no C++ compiler: skipped"
    exit 77
fi

for header in "$source_dir"/include/tuban/*.h; do
    name=tuban/$(basename "$header")
    text=$(printf '#include "%s"\n#include "%s"\nint main(void) { return 0; }\n' "$name" "$name")
    "$cc" -std=c11 -pedantic -Wall -Wextra -Werror -fsyntax-only -I "$source_dir/include" -x c - <<<"$text"
    for standard in c++11 c++20; do
        "$cxx" -std=$standard -pedantic -Wall -Wextra -Werror -fsyntax-only -I "$source_dir/include" -x c++ - <<<"$text"
    done
    echo "$name"
done
