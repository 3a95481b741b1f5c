"""The suite real-easy: labelled sets that anyone tells apart at a glance, and what a person would say of them.

Its manifests are those of the medical suite, in eval/manifests: the comparisons there with suite = "real-easy".
"""

from __future__ import annotations

from eval.medical.suite import opener

open_real_easy = opener("real-easy", ("known", "null"), 920_002)
