"""The recommendation in sentences, for the terminal and the page."""

from collections.abc import Mapping

from simulator.report.wording import count, number, percent
from simulator.stress.answer import Answer
from simulator.stress.estimate import rate
from simulator.stress.judge import Verdict
from simulator.stress.recommend import Edge, Kept, Nearest
from simulator.stress.wording import amount, labels, setting, settings


def names_of(answer: Answer) -> dict[str, str]:
    """Short names of the varied keys."""
    return labels(list(answer.points[0].changes) if answer.points else [])


def headline(answer: Answer) -> str:
    """The answer in one sentence."""
    found, names = answer.recommendation, names_of(answer)
    if found.chosen is not None:
        return f"Recommended: {settings(found.chosen.changes, names)}"
    if found.nearest is not None:
        return "No point keeps every constraint" if len(answer.rules) > 1 else "No point keeps the constraint"
    return "What comes of every point"


def reason(answer: Answer) -> str:
    """Why this, in a few sentences."""
    found = answer.recommendation
    if found.nearest is not None:
        return _nearest(found.nearest, names_of(answer))
    if found.chosen is None:
        return "No constraint was stated, so none is recommended: add --require to have one."
    passing = sum(point.qualifies for point in answer.points)
    kept = (
        f"Of {count(len(answer.points), 'point')} {passing:,} {'keeps' if passing == 1 else 'keep'} "
        f"{'every constraint' if len(answer.rules) > 1 else 'the constraint'} with the worse 95 % bound."
    )
    if answer.efficiency is None:
        return f"{kept} Nothing varied says what capital may do: this one keeps what is asked by most."
    efficiency = found.chosen.efficiency
    value = "" if efficiency is None or efficiency.value is None else f", {number(efficiency.value)}"
    return f"{kept} This one is the most efficient of them{value} ({answer.efficiency.text})."


def constraint(kept: Kept, answer: Answer) -> list[str]:
    """What a rule leaves and costs at the chosen point, and how far its edge is."""
    parts = [f"{amount(kept.verdict.rule, kept.verdict.slack)} of room", *unseen(kept.verdict)]
    parts.append(edge(kept, names_of(answer)))
    if kept.cost:
        parts.append(f"without it efficiency would be higher by {number(kept.cost)}")
    elif kept.cost is not None:
        parts.append("it costs no efficiency")
    return parts


def unseen(verdict: Verdict) -> list[str]:
    """What a mean or a shortfall of runs that all agree does not know: how rare a greater loss may yet be."""
    found = verdict.estimate
    averages = verdict.rule.aggregate == "mean" or verdict.rule.aggregate.startswith("es")
    if not averages or not found.runs or found.low != found.high:
        return []
    chance = rate(0, found.runs).high or 0.0
    return [f"all {found.runs:,} runs agree, so what comes in fewer than {percent(chance)} of runs may be unseen"]


def edge(kept: Kept, names: Mapping[str, str]) -> str:
    """The nearest edge of a rule on the grid."""
    near = [each for each in kept.edges if each.steps is not None]
    if not kept.edges:
        return "no neighbours on a grid, so no steps to its edge"
    if not near:
        return "kept as far as the grid reaches"
    least = min(each.steps for each in near if each.steps is not None)
    return " or ".join(_edge(each, names) for each in near if each.steps == least)


def _edge(edge: Edge, names: Mapping[str, str]) -> str:
    return f"no longer kept {count(edge.steps or 0, 'step')} {edge.way} in {names[edge.key]}, at {setting(edge.value)}"


def _nearest(nearest: Nearest, names: Mapping[str, str]) -> str:
    point, verdict = nearest.point, nearest.verdict
    where = f"Nearest is {settings(point.changes, names)}"
    if verdict.standing == "no_data":
        return f"{where}: no run has data for {verdict.rule}."
    if point.failed:
        return f"{where}: {count(point.failed, 'run')} of it failed, and no constraint is kept while runs are missing."
    if nearest.excess is None:
        needed = verdict.estimate.needed
        wanted = f"; {needed:,} would do" if needed else ""
        return f"{where}: {count(verdict.estimate.runs, 'run')} are too few to say whether {verdict.rule}{wanted}."
    return (
        f"{where}: of {verdict.rule} the worse 95 % bound is {amount(verdict.rule, verdict.bound)}, "
        f"{amount(verdict.rule, nearest.excess)} beyond the limit."
    )


def lines(answer: Answer) -> list[str]:
    """The recommendation for a terminal, a line each."""
    kept = [f"{each.verdict.rule}: {'; '.join(constraint(each, answer))}" for each in answer.recommendation.kept]
    return [headline(answer), reason(answer), *kept]
