"""The last step into a mount namespace: tells which process the command is, and becomes it.

Run as a script by `sekisho run`, inside bubblewrap or unshare: FD COMMAND [ARG...]. The tools around it ignore
the terminal's interrupt, so that only the command decides what it means; here it gets its meaning back.
Exit codes as in a shell: 126 when the command cannot be executed, 127 when it is not there.
"""

from __future__ import annotations

import os
import signal
import sys

NOT_EXECUTABLE = 126
NOT_FOUND = 127


def main(arguments: list[str]) -> int:
    descriptor, *command = arguments
    os.write(int(descriptor), b"%d" % os.getpid())
    os.close(int(descriptor))
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        os.execvp(command[0], command)  # noqa: S606 -- no shell is what is wanted
    except FileNotFoundError:
        sys.stderr.write(f"error: {command[0]}: command not found\n")
        return NOT_FOUND
    except OSError as error:
        sys.stderr.write(f"error: {command[0]}: {(error.strerror or str(error)).lower()}\n")
        return NOT_EXECUTABLE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
