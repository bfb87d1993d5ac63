"""JUnit XML as CI systems read it: a test case for every rule in every scenario.

A rule of level error that fails is a failure, one that is inconclusive an error: neither may count as passed. What only
warns is skipped, with its words as the reason, since JUnit knows no warning. There is no standard; these are the
elements and attributes that Jenkins, GitLab and GitHub's reporters read alike. Times are zero: rules are judged, not
timed, and a time would make the same inputs give other bytes.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final
from xml.etree import ElementTree as Xml

from simulator.audit.document import Concern, Document, Entry, concern, unfinished
from simulator.audit.wording import fault_sentence, finding_sentence, headline, sentence

_ELEMENTS: Final = {"failure": "failure", "error": "error", "warning": "skipped"}
_COUNTS: Final = (("failures", "failure"), ("errors", "error"), ("skipped", "skipped"))
_UNPRINTABLE: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # which XML 1.0 cannot hold


def junit_text(document: Document) -> str:
    """The document as JUnit XML."""
    root = Xml.Element("testsuites", name="wavetank audit", time="0")
    told = {scenario["name"]: _told(scenario) for scenario in document["scenarios"]}
    for name in {**told, **{rule["scenario"]: "" for rule in document["rules"]}}:
        rules = [rule for rule in document["rules"] if rule["scenario"] == name]
        _suite(root, name, [_rule(document, rule) for rule in rules], told.get(name, ""))
    if document["baseline"] is not None:
        findings = document["baseline"]["findings"]
        _suite(root, "baseline", [_finding(document, finding) for finding in findings])
    _suite(root, "audit", [_whole(document)])
    _count(root, root.iter("testcase"))
    Xml.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{Xml.tostring(root, encoding="unicode")}\n'


def _suite(root: Xml.Element, name: str, cases: Sequence[Xml.Element], told: str = "") -> None:
    suite = Xml.SubElement(root, "testsuite", name=_printable(name), time="0")
    suite.extend(cases)
    _count(suite, cases)
    if told:
        Xml.SubElement(suite, "system-out").text = _printable(told)


def _count(element: Xml.Element, cases: Iterable[Xml.Element]) -> None:
    listed = list(cases)
    element.set("tests", str(len(listed)))
    for attribute, tag in _COUNTS:
        element.set(attribute, str(sum(case.find(tag) is not None for case in listed)))


def _rule(document: Document, rule: Entry) -> Xml.Element:
    text = "\n".join([rule["require"], rule["why"], rule["reason"], *_replays(rule)])
    case = _case(rule["scenario"], rule["id"], concern(document, rule), rule["verdict"], sentence(rule), text)
    case.set("file", _printable(document["config"]))
    case.set("line", str(rule["line"]))
    return case


def _finding(document: Document, finding: Entry) -> Xml.Element:
    text = "\n".join([finding["reason"], *_replays(finding)])
    found, name = concern(document, finding), f"{finding['metric']} in {finding['scenario']}"
    return _case("baseline", name, found, finding["verdict"], finding_sentence(finding), text)


def _whole(document: Document) -> Xml.Element:
    """Whether the audit came to its end: an error where a run or a chain did not, whatever the rules say."""
    found: Concern = "error" if unfinished(document) else "none"
    faults = [fault_sentence(fault) for fault in document["faults"]]
    return _case("audit", "complete", found, "incomplete", headline(document), "\n".join(faults))


def _case(suite: str, name: str, found: Concern, kind: str, message: str, text: str) -> Xml.Element:
    case = Xml.Element("testcase", classname=_printable(suite), name=_printable(name), time="0")
    if found != "none":
        told = Xml.SubElement(case, _ELEMENTS[found], type=kind, message=_printable(message))
        told.text = _printable(text)
    return case


def _replays(entry: Entry) -> list[str]:
    return [f"replay: {entry['replay']}"] if entry["replay"] else []


def _told(scenario: Entry) -> str:
    lines = [f"{scenario['title']}: {scenario['runs']} runs, {scenario['failed']} failed, digest {scenario['digest']}"]
    lines += [f"{fault['runs']} runs: {fault['fault']}\nreplay: {fault['replay']}" for fault in scenario["faults"]]
    return "\n".join(lines)


def _printable(text: str) -> str:
    return _UNPRINTABLE.sub("\ufffd", text)
