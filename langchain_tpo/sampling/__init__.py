"""Drawing from chat models: requests, usage, limits, windows."""
