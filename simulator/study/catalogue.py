"""Every study by name."""

from simulator.errors import ConfigError
from simulator.registry import nearest
from simulator.study.bands import BANDS
from simulator.study.delay import DELAY
from simulator.study.design import Study
from simulator.study.effectiveness import EFFECTIVENESS_STUDY

STUDIES: dict[str, Study] = {study.name: study for study in (BANDS, EFFECTIVENESS_STUDY, DELAY)}


def find_study(name: str) -> Study:
    """The study of a name. Raises ConfigError with the nearest one."""
    if name in STUDIES:
        return STUDIES[name]
    raise ConfigError(
        f'no study "{name}"', where="--study", mend=f'the nearest that exists is "{nearest(name, STUDIES)}"'
    )
