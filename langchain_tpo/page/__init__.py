"""Runs as HTML: one self-contained page for a run, and the part of a report that shows one."""
