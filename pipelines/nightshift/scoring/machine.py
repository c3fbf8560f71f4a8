"""What the bits of a score depend on beside graph and rows: the code, the packages, and the kernels of the CPU."""

import platform
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Self

from nightshift.code_digest import code_digest
from nightshift.scoring.shards import CODE, package_versions

CPU_FILE = Path("/proc/cpuinfo")
KERNELS = frozenset({
    "avx", "avx2", "fma", "avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512_vnni", "avx_vnni", "avx512_bf16",
    "amx_bf16", "amx_int8", "asimd", "asimddp", "asimdhp", "sve", "i8mm", "bf16",
})  # fmt: skip
"""What ONNX Runtime chooses its kernels by."""


@dataclass(frozen=True)
class ScoringMachine:
    """Two that are equal write the same bytes of the same shard."""

    code: str
    packages: tuple[tuple[str, str], ...]
    cpu: tuple[str, ...]

    @classmethod
    def here(cls) -> Self:
        """That of this process."""
        return cls(
            code=code_digest(*CODE),
            packages=tuple(sorted(package_versions().items())),
            cpu=cpu_kernels(),
        )

    def differences(self, other: "ScoringMachine") -> list[str]:
        """What is another on the other: ``code``, ``packages``, ``cpu``."""
        return [field.name for field in fields(self) if getattr(self, field.name) != getattr(other, field.name)]


@cache
def cpu_kernels() -> tuple[str, ...]:
    """The platform, and which of the instructions it has that a kernel is written for."""
    try:
        lines = CPU_FILE.read_text().splitlines()
    except OSError:
        return (platform.machine(), platform.processor())
    words: set[str] = set()
    for line in lines:
        name, _, value = line.partition(":")
        if name.strip() in {"flags", "Features"}:
            words = set(value.split())
            break
    return (platform.machine(), *sorted(words & KERNELS))


@cache
def kernels_here() -> str:
    """What the bits of a score come from beside graph and row: ONNX Runtime's package, and the CPU's instructions.

    In words, for a manifest: two that are equal give a row the same bits, where its bits do not depend on the call.
    """
    runtimes = [f"{name} {number}" for name, number in package_versions().items() if name.startswith("onnxruntime")]
    return f"{', '.join(runtimes)} on {' '.join(cpu_kernels())}"
