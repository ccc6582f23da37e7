"""How near a picture is to a reference: SSIM of its brightness, and PSNR of its colours."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from PIL import Image

# Wang, Bovik, Sheikh, Simoncelli, "Image quality assessment: from error visibility to structural similarity",
# IEEE Transactions on Image Processing 13 (4), 2004: a Gaussian window of 11 by 11 with a deviation of 1.5.
_WINDOW, _DEVIATION = 11, 1.5
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def ssim(one: Image.Image, other: Image.Image) -> float:
    """Structural similarity: 1 for the same picture."""
    x, y = (np.asarray(each.convert("L"), float) for each in (one, other))
    mean_x, mean_y = _blurred(x), _blurred(y)
    variance_x, variance_y = _blurred(x * x) - mean_x**2, _blurred(y * y) - mean_y**2
    covariance = _blurred(x * y) - mean_x * mean_y
    above = (2 * mean_x * mean_y + _C1) * (2 * covariance + _C2)
    below = (mean_x**2 + mean_y**2 + _C1) * (variance_x + variance_y + _C2)
    return float((above / below).mean())


def psnr(one: Image.Image, other: Image.Image) -> float:
    """Peak signal-to-noise ratio over R, G and B, in decibels."""
    x, y = (np.asarray(each.convert("RGB"), float) for each in (one, other))
    error = float(((x - y) ** 2).mean())
    return 10 * math.log10(255**2 / error) if error else math.inf


def _blurred(values: Any) -> Any:
    at = np.arange(_WINDOW) - _WINDOW // 2
    weights = np.exp(-(at**2) / (2 * _DEVIATION**2))
    weights /= weights.sum()
    for axis in (0, 1):
        values = np.lib.stride_tricks.sliding_window_view(values, _WINDOW, axis=axis) @ weights
    return values
