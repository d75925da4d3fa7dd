"""The cores and GPUs that can be computed on."""

import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def cores() -> int:
    """Count the cores that the system, or the job this runs in, lets us have."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def devices() -> list[str]:
    """List the torch devices to train on: every GPU, or else one entry per core."""
    # Without an NVIDIA driver torch need not be imported.
    if Path("/proc/driver/nvidia").exists() or os.environ.get("CUDA_VISIBLE_DEVICES"):
        import torch

        if torch.cuda.is_available():
            return [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    return ["cpu"] * cores()


def describe(device: "torch.device") -> str:
    """Name a device as results do: the GPU's product name, or the kind of processor."""
    if device.type != "cuda":
        return f"CPU ({platform.machine()})"
    import torch

    return torch.cuda.get_device_name(device)
