#!/usr/bin/env bash
# On an NVIDIA GPU (sm_80 or later): tests, compute-sanitizer, benchmarks, in under ten minutes.
# Writes JSON, logs and README.md with the tables to benchmarks/results/<gpu>/ (or --out), and says
# at the end what it skipped and why. Each part has a time limit; none that fails stops the next.
# Exit status: 3 without such a GPU, 1 if a part failed, else 0. PYTHON names the interpreter.
set -uo pipefail

usage="usage: bash benchmarks/gpu_suite.sh [--out FOLDER] [--skip PART]... [--seconds LIMIT]
parts: tests memcheck tune ceilings train conv2d kernels matmul plain compile racecheck"
limit=580 skip="" out="" failed=0
while (($#)); do
    case $1:${2:+given} in
    --out:given) out=$(realpath -m -- "$2") ;;
    --skip:given) skip+=" $2" ;;
    --seconds:given) limit=$2 ;;
    *) echo "$usage" >&2 && exit 2 ;;
    esac
    shift 2
done

cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}"
unset OPENBLAS_CORETYPE # it would override the kernels that OpenBLAS chooses
python=${PYTHON:-python3}
gpu=$("$python" benchmarks/gpu.py) || exit $?
out=${out:-benchmarks/results/$gpu}
mkdir -p "$out" && : >"$out/skipped.txt" || exit 1

note() { echo "$*" | tee -a "$out/skipped.txt"; }

part() { # NAME SECONDS COMMAND...: what it prints also goes to NAME.log
    local name=$1 budget=$2 left=$((limit - SECONDS))
    shift 2
    rm -f "$out/$name".{json,log} # of an earlier run
    [[ " $skip " != *" ${name%%_*} "* ]] || { note "$name: left out by --skip"; return; }
    ((left >= 10)) || { note "$name: no time was left"; return; }
    ((budget <= left)) || budget=$left
    printf '\n== %s, at most %d s\n' "$name" "$budget"
    timeout --signal=INT --kill-after=5 "$budget" "$@" 2>&1 | tee "$out/$name.log"
    case ${PIPESTATUS[0]} in
    0) ;;
    124 | 137) note "$name: stopped after its $budget s" ;;
    *) note "$name: failed: $(grep . "$out/$name.log" | tail -n 1)" && failed=1 ;;
    esac
}

sanitize() { # TOOL SECONDS: compute-sanitizer over the kernels' tests
    # without CuPy's pool every array is an allocation of its own, whose bounds are watched
    local run='import sys, cupy, pytest; cupy.cuda.set_allocator(None); sys.exit(pytest.main())'
    if command -v compute-sanitizer >/dev/null; then
        part "$1" "$2" compute-sanitizer --tool "$1" --error-exitcode 1 \
            "$python" -c "$run" "${pytest_options[@]}" tests/kernels
    else
        rm -f "$out/$1.log"
        note "$1: compute-sanitizer is not installed"
    fi
}

PATH="$PATH:/usr/local/cuda/bin" # where compute-sanitizer is, if a toolkit is installed
# compiling for cards that are not here needs no GPU
pytest_options=(--device cuda -q -m "not slow" --ignore=tests/kernels/cuda/test_compile.py)

part tests 170 "$python" -m pytest "${pytest_options[@]}" \
    tests/cuda tests/kernels tests/ops tests/nn tests/optim tests/amp
sanitize memcheck 60
part tune 60 "$python" benchmarks/gpu_tune.py --networks alexnet227 --batch 128 512
part ceilings 20 "$python" benchmarks/gpu_ceilings.py --json "$out/ceilings.json"
for precision in bf16 tf32; do
    for batch in 128 512; do
        name=train_${precision}_$batch
        part "$name" 60 "$python" benchmarks/gpu_train_step.py \
            --batch $batch --precision $precision --json "$out/$name.json"
    done
done
part conv2d 90 "$python" benchmarks/gpu_conv2d.py --json "$out/conv2d.json"
part kernels 30 "$python" benchmarks/gpu_kernels.py --json "$out/kernels.json"
part matmul 30 "$python" benchmarks/gpu_matmul.py --json "$out/matmul.json"
part plain 30 "$python" benchmarks/gpu_plain.py --json "$out/plain.json"
for precision in bf16 tf32; do
    for batch in 128 512; do
        name=compile_${precision}_$batch
        part "$name" 120 "$python" benchmarks/gpu_train_step.py --batch $batch \
            --precision $precision --contenders "minicnn graph" "torch compile" \
            --json "$out/$name.json"
    done
done
sanitize racecheck 60

"$python" benchmarks/gpu_report.py "$out" >"$out/README.md" || failed=1
printf '\n== %s s; tables: %s; skipped or failed:\n' $SECONDS "$out/README.md"
cat "$out/skipped.txt"
exit $failed
