"""A repository of git, for the commands that read one."""

from __future__ import annotations

import subprocess
from pathlib import Path


class Repository:
    """A repository in a folder of its own, with nothing of this machine's configuration."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("config", "user.name", "Test")
        self.git("config", "user.email", "test@acme.example")

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=self.folder, capture_output=True, text=True, check=True
        )
        return done.stdout

    def write(self, path: str, text: str) -> None:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")

    def commit(self, path: str, text: str) -> str:
        self.write(path, text)
        return self.save()

    def save(self) -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message=x")
        return self.git("rev-parse", "HEAD").strip()

    def state(self) -> tuple[str, bytes, str]:
        """What must not change: status, index, references."""
        index = (self.folder / ".git" / "index").read_bytes()
        return self.git("status", "--porcelain"), index, self.git("show-ref")
