"""Questions about GPUs are answered without one, and with one."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch

import minicnn as mc
from minicnn import cuda

WITHOUT = [
    "cuda.is_available()", "cuda.device_count()", "cuda.memory_allocated()", "cuda.max_memory_allocated()",
    "cuda.memory_reserved()", "cuda.max_memory_reserved()", "cuda.memory_cached()", "cuda.empty_cache()",
    "cuda.is_bf16_supported()", "cuda.is_initialized()", "cuda.get_arch_list()", "cuda.set_device(-1)",
    "cuda.current_device()", "cuda.get_device_name()", "cuda.get_device_capability()",
    "cuda.get_device_properties(0)", "cuda.set_device('cpu')", "cuda.device(0).__enter__()", "cuda.synchronize()",
    "cuda.mem_get_info()", "cuda.Event(enable_timing=True)", "cuda.Stream()", "cuda.current_stream()",
    "cuda.default_stream()", "cuda.stream(None).__enter__()", "cuda.nvtx.range_push('a')", "cuda.init()",
    "cuda.can_device_access_peer(0, 1)", "cuda.amp.GradScaler().is_enabled()", "lib.GradScaler().is_enabled()",
    "lib.amp.GradScaler('cpu').is_enabled()", "lib.is_autocast_enabled()", "lib.amp.is_autocast_available('cuda')",
    "backends.cudnn.benchmark", "backends.cudnn.deterministic", "backends.cudnn.enabled",
    "backends.cudnn.version()", "backends.cudnn.is_available()", "backends.cuda.is_built()",
    "backends.mps.is_available()", "backends.mps.is_built()", "lib.mps.is_available()", "lib.mps.device_count()",
    "lib.mps.manual_seed(0)", "lib.mps.empty_cache()", "lib.xpu.is_available()", "lib.mtia.is_available()",
    "lib.accelerator.is_available()", "lib.accelerator.current_accelerator()", "lib.accelerator.device_count()",
    "lib.accelerator.current_device_index()", "lib.accelerator.synchronize()", "lib.accelerator.empty_cache()",
    "lib.cpu.is_available()", "lib.cpu.device_count()", "lib.cpu.current_device()", "lib.cpu.synchronize()",
    "lib.are_deterministic_algorithms_enabled()", "lib.use_deterministic_algorithms(False)",
    "lib.get_deterministic_debug_mode()", "lib.set_deterministic_debug_mode('default')",
    "lib.is_deterministic_algorithms_warn_only_enabled()", "lib.compiled_with_cxx11_abi()",
    "lib.zeros(1, device='cuda')", "lib.zeros(1).cuda()", "lib.ones(1).type('torch.cuda.FloatTensor')",
    "lib.is_warn_always_enabled()",
]  # fmt: skip


def outcome(expression: str, lib: Any) -> str:
    names = {"lib": lib, "cuda": lib.cuda, "backends": lib.backends}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return repr(eval(expression, names))
        except ValueError as error:
            return type(error).__name__
        except (RuntimeError, AssertionError):  # torch raises either where CUDA is missing
            return "an error"


@pytest.mark.cpu_only
@pytest.mark.skipif(cuda.is_available() or torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("expression", WITHOUT)
def test_without_a_gpu_as_in_torch(expression: str) -> None:
    assert outcome(expression, mc) == outcome(expression, torch)


@pytest.mark.cpu_only
@pytest.mark.skipif(cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu() -> None:
    assert cuda.memory_summary() and cuda.memory_stats() == {} and cuda.ipc_collect() is None
    cuda.reset_peak_memory_stats()
    assert issubclass(cuda.OutOfMemoryError, RuntimeError)
    with pytest.raises(AttributeError, match="nothing"):
        cuda.nothing  # noqa: B018
    with cuda.device(None), cuda.stream(None):
        pass
    with pytest.warns(UserWarning, match="autocast is off"), cuda.amp.autocast():
        assert not mc.is_autocast_enabled()


def test_settings_are_kept() -> None:
    mc.use_deterministic_algorithms(True, warn_only=True)
    assert mc.get_deterministic_debug_mode() == 1
    mc.set_deterministic_debug_mode("error")
    assert mc.are_deterministic_algorithms_enabled()
    assert not mc.is_deterministic_algorithms_warn_only_enabled()
    with pytest.raises(ValueError, match="default, warn, error, got 'x'"):
        mc.set_deterministic_debug_mode("x")
    mc.use_deterministic_algorithms(False)
    mc.set_num_interop_threads(3)
    assert mc.get_num_interop_threads() == 3 and mc.set_flush_denormal(True) is False
    with mc.backends.cudnn.flags(benchmark=True):
        assert mc.backends.cudnn.benchmark
    assert not mc.backends.cudnn.benchmark


@pytest.mark.cuda_only
def test_with_a_gpu() -> None:
    assert cuda.is_available() and cuda.device_count() >= 1 and cuda.current_device() == 0
    assert str(mc.accelerator.current_accelerator()) == "cuda"
    x = mc.ones(1000)
    assert x.is_cuda and x.get_device() == 0 and x.type() == "torch.cuda.FloatTensor"
    assert isinstance(x, cuda.FloatTensor) and not isinstance(x, mc.FloatTensor)
    assert cuda.FloatTensor([1.0]).is_cuda and x.stride() == (1,) and x.storage_offset() == 0
    assert "device='cuda:0'" in repr(x)
    with cuda.device(0):
        cuda.synchronize()
