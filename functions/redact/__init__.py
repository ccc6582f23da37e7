"""Regions of pictures, found and made unrecognisable; what comes out is looked at again."""
