"""SQL of the edge: credentials, sign-ins, keys, enrolment codes, throttles. Never decides who may do what."""
