#!/usr/bin/env bash
# Installs what is missing, builds, makes a small county and runs its month: two images, a land survey and approvals
# in, tiered parcels out.
#   scripts/demo.sh [OUTPUT FOLDER]      (default: out/demo)
set -euo pipefail
out=$(realpath -m "${1:-$(dirname "${BASH_SOURCE[0]}")/../out/demo}")
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scripts/deps.sh
cmake --preset release -Wno-dev >/dev/null
cmake --build --preset release --target tuban_program | tail -n 1

mkdir -p "$(dirname "$out")"
build/release/tuban synth --out "$out-county" --size 2048 --seed 1 --force
build/release/tuban run "$out-county/job.yaml" --out "$out"
/usr/bin/python3 scripts/picture.py "$out-county/t1.tif" "$out-county/t2.tif" "$out/parcels.gpkg" "$out/picture.png"
echo
echo "parcels    $out/parcels.gpkg (layers parcels, rejected, observed, units; QGIS opens it)"
echo "picture    $out/picture.png"
echo "figures    $out/summary.json and run.json; what was learnt of the images: model.yaml"
echo "the county $out-county (images, survey.gpkg, approvals.gpkg, truth.gpkg, job.yaml)"
