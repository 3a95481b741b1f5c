"""From files to pixels: two sources in, two sets fitted alike out."""

from vlmdiff.images.decode import Header, Raw, Unreadable
from vlmdiff.images.intensity import Intensity, Window
from vlmdiff.images.reading import Reading
from vlmdiff.images.references import Reference
from vlmdiff.images.sets import LoadedSet, SetPair, load_pair
from vlmdiff.images.sources import ACCEPTED, open_set

__all__ = [
    "ACCEPTED",
    "Header",
    "Intensity",
    "LoadedSet",
    "Raw",
    "Reading",
    "Reference",
    "SetPair",
    "Unreadable",
    "Window",
    "load_pair",
    "open_set",
]
