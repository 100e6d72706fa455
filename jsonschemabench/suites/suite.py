"""What a suite is: a name, where its data comes from, and its cases. The class to copy when adding one.

    class Mine(Suite):
        name = "mine"
        about = "schemas of my project"
        home = "https://example.org/mine.jsonl"       # fetched into the cache where no local file is found
        licence = "MIT"

        def cases(self, data):
            return load(data.find("mine.jsonl", self.home))

Name it in `SUITES`, or call it `module:Class` on the command line.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from jsonschemabench.limits import Limits
from jsonschemabench.suites.base import Case
from jsonschemabench.suites.data import Data


class Suite(ABC):
    """Cases of one kind. `cases` raises MissingData where neither the folder nor the home has them."""

    name: ClassVar[str]
    about: ClassVar[str]
    home: ClassVar[str] = "(generated)"
    licence: ClassVar[str] = ""
    limits: ClassVar[Limits | None] = None  # where the usual ones do not fit
    budget: ClassVar[bool] = True  # may a job end before it has taken all of its cases
    share: ClassVar[float] = 1.0  # of the usual sample of each split

    @abstractmethod
    def cases(self, data: Data) -> list[Case]:
        """All cases, always in the same order."""
