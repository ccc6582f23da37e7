"""OpenCV is whole for every thread that asks for it first."""

from __future__ import annotations

import subprocess
import sys

# `cv2` replaces itself while it is imported: what a thread imports meanwhile has no `data`.
_SCRIPT = """
from concurrent.futures import ThreadPoolExecutor
from happypath.sandbox.rekognition.opencv import opencv
with ThreadPoolExecutor(8) as pool:
    print(all(hasattr(each.result(), "data") for each in [pool.submit(opencv) for _ in range(8)]))
"""


def test_no_thread_finds_a_part_of_it() -> None:
    done = subprocess.run([sys.executable, "-c", _SCRIPT], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"
