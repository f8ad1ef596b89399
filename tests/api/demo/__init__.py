"""Tests of the demo organisation, its played day and the proof."""
