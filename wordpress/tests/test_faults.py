"""Every fault between the site and its list, with both transports of WordPress. No post changes while
there is a fault; without it the same site takes down exactly what was sold."""

import email.utils
import gzip
import json
import time

import pytest
from faulty import LISTINGS, Faulty


@pytest.fixture(scope="module", params=["curl", "streams"])
def faulty(request, folder, database):
    running = Faulty(folder, database, f"faults{request.param}", request.param)
    yield running
    running.stop()


def of(kind):
    """A fault of one kind of answer."""

    def decorate(change):
        def fault(answer):
            if answer.kind == kind and answer.status in (200, 304):
                change(answer)

        fault.__name__ = change.__name__
        return fault

    return decorate


@of("objects")
def list_cut_in_half(answer):
    answer.body = answer.body[: len(answer.body) // 2]


@of("objects")
def list_cut_below_its_length(answer):
    # The length is that of the whole; the connection ends.
    answer.honest = False
    answer.body = answer.body[: len(answer.body) // 2]


@of("objects")
def text_cut_at_a_line(answer):
    # Plain text, cut where a line ends: nothing but count and digest can tell.
    answer.body = b"".join(key + b"\n" for key in answer.keys()[: LISTINGS // 2])


@of("objects")
def shorter_list(answer):
    answer.list_of(answer.keys()[1:])


@of("objects")
def other_key_of_the_same_length(answer):
    keys = answer.keys()
    keys[-1] = keys[-1][:-1] + b"~"
    answer.list_of(keys)


@of("objects")
def gzip_damaged(answer):
    middle = len(answer.body) // 2
    answer.body = answer.body[:middle] + bytes([answer.body[middle] ^ 0xFF]) + answer.body[middle + 1 :]


@of("objects")
def gzip_without_its_end(answer):
    answer.body = answer.body[:-9]


@of("objects")
def wrong_order(answer):
    answer.list_of(list(reversed(answer.keys())))


@of("objects")
def key_twice(answer):
    keys = answer.keys()
    answer.list_of([keys[0], *keys[:-1]])


@of("objects")
def last_line_without_its_end(answer):
    answer.body = gzip.compress(b"\n".join(answer.keys()))


@of("objects")
def empty_body(answer):
    answer.body = b""


@of("objects")
def html_instead_of_the_list(answer):
    answer.headers["content-type"] = "text/html"
    answer.body = b"<!doctype html><title>Please log in</title>\n" * 200


@of("objects")
def bomb(answer):
    answer.body = gzip.compress(b"x" * 200_000_000)


@of("objects")
def list_502(answer):
    answer.status = 502


@of("objects")
def list_403(answer):
    answer.status = 403


@of("objects")
def list_redirected(answer):
    answer.status = 302
    answer.headers["location"] = "/v1/elsewhere"


@of("live")
def html_instead_of_the_manifest(answer):
    answer.headers["content-type"] = "text/html"
    answer.body = b"<!doctype html><title>Welcome</title>"


@of("live")
def manifest_cut(answer):
    answer.body = answer.body[:-20]


@of("live")
def manifest_redirected(answer):
    answer.status = 301
    answer.headers["location"] = "/v1/elsewhere"


def status(number, **headers):
    @of("live")
    def fault(answer):
        answer.status = number
        answer.headers |= headers
        answer.body = b'{"error":{"code":"any"}}'

    fault.__name__ = f"status_{number}"
    return fault


def manifest(label, **changes):
    @of("live")
    def fault(answer):
        answer.manifest(**changes)

    fault.__name__ = f"manifest_{label}"
    return fault


@of("live")
def clock_ahead(answer):
    answer.headers["date"] = email.utils.formatdate(time.time() + 86_400, usegmt=True)


@of("live")
def clock_behind(answer):
    answer.headers["date"] = email.utils.formatdate(time.time() - 86_400, usegmt=True)


@of("live")
def no_date(answer):
    answer.headers.pop("date")


@of("live")
def link_without_tls(answer):
    full = json.loads(answer.body)["full"]
    answer.manifest(full=full | {"url": "http://lists.example.com/list.txt.gz"})


EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

FAULTS = [
    (list_cut_in_half, "gzip"),
    (list_cut_below_its_length, None),
    (text_cut_at_a_line, "list_count"),
    (shorter_list, "list_count"),
    (other_key_of_the_same_length, "list_sha256"),
    (gzip_damaged, None),
    (gzip_without_its_end, "gzip"),
    (wrong_order, "list_order"),
    (key_twice, "list_order"),
    (last_line_without_its_end, "list_end"),
    (empty_body, "list_count"),
    (html_instead_of_the_list, None),
    (bomb, "list_line"),
    (list_502, "unavailable"),
    (list_403, "link_expired"),
    (list_redirected, "redirected"),
    (html_instead_of_the_manifest, "not_json"),
    (manifest_cut, "not_json"),
    (manifest_redirected, "redirected"),
    (status(401), "unauthorized"),
    (status(403), "forbidden"),
    (status(404), "not_found"),
    (status(429, **{"retry-after": "120"}), "too_many_requests"),
    (status(500), "unavailable"),
    (status(502), "unavailable"),
    (status(503, **{"retry-after": "3600"}), "unavailable"),
    (status(204), "unavailable"),
    (manifest("incomplete", complete=False), "not_complete"),
    (manifest("incomplete_as_text", complete="true"), "not_complete"),
    (manifest("wrong_sha256", sha256=EMPTY), "list_sha256"),
    (manifest("wrong_count", count=4_000), "list_count"),
    (manifest("count_as_text", count="4980"), "manifest"),
    (manifest("other_schema", schema=2), "schema"),
    (manifest("other_feed", feed="other-property-00000000"), "other_feed"),
    (manifest("other_field", key_field="ListingId"), "key_field"),
    (manifest("other_order", order="collated"), "order"),
    (manifest("older_instant", as_of="2020-01-01T00:00:00Z"), "older_version"),
    (manifest("future", as_of="2099-01-01T00:00:00Z"), "clock_skew"),
    (clock_ahead, "clock_skew"),
    (clock_behind, "clock_skew"),
    (no_date, "clock_skew"),
    (link_without_tls, "link"),
]


@pytest.mark.parametrize(("fault", "error"), FAULTS, ids=[fault.__name__ for fault, _ in FAULTS])
def test_nothing_changes_while_there_is_a_fault(faulty, fault, error):
    faulty.reset()
    struck = []
    def counted(answer):
        before = (answer.status, dict(answer.headers), answer.body)
        fault(answer)
        struck.append(before != (answer.status, answer.headers, answer.body) or not answer.honest)
    faulty.proxy.fault = counted
    told = faulty.apply()
    assert any(struck), told
    assert faulty.all_stay(), told
    assert faulty.error() != "", told
    if error:
        assert faulty.error() == error, told

    faulty.proxy.fault = None
    told = faulty.apply()
    assert faulty.twenty_went(), told
    assert faulty.error() == ""


def test_an_older_list_is_refused(faulty):
    faulty.reset()
    faulty.apply()
    assert faulty.twenty_went()
    # Somebody in between keeps old answers: the first manifest, with its list.
    @of("live")
    def older(answer):
        answer.status = 200
        answer.body = faulty.first_answer
    faulty.proxy.fault = older
    faulty.apply()
    assert faulty.error() == "older_version"
    assert faulty.twenty_went()


def test_an_empty_list_waits_for_a_person(faulty):
    faulty.reset()

    def empty(answer):
        if answer.status == 200 and answer.kind == "live":
            answer.manifest(count=0, sha256=EMPTY)
        elif answer.kind == "objects":
            answer.list_of([])

    faulty.proxy.fault = empty
    told = faulty.apply()
    assert faulty.all_stay(), told
    held = faulty.site.feed(faulty.livelist.feed)["held_run"]
    assert int(held) > 0
    # Waiting changes nothing, however often it is looked at.
    faulty.apply()
    assert faulty.all_stay()
    # The right list comes with the next answer: whoever waits is not needed any more.
    faulty.proxy.fault = None
    told = faulty.site.wp("hold", f"--approve={held}", streams=faulty.streams)
    assert "superseded" in told
    assert faulty.twenty_went(), told


def test_a_list_that_was_decoded_on_its_way_is_right(faulty):
    faulty.reset()

    @of("objects")
    def encoded(answer):
        answer.headers["content-encoding"] = "gzip"

    faulty.proxy.fault = encoded
    told = faulty.apply()
    assert faulty.twenty_went(), told


def test_the_key_goes_to_the_api_only(faulty):
    faulty.reset()
    faulty.apply()
    asked = {kind: authorized for kind, authorized, _ in faulty.proxy.asked}
    assert asked["live"] is True
    assert asked["objects"] is False


def test_the_service_is_told_and_need_not_answer(faulty):
    faulty.reset()
    faulty.apply()
    acks = [json.loads(body) for kind, _, body in faulty.proxy.asked if kind == "acks"]
    assert len(acks) == 1
    said = acks[0]
    assert said["version"] == faulty.livelist.manifest()["version"]
    assert (said["local_total"], said["missing"], said["removed"], said["held"]) == (LISTINGS, 20, 20, 0)
    assert said["error"] is None
    assert said["plugin"] and said["wp"] and said["php"]

    faulty.reset()

    def deaf(answer):
        if answer.kind == "acks":
            answer.status, answer.body = 500, b"no"

    faulty.proxy.fault = deaf
    faulty.apply()
    assert faulty.twenty_went()


def test_the_service_is_told_of_refusals(faulty):
    faulty.reset()
    faulty.proxy.fault = shorter_list
    faulty.apply()
    acks = [json.loads(body) for kind, _, body in faulty.proxy.asked if kind == "acks"]
    assert [ack["error"] for ack in acks] == ["list_count"]


def test_no_complaints(faulty):
    assert faulty.site.complaints() == []
