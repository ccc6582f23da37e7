"""Colours by code points: which primaries and which curve (ITU-T H.273, in PNG's cICP, in AVIF and HEIC)."""

from __future__ import annotations

import math
from functools import lru_cache

from functions.imaging.formats import icc
from functions.imaging.formats.icc import D65, Curve, Primaries

# H.273, table 2. What is not there, 2 (unspecified) among it, is taken for 1.
_PRIMARIES: dict[int, Primaries] = {
    4: ((0.67, 0.33), (0.21, 0.71), (0.14, 0.08), (0.310, 0.316)),
    5: ((0.64, 0.33), (0.29, 0.60), (0.15, 0.06), D65),
    6: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), D65),
    7: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), D65),
    8: ((0.681, 0.319), (0.243, 0.692), (0.145, 0.049), (0.310, 0.316)),
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), D65),
    10: ((1.0, 0.0), (0.0, 1.0), (0.0, 0.0001), (1 / 3, 1 / 3)),
    11: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), (0.314, 0.351)),
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), D65),
    22: ((0.630, 0.340), (0.295, 0.605), (0.155, 0.077), D65),
}
# White of a page, in candela per square metre, on a display that shows brighter light as well (ITU-R
# BT.2408).
_WHITE = 203
_HLG_PEAK = 1000


def _pq(value: float) -> float:
    """SMPTE ST 2084; what is brighter than white is white."""
    root = math.pow(value, 1 / 78.84375)
    light = max(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)
    return min(1.0, 10_000 / _WHITE * math.pow(light, 1 / 0.1593017578125))


def _hlg(value: float) -> float:
    """Hybrid log-gamma (ITU-R BT.2100) on a display of 1,000 candela; what is brighter is white."""
    scene = (
        value * value / 3 if value <= 0.5 else (math.exp((value - 0.55991073) / 0.17883277) + 0.28466892) / 12
    )
    return min(1.0, _HLG_PEAK / _WHITE * math.pow(scene, 1.2))


# H.273, table 3. What is not there is taken for sRGB: video's curves (1, 6, 14, 15) too, as browsers do,
# because displays show them so.
_CURVES: dict[int, Curve] = {
    4: lambda value: value**2.2,
    5: lambda value: value**2.8,
    8: lambda value: value,
    16: _pq,
    17: lambda value: min(1.0, 52.37 / 48 * value**2.6),
    18: _hlg,
}


@lru_cache(maxsize=4)
def profile(primaries: int, transfer: int, *, is_gray: bool = False, is_full: bool = True) -> bytes | None:
    """A profile for these code points; None where they mean sRGB.

    Without `is_full` black is 16 of 255, and white 235.
    """
    curve = _CURVES.get(transfer, icc.srgb_curve)
    if is_full and curve is icc.srgb_curve and (is_gray or primaries not in _PRIMARIES):
        return None
    if not is_full:
        curve = _narrow(curve)
    if is_gray:
        return icc.gray_profile(curve)
    return icc.rgb_profile(_PRIMARIES.get(primaries, icc.SRGB), curve)


def _narrow(curve: Curve) -> Curve:
    return lambda value: curve(min(1.0, max(0.0, (255 * value - 16) / 219)))
