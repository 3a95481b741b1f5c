"""A report for people (terminal, HTML page) and for programs (JSON)."""
