"""Things that score responses."""
