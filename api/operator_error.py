"""The one exception for what the operator can mend; the command line prints it plainly. Never used for bugs or refusals."""


class OperatorError(Exception):
    """Something about the machine or its configuration is wrong; the message says what to do next."""
