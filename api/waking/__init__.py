"""Waking sleeping phones: a port of push providers and its adapter for Web Push. A push says "look"; what there is comes by pull."""
