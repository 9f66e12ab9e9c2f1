#!/usr/bin/env bash
# The published SST-2 grid on one GPU: 8 lengths x 6 depths x {fp32, fp16}, then the frontier again.
# It can be interrupted at any time and started again with the same arguments: it goes on where it stopped.
#
#   benchmarks/experiments/sst2_grid.sh MODEL_DIR DATA_DIR RUN_DIR [options of tuner.grid]
set -euo pipefail
model=$1 data=$2 run=$3; shift 3
if [ -f "$run/sweep.json" ]; then
  exec python3 -m tuner.grid --resume "$run"
fi
exec python3 -m tuner.grid --preset sst2 --model "$model" --data-dir "$data" --output-dir "$run" "$@"
