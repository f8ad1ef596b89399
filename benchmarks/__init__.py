"""Measurements on real or large inputs, run by hand: `python -m benchmarks`. No test needs them; what they prove, a test proves on a slice."""
