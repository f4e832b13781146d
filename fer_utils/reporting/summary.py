"""What a build did, in words."""

from dataclasses import dataclass, field

from fer_utils.paths import relative
from fer_utils.reporting.outputs import Outputs
from fer_utils.reporting.render import PAGES


@dataclass(frozen=True)
class BuildSummary:
    """What a build did; as text, the lines that the command prints last."""

    outputs: Outputs
    seconds: float
    executed: dict[str, float] = field(default_factory=dict)
    up_to_date: tuple[str, ...] = ()
    rendered: bool = False
    stale: tuple[str, ...] = ()
    left: tuple[str, ...] = ()  # notebooks whose data are not on this machine

    def __str__(self) -> str:
        pages = ", ".join(relative(self.outputs.folder / name) for name in PAGES)
        lines = [
            f"{len(self.executed)} executed, {len(self.up_to_date)} up to date, "
            f"{self.seconds:.0f} s",
            f"{'written' if self.rendered else 'up to date'}: {pages}",
        ]
        if self.left:
            lines.append(f"left as they are, for want of data: {', '.join(self.left)}")
        if self.stale:
            lines.append(f"made by no notebook any more: {', '.join(self.stale)}")
        return "\n".join(lines)
