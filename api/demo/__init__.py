"""The demo organisation: how it is founded, the day it lives through, and the proof that nothing of the day was lost.

Devices are the real reference devices, the server is the real one on loopback; only time is injected. Never used by requests.
"""
