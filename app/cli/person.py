"""Who sits at the terminal, for the audit."""

import getpass
from dataclasses import replace

from app.core.identity import SYSTEM, Caller


def at_terminal() -> Caller:
    """Give the caller for a command: it may do everything, and has the name of its account.

    Returns
    -------
    Caller
        Called ``anna (terminal)``, or ``system`` where the account has no name.
    """
    try:
        return replace(SYSTEM, username=f"{getpass.getuser()} (terminal)")
    except (KeyError, OSError):  # an account without a name, as in containers; OSError since 3.13
        return SYSTEM
