"""How somebody who sells does it: where, and in how many parts."""

from pydantic import Field, model_validator

from simulator.settings import COUNT, MINUTES, Settings


class SellingRule(Settings):
    """Where an order goes, and whether it is sliced (TWAP)."""

    venue: str = Field("", description="venue of its orders; empty, or where the asset lacks it: routed over all")
    slices: int = Field(1, ge=1, le=10_000, description="equal parts that a sale is cut into", json_schema_extra=COUNT)
    minutes: float = Field(
        0.0, ge=0, description="time that they are spread over, the first at once", json_schema_extra=MINUTES
    )

    @model_validator(mode="after")
    def _both_or_neither(self) -> "SellingRule":
        if (self.slices > 1) != (self.minutes > 0):
            raise ValueError(f"slices = {self.slices}, minutes = {self.minutes:g}: must be > 1 and > 0, or 1 and 0")
        return self

    @property
    def pause(self) -> float:
        """Time between slices [s]."""
        return self.minutes * 60 / self.slices


AT_ONCE = SellingRule()
