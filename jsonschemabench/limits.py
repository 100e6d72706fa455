"""What one schema may use in a worker."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """CPU seconds to compile, CPU seconds to walk all instances; memory in GiB beyond what the process has before."""

    compile_s: float = 20.0
    walk_s: float = 60.0
    memory_gb: float = 8.0
