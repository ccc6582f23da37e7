"""Progressive JPEG: a picture in several scans, coarse ones first (ITU-T T.81, annex G)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

_SCAN, _QUANTISATION = 0xDA, 0xDB
# Steps of a JPEG of quality 80, which is what is written, or little less: of brightness and of colours, the
# first AC ones of tables K.1 and K.2.
_WRITTEN = ((4, 5, 6, 5, 4, 6, 6, 5, 6), (7, 7, 10, 8, 10, 19, 10, 10, 19))
# The longest run of blocks without a coefficient that one code can stand for is 2 to the power of 15, less 1.
_RUN_BITS = 14
# An AC table with a code of four bits for each kind of run (EOB0 to EOB14), and no restart intervals.
_RUN_TABLE = bytes.fromhex("ffc4 0022 10 0000000f 000000000000000000000000") + bytes(
    kind << 4 for kind in range(_RUN_BITS + 1)
)
_NO_RESTARTS = bytes.fromhex("ffdd 0004 0000")


def coarse(frame: bytes, parts: Sequence[memoryview]) -> list[bytes | memoryview]:
    """The parts of a picture without the scans that a decoder which scales by 8 makes nothing of.

    `frame` is the payload of the frame header; `parts` are the segments from the first scan on, each scan
    with its data, and the end marker. Such a decoder makes one pixel of a block, which is the block's DC
    coefficient. The AC coefficients are most of the file, and most of the time. Only of a component with
    fewer pixels than others are they needed: its blocks make four pixels, or two.

    The decoder is told that what is missing is zero: it would interpolate missing coefficients.
    """
    components = _components(frame)
    if not components:
        return list(parts)
    most = [max(factors) for factors in zip(*components.values(), strict=True)]
    dispensable = {name for name, factors in components.items() if list(factors) == most}
    kept: list[bytes | memoryview] = [part for part in parts if not _refines(part, dispensable)]
    if len(kept) == len(parts):
        return kept
    end = kept.pop()
    height, width = int.from_bytes(frame[1:3], "big"), int.from_bytes(frame[3:5], "big")
    blocks = -(-width // 8) * -(-height // 8)
    return [*kept, _RUN_TABLE, _NO_RESTARTS, *(_nothing(name, blocks) for name in dispensable), end]


def rougher(
    frame: bytes, tables: Sequence[bytes], parts: Sequence[memoryview], scale: int
) -> list[memoryview]:
    """The parts of a picture without the last bit of AC coefficients, where the decoder scales by 2 or more
    and that bit would be lost in the JPEG that is made of it.

    Encoders send last bits in scans of their own, which are half of the file, and of the time. The steps that
    are left are, in the smaller picture, no larger than those that are written. `tables` are the payloads of
    quantisation tables before the first scan; else as `coarse`.

    Of such a scan the beginning stays: a decoder that finds no more leaves all other blocks as they are. One
    that finds no such scan would interpolate the bits.
    """
    steps = _steps([*tables, *(bytes(part[4:]) for part in parts if part[1] == _QUANTISATION)])
    numbers = [frame[at : at + 3][-1] for at in range(6, len(frame), 3)]
    written = [_WRITTEN[index > 0 and len(numbers) == 3] for index in range(len(numbers))]
    is_fine = scale > 1 and all(
        number in steps
        and all(2 * step <= scale * most for step, most in zip(steps[number][1:], each, strict=False))
        for number, each in zip(numbers, written, strict=True)
    )
    return [_beginning(part) if is_fine and _is_last_bit(part) else part for part in parts]


def _steps(tables: Sequence[bytes]) -> dict[int, Sequence[int]]:
    """The steps of each quantisation table, by its number; none where they make no sense, or change."""
    found: dict[int, Sequence[int]] = {}
    for payload in tables:
        at = 0
        while at < len(payload):
            size, number = 1 + (payload[at] >> 4), payload[at] & 15
            end = at + 1 + 64 * size
            if size > 2 or number in found or end > len(payload):
                return {}
            found[number] = [
                int.from_bytes(payload[at + 1 + size * step :][:size], "big") for step in range(64)
            ]
            at = end
    return found


def _is_last_bit(part: memoryview) -> bool:
    """Whether a part is a scan of the last bit of AC coefficients, which is of one component."""
    return part[1] == _SCAN and len(part) >= 10 and part[4] == 1 and part[7] > 0 and part[9] == 0x10


def _beginning(scan: memoryview) -> memoryview:
    # Not within an FF that is followed by a 0.
    end = next(at for at in range(10, len(scan) + 1) if at == len(scan) or scan[at - 1] != 0xFF)
    return scan[:end]


def _components(frame: bytes) -> dict[int, tuple[int, int]]:
    """The sampling factors of each component, across and down; none where they make no sense."""
    entries = [frame[at : at + 3] for at in range(6, len(frame), 3)]
    if len(entries) != frame[5] or any(len(entry) < 3 for entry in entries):
        return {}
    return {name: (factors >> 4, factors & 15) for name, factors, _ in entries}


def _refines(part: memoryview, components: set[int]) -> bool:
    """Whether a part is a scan of nothing but AC coefficients, which is of one component, of one of these."""
    if part[1] != _SCAN or len(part) < 10 or part[4] != 1:
        return False
    first_coefficient = part[7]
    return part[5] in components and first_coefficient > 0


def _nothing(component: int, blocks: int) -> bytes:
    """A scan that says of all blocks of a component that all their AC coefficients are zero."""
    bits = "".join(_runs(blocks))
    bits += "1" * (-len(bits) % 8)
    data = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")
    return bytes([0xFF, _SCAN, 0, 8, 1, component, 0, 1, 63, 0]) + data


def _runs(blocks: int) -> Iterator[str]:
    """EOBn codes for so many blocks: n as its code, then n bits more of the number."""
    while blocks:
        bits = min(_RUN_BITS, blocks.bit_length() - 1)
        run = min(blocks, (2 << bits) - 1)
        yield f"{bits:04b}"
        yield f"{run:b}"[1:]
        blocks -= run
