"""infra on a terminal, as a person sits before it."""

import fcntl
import os
import pty
import select
import struct
import termios
import time

import scene
from scene import fail

PATIENCE = 60


class Terminal:
    """infra on a terminal, as far as it can tell."""

    def __init__(self, *arguments):
        self.said = ""
        self.child, self.terminal = pty.fork()
        if self.child == 0:
            size = struct.pack("HHHH", 40, 120, 0, 0)
            fcntl.ioctl(0, termios.TIOCSWINSZ, size)
            os.execve(scene.INFRA, ["infra", *map(str, arguments)], scene.ENVIRONMENT | {"TERM": "xterm"})

    def expect(self, text, patience=PATIENCE):
        """Waits until it has said this."""
        deadline = time.monotonic() + patience
        while text not in self.said:
            if time.monotonic() > deadline or not self.read():
                fail(f"no {text!r} in {self.said!r}")
        return self

    def type(self, text):
        os.write(self.terminal, text.encode())
        return self

    def read(self):
        """False at the end."""
        ready, _, _ = select.select([self.terminal], [], [], 1)
        try:
            more = os.read(self.terminal, 65536) if ready else b" "
        except OSError:
            return False
        self.said += more.decode(errors="replace") if ready else ""
        return bool(more)

    def ended(self, code):
        while self.read():
            pass
        _, status = os.waitpid(self.child, 0)
        if os.waitstatus_to_exitcode(status) != code:
            fail(f"exit {os.waitstatus_to_exitcode(status)} instead of {code}: {self.said}")
        return self


def wait_for(what, condition, patience=PATIENCE):
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() > deadline:
            fail(f"waited for {what}")
        time.sleep(0.1)
