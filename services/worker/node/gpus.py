"""The GPUs of this machine, as the tools of their vendors list them."""

import asyncio
import csv
import json
import shutil
from collections.abc import Awaitable, Callable, Sequence

import structlog

from shared.messages import Gpu

log = structlog.get_logger(__name__)

_MEBIBYTE = 1024**2
_PATIENCE_SECONDS = 20.0
_NVIDIA = ("nvidia-smi", "--query-gpu=index,name,memory.total", "--format=csv,noheader,nounits")
_AMD = ("rocm-smi", "--showproductname", "--showmeminfo", "vram", "--json")
_INTEL = ("xpu-smi", "discovery", "--json")


class _ToolFailed(Exception):
    """The text says how."""


async def found_gpus() -> tuple[Gpu, ...]:
    """Of all vendors; of one whose tool isn't installed, or fails, none."""
    found: list[Gpu] = []
    for tool, gpus_by in _TOOLS.items():
        if shutil.which(tool) is None:
            continue
        try:
            found += await gpus_by()
        except (_ToolFailed, ValueError, KeyError, TypeError) as error:
            # A driver that is away, or a tool of another version: the worker runs without GPUs.
            log.warning("gpus_not_listed", tool=tool, reason=str(error))
    return tuple(found)


async def _nvidia() -> list[Gpu]:
    rows = csv.reader((await _output(_NVIDIA)).splitlines(), skipinitialspace=True)
    return [Gpu(index=index, name=name, memory=_mebibytes(memory)) for index, name, memory in rows]


async def _amd() -> list[Gpu]:
    cards = json.loads(await _output(_AMD))
    found = (
        Gpu(
            index=name.removeprefix("card"),
            name=card.get("Card series") or card["Card Series"],
            memory=int(card["VRAM Total Memory (B)"]),
        )
        for name, card in cards.items()
        if name.startswith("card")
    )
    return sorted(found, key=lambda gpu: int(gpu.index))


async def _intel() -> list[Gpu]:
    devices = json.loads(await _output(_INTEL))["device_list"]
    return [await _intel_device(str(device["device_id"])) for device in devices]


async def _intel_device(index: str) -> Gpu:
    device = json.loads(await _output((*_INTEL, "--device", index)))
    memory = int(device["memory_physical_size_byte"])
    return Gpu(index=index, name=device["device_name"], memory=memory)


def _mebibytes(text: str) -> int:
    """One whose memory is the machine's has none of its own to name."""
    return int(text) * _MEBIBYTE if text.strip().isdigit() else 0


async def _output(command: Sequence[str]) -> str:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            output, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise _ToolFailed(f"no answer within {_PATIENCE_SECONDS:g}s") from None
    text = output.decode(errors="replace").strip()
    if process.returncode:
        raise _ToolFailed(text[:200] or f"exit code {process.returncode}")
    return text


_TOOLS: dict[str, Callable[[], Awaitable[list[Gpu]]]] = {
    _NVIDIA[0]: _nvidia,
    _AMD[0]: _amd,
    _INTEL[0]: _intel,
}
