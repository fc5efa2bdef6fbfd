#!/usr/bin/env bash
# Installs into a folder of its own, moves that, and builds and runs the example against it: through
# find_package and through pkg-config.
#   test_install.sh SOURCE_DIR BUILD_DIR CMAKE GENERATOR CC
set -euo pipefail
source_dir=$1 build_dir=$2 cmake=$3 generator=$4 cc=$5
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
unset LD_LIBRARY_PATH PKG_CONFIG_PATH

"$cmake" --install "$build_dir" --prefix "$folder/first" >/dev/null
mv "$folder/first" "$folder/prefix"
prefix=$folder/prefix
library=$(find "$prefix" -name libtuban.so)

echo "the program"
"$prefix/bin/tuban" --version
"$prefix/bin/tuban" info "$source_dir/data/samples/before.tif"

echo "the profiles, found beside the library wherever the tree was moved"
(cd / && printf 'id,STREAM,JBNTMJ,STHXMJ,GDMJ,GDMJ_XP,PRUNION,YSLX,MONTH\na,PM,0,0,6666.67,0,0,,2024-04\n' |
    "$prefix/bin/tuban" tier --profile weihai-city) | grep -q '^a .* T1 '
if grep -qF "$source_dir/profiles" "$library"; then
    echo "the library names a folder of the machine it was built on" >&2
    exit 1
fi

echo "the library: its soname, and no name of ours without tb_"
readelf -d "$library" | grep -F 'soname: [libtuban.so.0]'
if nm -D --defined-only "$library" | grep -vE ' (tb_\w+|__bss_start|_edata|_end)$'; then
    echo "these names are not ours to export" >&2
    exit 1
fi

echo "documents"
for file in share/doc/tuban/README.md share/doc/tuban/docs/architecture.md share/man/man1/tuban.1 \
    share/man/zh_CN/man1/tuban.1; do
    [[ -s "$prefix/$file" ]] || { echo "missing: $file" >&2; exit 1; }
done

echo "find_package"
"$cmake" -G "$generator" -S "$source_dir/examples/find_changes" -B "$folder/example" -DCMAKE_C_COMPILER="$cc" \
    -DCMAKE_PREFIX_PATH="$prefix" >/dev/null
"$cmake" --build "$folder/example" >/dev/null
"$folder/example/find_changes" "$source_dir/data/samples/before.tif" "$source_dir/data/samples/after.tif" \
    "$folder/out" >"$folder/report.json"
grep -q '"components"' "$folder/report.json"
[[ -s "$folder/out/change.tif" ]]

echo "pkg-config"
PKG_CONFIG_PATH=$(dirname "$library")/pkgconfig
export PKG_CONFIG_PATH
read -r -a flags <<<"$(pkg-config --cflags --libs tuban)"
"$cc" -std=c11 -o "$folder/find_changes" "$source_dir/examples/find_changes/find_changes.c" "${flags[@]}"
status=0
LD_LIBRARY_PATH=$(dirname "$library") "$folder/find_changes" missing.tif missing.tif "$folder/none" || status=$?
[[ $status -eq 4 ]]
