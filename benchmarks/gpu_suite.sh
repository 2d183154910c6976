#!/usr/bin/env bash
# On an NVIDIA GPU (sm_80 or later): tests and benchmarks, in nine minutes. PYTHON names the
# interpreter; everything else is in gpu_suite.py.
exec "${PYTHON:-python3}" "$(dirname "${BASH_SOURCE[0]}")/gpu_suite.py" "$@"
