"""From files to pixels: two sources in, two sets fitted alike out."""

from vlmdiff.images.decode import Header, Raw, Unreadable, Window
from vlmdiff.images.sets import LoadedSet, SetPair, load_pair
from vlmdiff.images.sources import ACCEPTED, Reference, open_set

__all__ = [
    "ACCEPTED",
    "Header",
    "LoadedSet",
    "Raw",
    "Reference",
    "SetPair",
    "Unreadable",
    "Window",
    "load_pair",
    "open_set",
]
