"""What this machine offers: device, precision, and its description for manifests."""

import ctypes
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import torch
from torch import nn


def pick_device() -> torch.device:
    """Return the device to train on: CUDA where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def use_bfloat16(device: torch.device) -> bool:
    """Tell whether bfloat16 autocast is faster than float32 on `device`.

    On a CPU that is so only where the processor multiplies bfloat16 itself (AVX-512 bf16 or
    AMX); elsewhere it is emulated and slower.
    """
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    capabilities = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def pick_precision(device: torch.device, model: nn.Module | None = None) -> torch.dtype:
    """Return what `model` computes in on `device`: bfloat16 (autocast) or float32.

    On a CPU bfloat16 makes depthwise convolutions slower, to half the speed of the whole net.
    """
    layers = [] if model is None else model.modules()
    depthwise = any(isinstance(m, nn.Conv2d) and m.groups == m.in_channels > 1 for m in layers)
    if use_bfloat16(device) and not (depthwise and device.type == "cpu"):
        return torch.bfloat16
    return torch.float32


def autocast(device: torch.device, model: nn.Module | None = None) -> torch.autocast:
    """Return the autocast context that training and prediction of `model` use on `device`."""
    enabled = pick_precision(device, model) == torch.bfloat16
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=enabled)


def prepare_device(device: torch.device) -> None:
    """Make this process ready to train on `device`; it does no harm to call it again."""
    if device.type == "cpu":
        keep_freed_memory()
    else:
        torch.backends.cudnn.benchmark = True  # the shapes of a training are always the same


@cache
def keep_freed_memory() -> bool:
    """Let glibc keep freed memory instead of handing it back; return whether it does.

    A training step on the CPU frees and asks for the same tens of megabytes again and again;
    each time the kernel zeroes fresh pages, which costs about a third of the step.
    """
    if sys.platform != "linux" or platform.libc_ver()[0] != "glibc":
        return False
    m_mmap_max, m_trim_threshold = -4, -1  # from glibc's malloc.h
    libc = ctypes.CDLL(None)
    return bool(libc.mallopt(m_mmap_max, 0) and libc.mallopt(m_trim_threshold, 2**31 - 1))


def usable_cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def use_threads(number: int, device: torch.device) -> Iterator[int]:
    """Let PyTorch compute with `number` threads in the block; yield with how many it does.

    Sums on a CPU are the same bit for bit only with the same number of threads.  It stays as it
    is on a GPU, and where there are fewer cores than `number`.
    """
    before = torch.get_num_threads()
    if number == before or device.type != "cpu" or number > usable_cores():
        yield before
        return
    torch.set_num_threads(number)
    try:
        yield number
    finally:
        torch.set_num_threads(before)


def describe(
    device: torch.device | None = None, model: nn.Module | None = None
) -> dict[str, object]:
    """Return what a manifest says of this machine: device, precision, threads, memory (GiB), ...

    The precision is that of `model`, or of most nets; the threads are those that PyTorch
    computes with, of the cores that this process may use.
    """
    device = device or pick_device()
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else _cpu_name()
    lower = pick_precision(device, model) == torch.bfloat16
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "device": device.type,
        "name": name,
        "precision": "bfloat16 autocast" if lower else "float32",
        "cores": usable_cores(),
        "threads": torch.get_num_threads(),
        "memory_gib": round(memory, 1),
        "system": f"{platform.system()} {platform.machine()}",
    }


def _cpu_name() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
