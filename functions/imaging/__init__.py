"""Pictures as such: headers, decoding, colours, renditions. Nothing here knows AWS.

A *header* is what a file's first bytes say; a *decoded* image is upright and sRGB; *pixels* are its buffer;
*renditions* are what is published of it.
"""
