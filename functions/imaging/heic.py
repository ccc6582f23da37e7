"""HEIC, decoded by pi-heif: libheif and libde265, which can do nothing but decode.

Importing this makes Pillow read HEIC.
"""

from __future__ import annotations

import pi_heif

# A photo is decoded alone, and without what else may be in its file; there is nothing in it by then.
pi_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False, decode_threads=2)
