"""What the sizes of an installation reserve, and how long a run waits where Lambda refuses a call.

A function with reserved concurrency is refused what is beyond it, and the others share what is left of the
account. Step Functions sees `Lambda.TooManyRequestsException` and tries again as the task's retrier says. A cap
must never lose a run: the retrier has to outlast the refusals.
"""

import json
import math
import sys
from pathlib import Path

import facts
import sam

ROOT = Path(__file__).resolve().parents[2]
REFUSED = "Lambda.TooManyRequestsException"
# A run waits so long at the least.
PATIENCE_SECONDS = 30 * 60
# An account with the quota of 1,000 has to keep 100 that nobody reserves.
MOST_RESERVED = 900
# With FULL jitter a pause is anything from nothing to its whole. Of 30,000 runs one waits less than the mean
# minus four standard deviations.
DEVIATIONS = 4


class Retrier:
    """A retrier of the Amazon States Language, with its defaults."""

    def __init__(self, written: dict):
        self.errors = set(written["ErrorEquals"])
        self.attempts = written.get("MaxAttempts", 3)
        self.is_jittered = written.get("JitterStrategy", "NONE") == "FULL"
        first, rate = written.get("IntervalSeconds", 1), written.get("BackoffRate", 2.0)
        most = written.get("MaxDelaySeconds", math.inf)
        self.pauses = [min(first * rate**nth, most) for nth in range(self.attempts)]

    def takes(self, error: str) -> bool:
        return bool(self.errors & {error, "States.TaskFailed", "States.ALL"})

    def patience(self) -> float:
        """Seconds for which calls that are refused at once are tried."""
        if not self.is_jittered:
            return sum(self.pauses)
        # Each is evenly spread from 0 to its whole.
        mean = sum(self.pauses) / 2
        deviation = math.sqrt(sum(pause**2 / 12 for pause in self.pauses))
        return max(0.0, mean - DEVIATIONS * deviation)


def tasks(definition: dict) -> dict[str, list[Retrier]]:
    """The states that invoke a function, with their retriers."""
    return {
        name: [Retrier(of) for of in state.get("Retry", [])]
        for name, state in definition["States"].items()
        if state["Type"] == "Task" and state["Resource"].endswith(":states:::lambda:invoke")
    }


def impatient(definition: dict) -> list[str]:
    """Each state that could lose its run to a refusal."""
    wrong = []
    for name, retriers in tasks(definition).items():
        # The first that fits is the one that counts.
        found = next((of for of in retriers if of.takes(REFUSED)), None)
        if found is None:
            wrong.append(f"{name} does not try again what Lambda refuses")
        elif not found.is_jittered:
            wrong.append(f"{name} tries again in step with all others: there is no jitter")
        elif found.patience() < PATIENCE_SECONDS:
            wrong.append(f"{name} tries for {found.patience() / 60:.0f} minutes what Lambda refuses")
    return wrong


def reserved(template: sam.Template, size: str) -> dict[str, int]:
    """By handler, with as many workers as there may be."""
    most = str(template.parameters["WorkerConcurrency"]["MaxValue"])
    given = {"Size": size, "WorkerConcurrency": most, "AdminApi": "ENABLED"}
    system = template.facts("STACK", given)
    setting = "reserved_concurrent_executions"
    return {
        of["handler"]: int(of[setting])
        for (kind, _), of in system.resources.items()
        if kind == "function" and setting in of
    }


def wrong_sizes(template: sam.Template) -> list[str]:
    wrong = []
    default = template.parameters["Size"]["Default"]
    for size in template.parameters["Size"]["AllowedValues"]:
        of = reserved(template, size)
        if size == default and of:
            wrong.append(f"{size} is what one gets without asking, and reserves {sum(of.values())}")
        if size == "large":
            for handler in ("api", "scan", "confirm", "authorize", "planner", "worker"):
                if handler not in of:
                    wrong.append(f"large has no reserve for {handler}")
        if sum(of.values()) > MOST_RESERVED:
            wrong.append(f"{size} reserves {sum(of.values())}; an account allows {MOST_RESERVED}")
    return wrong


def read(root: Path = ROOT) -> tuple[dict, sam.Template]:
    definition = json.loads((root / "statemachines" / "reconcile.asl.json").read_text())
    return definition, sam.Template(root / "template.yaml")


def check(definition: dict, template: sam.Template) -> list[str]:
    return impatient(definition) + wrong_sizes(template)


def main() -> int:
    try:
        definition, template = read()
        wrong = check(definition, template)
    except facts.FactsError as error:
        print(f"Cannot be checked: {error}", file=sys.stderr)
        return 1
    for line in wrong:
        print(line, file=sys.stderr)
    if not wrong:
        all_of = [next(r for r in of if r.takes(REFUSED)).patience() for of in tasks(definition).values()]
        large = sum(reserved(template, "large").values())
        print(
            f"sizes: a refused call is tried for {min(all_of) / 60:.0f} minutes at the least; "
            f"large reserves {large} of {MOST_RESERVED} at the most."
        )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
