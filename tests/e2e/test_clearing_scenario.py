"""The shipped storm over a clearinghouse tells the story that it says, and what its grid is for."""

import json

import pytest

from simulator import load, run

SHORT = {"world.hours": 1.75}  # by then the auctions are over; blocks stay as they are: slower ones make hedgers late


def told(**changes):
    result = run(load("portfolio-margin-unwind", **SHORT, **changes), gas="fast")
    assert result.manifest["status"] == "complete"
    assert result.metrics["unexpected_reverts"] == 0
    return result


@pytest.fixture(scope="module")
def unwound():
    return told()


def rows(result, name):
    found = result.events[(result.events["protocol"] == "clearing") & (result.events["name"] == name)]
    return [json.loads(args) for args in found["args"]]


def actions(result, agent):
    found = result.transactions
    return set(found[(found["agent"] == agent) & (found["status"] == "included")]["action"])


def measured(result, name):
    found = result.measures
    return found[(found["protocol"] == "clearing") & (found["name"] == name)]["value"].to_numpy()


def test_whole_books_are_auctioned_taken_below_their_worth_and_sold_off(unwound):
    taken = rows(unwound, "AuctionTaken")
    assert len(taken) >= 3
    assert all(0 < int(each["paid"]) < int(each["equity"]) for each in taken)
    assert {"book-take", "book-trade"} <= actions(unwound, "takers")
    assert unwound.metrics["liquidations"] == len(taken)
    assert unwound.metrics["liquidator_profit_usd"] > 0


def test_hedged_and_unhedged_books_fail_and_some_of_each_outlast_the_fall(unwound):
    books = unwound.positions[unwound.positions["protocol"] == "clearing"]
    groups = agents_of(unwound)
    owners = {
        int(name.rsplit("/", 1)[1]): groups[owner] for name, owner in zip(books.position, books.owner, strict=True)
    }
    failed = [owners[int(each["account"])] for each in rows(unwound, "AuctionStarted")]
    assert {"strangles", "put-writers"} <= set(failed)
    assert len(failed) < sum(group in ("condors", "strangles", "put-writers", "careful") for group in owners.values())


def agents_of(result):
    found = result.transactions
    return dict(zip(found["sender"], found["agent"], strict=True))


def test_the_auctions_come_in_time_so_no_fund_pays(unwound):
    assert measured(unwound, "absorbed_usd")[-1] == 0
    assert unwound.metrics["bad_debt_usd"] == 0
    assert measured(unwound, "house_fund_usd")[-1] > measured(unwound, "house_fund_usd")[0]  # auctions pay it fees


@pytest.mark.slow
def test_a_narrower_grid_frees_margin_makes_books_larger_and_fails_more_of_them(unwound):
    narrow = {"spots": [-0.05, -0.025, 0.0, 0.025, 0.05], "extremes": [], "factor": 1.0}
    changes = {f"clearing.portfolio.{name}": value for name, value in narrow.items()}
    result = told(**changes)
    assert measured(result, "margin_freed_usd").max() > max(0.0, measured(unwound, "margin_freed_usd").max())
    assert measured(result, "clearing_interest_usd")[2] > measured(unwound, "clearing_interest_usd")[2]
    assert len(rows(result, "AuctionTaken")) > len(rows(unwound, "AuctionTaken"))
