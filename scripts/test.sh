#!/usr/bin/env bash
# Installs what is missing, builds and runs all tests. Arguments go to ctest.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scripts/deps.sh
cmake --preset release
cmake --build --preset release
exec ctest --preset release --output-on-failure -j "$(nproc)" "$@"
