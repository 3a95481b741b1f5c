"""Experiments on cached features: what tokens carry, how they are read, how large all is; catalog.py lists them."""
