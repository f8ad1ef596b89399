"""Pure rules of field jobs: functions of (state, command, now). No I/O, no clock, no SQL."""
