from __future__ import annotations

import hashlib
import math
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.ingest.live import Live, LiveError, LiveParameter
from functions.platform.aws import client
from tests.functions.account import answering, error

PARAMETER = "/happypath/live"
KEY = "park/photo.jpg"
FINGERPRINTS = st.binary(min_size=32, max_size=32).map(bytes.hex)
WORKFLOWS = st.from_regex(r"[a-z][a-z0-9-]{0,20}", fullmatch=True).filter(lambda name: name != "none")
WEIGHTS = st.dictionaries(WORKFLOWS, st.integers(1, 999_999_999), min_size=1, max_size=6)


def say(value: str) -> None:
    client("ssm").put_parameter(Name=PARAMETER, Value=value, Type="String", Overwrite=True)


class Clock:
    """A clock that stands still until it is told."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.mark.parametrize(
    ("value", "weights"),
    [
        ("none", ()),
        (" none\n", ()),
        ("v4", (("v4", 1),)),
        ("v4=7", (("v4", 7),)),
        ("v3=90 v4=10", (("v3", 90), ("v4", 10))),
        ("v3=90\tmatcher-2=10\n", (("v3", 90), ("matcher-2", 10))),
    ],
)
def test_the_grammar(value: str, weights: tuple[tuple[str, int], ...]) -> None:
    assert Live.parse(value).weights == weights


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "V4",
        "4",
        "-v4",
        "v 4",
        "v4=",
        "v4=0",
        "v4=01",
        "v4=-1",
        "v4=1.5",
        "v4=10%",
        "v4=٣",
        "v4=" + "9" * 5000,
        "v3 v4",
        "v3=90 v4",
        "v3=90,v4=10",
        "v4=1 v4=2",
        "none=1",
        "none v4",
        "v3=90 none",
        "v4\x00",
        "documents/=matcher",
        "v4 documents/=",
        "v4 documents/=Matcher",
        "v4 documents/",
        "v4 documents=matcher",
        "v4 documents/=matcher=1",
        "v4 documents/=matcher documents/=v3",
        "v4 documents/=matcher document%73/=v3",
        "v4 my documents/=matcher",
        "v4 /=matcher",
        "v4 /documents/=matcher",
        "v4 documents//=matcher",
        "v4 documents%2F%2F2026/=matcher",
        "v4 .dry-run/=matcher",
        "v4 workflow/=matcher",
        "arn:aws:states:us-east-1:1:stateMachine:v4",
    ],
)
def test_a_senseless_value_names_the_parameter_and_says_what_to_write(value: str) -> None:
    with pytest.raises(ValueError, match="expected 'none'"):
        Live.parse(value)
    answer = {"Parameter": {"Value": value}}
    with answering("GetParameter", answer), pytest.raises(LiveError) as raised:
        LiveParameter(PARAMETER).read()
    assert PARAMETER in str(raised.value)
    assert "v3=90 v4=10" in str(raised.value)


def test_a_missing_parameter_is_named() -> None:
    with pytest.raises(LiveError, match=f"{PARAMETER} does not exist"):
        LiveParameter(PARAMETER).read()


PLACES = st.text(min_size=1, max_size=6).filter(lambda place: "/" not in place and place not in {".", ".."})
PREFIXES = PLACES.map(lambda place: f"{place}/")
TARGETS = st.one_of(st.none(), WORKFLOWS)
ROUTES = st.dictionaries(
    st.one_of(PREFIXES, st.sampled_from(["a/", "a/b", "a/bc", "b/"])), TARGETS, max_size=5
)


def written(weights: dict[str, int], prefixes: dict[str, str | None]) -> str:
    routes = [f"{workflow}={weight}" for workflow, weight in weights.items()]
    routes += [f"{quote(prefix)}={workflow or 'none'}" for prefix, workflow in prefixes.items()]
    return " ".join(routes)


@given(weights=WEIGHTS, prefixes=ROUTES)
def test_a_value_is_read_as_it_was_written(weights: dict[str, int], prefixes: dict[str, str | None]) -> None:
    live = Live.parse(written(weights, prefixes))
    assert dict(live.weights) == weights
    assert dict(live.prefixes) == prefixes
    assert set(live.workflows) == {*weights, *filter(None, prefixes.values())}


@given(weights=WEIGHTS, prefixes=ROUTES, start=st.data(), rest=st.text(max_size=5), fingerprint=FINGERPRINTS)
def test_the_longest_prefix_decides_and_no_other_upload_notices(
    weights: dict[str, int],
    prefixes: dict[str, str | None],
    start: st.DataObject,
    rest: str,
    fingerprint: str,
) -> None:
    key = start.draw(st.sampled_from(["x/", "a/", "a/b", *prefixes])) + rest
    chosen = Live.parse(written(weights, prefixes)).choose(key, fingerprint)
    own = [prefix for prefix in prefixes if key.startswith(prefix)]
    if own:
        assert chosen == prefixes[max(own, key=len)]
    else:
        assert chosen == Live.parse(written(weights, {})).choose(key, fingerprint)


@pytest.mark.parametrize(
    ("value", "key", "workflow"),
    [
        ("v4 documents/=matcher", "documents/invoice.png", "matcher"),
        ("v4 documents/=matcher", "document/invoice.png", "v4"),
        ("v4 documents/=matcher", "my-documents/invoice.png", "v4"),
        ("documents/=matcher v4", "documents/invoice.png", "matcher"),
        ("v4 documents/=matcher documents/old-=none", "documents/old-one.png", None),
        ("v4 documents/=none", "park/photo.jpg", "v4"),
        ("none documents/=matcher", "documents/invoice.png", "matcher"),
        ("none documents/=matcher", "park/photo.jpg", None),
        ("v4 my%20documents/=matcher", "my documents/invoice.png", "matcher"),
        ("v4 a=b/=matcher", "a=b/invoice.png", "matcher"),
        ("v4 größer/=matcher", "größer/invoice.png", "matcher"),
    ],
)
def test_keys_may_have_workflows_of_their_own(value: str, key: str, workflow: str | None) -> None:
    assert Live.parse(value).choose(key, "5") == workflow


def test_none_chooses_nothing() -> None:
    assert Live.parse("none").choose(KEY, "ab" * 32) is None


@given(fingerprint=FINGERPRINTS)
def test_one_live_workflow_gets_everything(fingerprint: str) -> None:
    assert Live.parse("v4").choose(KEY, fingerprint) == "v4"


@given(weights=WEIGHTS, fingerprint=FINGERPRINTS)
def test_a_choice_is_one_of_the_live_and_stays_the_same(weights: dict[str, int], fingerprint: str) -> None:
    value = " ".join(f"{workflow}={weight}" for workflow, weight in weights.items())
    chosen = Live.parse(value).choose(KEY, fingerprint)
    assert chosen in weights
    assert Live.parse(value).choose(KEY, fingerprint) == chosen


@given(weights=st.dictionaries(WORKFLOWS, st.integers(1, 20), min_size=1, max_size=4))
def test_every_weight_counts_exactly(weights: dict[str, int]) -> None:
    live = Live(tuple(weights.items()))
    chosen = [live.choose(KEY, f"{point:x}") for point in range(sum(weights.values()))]
    assert {workflow: chosen.count(workflow) for workflow in weights} == weights


def test_a_split_divides_many_uploads_as_it_says() -> None:
    live = Live.parse("v3=90 v4=10")
    count = 2000
    fingerprints = [hashlib.sha256(f"upload {number}".encode()).hexdigest() for number in range(count)]
    to_v4 = sum(live.choose(KEY, fingerprint) == "v4" for fingerprint in fingerprints)
    # 99.9 % of all samples of that size lie within 3.29 standard deviations.
    assert abs(to_v4 - count * 0.1) < 3.29 * math.sqrt(count * 0.1 * 0.9)


def test_a_value_is_kept_for_its_time_and_read_again_after_it() -> None:
    clock = Clock()
    parameter = LiveParameter(PARAMETER, max_age_s=5, clock=clock)
    say("v3")
    with answering("GetParameter") as calls:
        assert parameter.read() == Live.parse("v3")
        say("v4")
        clock.now_s += 4.9
        assert parameter.read() == Live.parse("v3")
        assert len(calls) == 1
        clock.now_s += 0.1
        assert parameter.read() == Live.parse("v4")
        assert len(calls) == 2


def test_an_error_is_not_kept_and_an_old_value_not_used_in_its_place() -> None:
    clock = Clock()
    parameter = LiveParameter(PARAMETER, max_age_s=5, clock=clock)
    say("v3")
    parameter.read()
    say("none")
    clock.now_s += 5
    throttled = error("ThrottlingException", "GetParameter")
    with answering("GetParameter", throttled, throttled):
        for _ in range(2):
            with pytest.raises(client("ssm").exceptions.ClientError, match="ThrottlingException"):
                parameter.read()
        assert parameter.read() == Live.parse("none")
