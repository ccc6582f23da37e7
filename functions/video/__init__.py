"""Films: planned in pieces, looked at, redacted piece by piece, and joined again.

Films are decoded and encoded by FFmpeg's libraries, through PyAV. Its wheel, with which these functions are
shipped, has x264 in it, which is under the GPL.
"""
