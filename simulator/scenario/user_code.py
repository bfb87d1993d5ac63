"""Import the classes of a user's own that a scenario names, once a run has said which."""

from collections.abc import Callable
from dataclasses import replace

from simulator.registry import UserCode, settings_of
from simulator.scenario.build import Draft, where
from simulator.scenario.files import Source
from simulator.scenario.models import Component, Scenario
from simulator.scenario.overrides import parse_key
from simulator.scenario.resolved import resolve


def import_user_code(scenario: Scenario, announce: Callable[[UserCode], None] | None = None) -> Scenario:
    """The scenario with the settings of a user's own classes, which are imported now.

    `announce` is called with each place before anything of it runs. A scenario without such code is given back as it
    is, and so is one that went through here before. Raises `ConfigError`.
    """
    waiting = [item for item in (*scenario.protocols.values(), *scenario.agents.values()) if item.settings is None]
    if not waiting:
        return scenario
    if announce is not None:
        for code in dict.fromkeys(item.code for item in waiting if item.code):
            announce(code)
    ready = {item.id: _with_settings(scenario, item) for item in waiting}
    changed = replace(
        scenario,
        protocols={key: ready.get(key, item) for key, item in scenario.protocols.items()},
        agents={key: ready.get(key, item) for key, item in scenario.agents.items()},
    )
    return replace(changed, resolved=resolve(changed))


def _with_settings(scenario: Scenario, component: Component) -> Component:
    draft = Draft({}, scenario.source.parent)
    model = settings_of(component.implementation, component.name)
    settings = draft.model(model, component.raw, (component.id,), (component.kind,))
    if draft.problems:
        problem = draft.problems[0]
        changed = [parse_key(key) for key in scenario.changes]
        raise problem.error(where(problem, (Source(scenario.source, {}),), changed))
    return replace(component, settings=settings)
