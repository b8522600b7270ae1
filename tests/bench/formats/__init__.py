"""Real compressed files through pathpatch and back: what tests/bench/roundtrip is made of."""
