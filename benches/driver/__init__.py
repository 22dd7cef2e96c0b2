"""What `benches/run.py` measures, one module a kind of work."""
