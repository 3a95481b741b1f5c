"""Suites of labelled real images, described by manifests: what is said, what is planted, what a clinician reads."""
