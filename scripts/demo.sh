#!/usr/bin/env bash
# Installs what is missing, builds, and runs the job of data/samples: two made-up images in, parcels out.
#   scripts/demo.sh [OUTPUT FOLDER]      (default: out/demo)
set -euo pipefail
out=$(realpath -m "${1:-$(dirname "${BASH_SOURCE[0]}")/../out/demo}")
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scripts/deps.sh
cmake --preset release -Wno-dev >/dev/null
cmake --build --preset release --target tuban_program | tail -n 1

build/release/tuban run data/samples/job.yaml --out "$out"
echo
/usr/bin/python3 scripts/picture.py data/samples/before.tif data/samples/after.tif "$out/parcels.gpkg" "$out/picture.png"
ogrinfo -q -al -geom=NO -where 'PIXELS > 0' "$out/parcels.gpkg" parcels |
    awk '/^OGRFeature/ { n++ } / = / { name = $1; sub(/.* = /, ""); value[n, name] = $0 }
         END { printf "%-18s %9s %9s %8s %8s\n", "parcel", "before", "after", "pixels", "strength"
               for (i = 1; i <= n; i++) printf "%-18s %9s %9s %8s %8s\n", value[i, "DRAFT_ID"],
                   value[i, "QSX"], value[i, "HSX"], value[i, "PIXELS"], value[i, "SCORE"] }'
echo
echo "parcels    $out/parcels.gpkg (layers parcels, rejected, observed; QGIS opens it)"
echo "picture    $out/picture.png"
echo "model      $out/model.yaml"
echo "figures    $out/summary.json and run.json"
