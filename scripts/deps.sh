#!/usr/bin/env bash
# Installs from Debian 12 what tuban is built and tested with. Does nothing where all is there.
#   scripts/deps.sh         what scripts/test.sh and scripts/demo.sh need
#   scripts/deps.sh --ci    and what .ci/run needs: clang, sanitizers, the format check, PostGIS as an oracle
#   scripts/deps.sh --peers and what the benchmarks compare with and draw: Orfeo ToolBox, scikit-image, PostGIS, Matplotlib
set -euo pipefail

build=(gcc libc6-dev cmake ninja-build pkg-config libgdal-dev libtiff-dev libisal-dev libzstd-dev libhdf5-dev libfftw3-dev libyaml-dev
       libjansson-dev libgeos-dev libsqlite3-dev libssl-dev libcairo2-dev libxgboost-dev)
tests=(g++ libcmocka-dev gdal-bin python3 python3-numpy python3-gdal python3-shapely python3-yaml python3-pyproj strace)
ci=(clang clang-format clang-tidy libomp-dev libclang-rt-14-dev llvm postgresql-15 postgresql-15-postgis-3)
peers=(otb-bin python3-skimage python3-matplotlib postgresql-15 postgresql-15-postgis-3)

wanted=("${build[@]}" "${tests[@]}")
case "${1-}" in
"") ;;
--ci) wanted+=("${ci[@]}") ;;
--peers) wanted+=("${peers[@]}") ;;
*)
    echo "deps.sh: expected --ci, --peers or nothing, got \"$1\"" >&2
    exit 2
    ;;
esac

is_installed() {
    [[ "$(dpkg-query -W -f='${db:Status-Abbrev}' "$1" 2>/dev/null)" == ii* ]]
}

missing=()
for package in "${wanted[@]}"; do
    is_installed "$package" || missing+=("$package")
done
[[ ${#missing[@]} -gt 0 ]] || exit 0

echo "deps.sh: installing ${missing[*]}"
as_root=()
if [[ $(id -u) -ne 0 ]]; then
    if ! command -v sudo >/dev/null; then
        echo "deps.sh: neither root nor sudo: install these packages and start again" >&2
        exit 1
    fi
    as_root=(sudo)
fi
quietly=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0)
log=$(mktemp)
trap 'rm -f "$log"' EXIT

install() {
    "${as_root[@]}" "${quietly[@]}" install -y --no-install-recommends "$@"
}

# Debian's PostgreSQL makes a database and starts it, now and at every boot. The test brings its own: where
# PostgreSQL is new, it is told beforehand to make none.
without_cluster() {
    if [[ " ${missing[*]} " == *" postgresql-15 "* ]] && ! is_installed postgresql-common; then
        install postgresql-common &&
            "${as_root[@]}" sed -i 's/^#*create_main_cluster.*/create_main_cluster = false/' \
                /etc/postgresql-common/createcluster.conf
    fi
}

if ! { "${as_root[@]}" "${quietly[@]}" update && without_cluster && install "${missing[@]}"; } >"$log" 2>&1 </dev/null; then
    tail -n 20 "$log" >&2
    echo "deps.sh: apt-get failed, its last lines are above" >&2
    exit 1
fi
