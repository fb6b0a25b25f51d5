"""Processes that die, wait, or meet each other. Whatever happens to them, a post that is live stays,
and in the end exactly those are down that were sold."""

import time

import pytest
from faulty import META, TYPE, Faulty
from local_wordpress import HERE, stop

LISTINGS = 300


@pytest.fixture(scope="module")
def small(folder, database):
    running = Faulty(folder, database, "interruptions", listings=LISTINGS)
    yield running
    running.stop()


def only_sold_are_down(small, gone):
    down = set(small.down("draft")) | set(small.down("trash"))
    return down <= set(gone)


def killed_over_and_over(small, gone, kills):
    """Slices die at one statement after another until one does not reach its last one."""
    died = 0
    small.site.sql("UPDATE wp_livelist_feeds SET due_at = 1")
    for kill in kills:
        small.site.switch(**kill)
        told = small.slice()
        died += told == ""
        assert only_sold_are_down(small, gone)
        small.expire_lock()
        if told == "done":
            break
    small.site.switch(kill_query=None, kill_at=None, kill_hook=None)
    for _ in range(20):
        if small.slice() == "done":
            return died
    raise AssertionError("it does not come to an end")


def every_statement():
    return [{"kill_query": number} for number in range(1, 400)]


def test_a_site_that_is_killed_at_every_statement(small):
    small.reset()
    died = killed_over_and_over(small, small.sold, every_statement())
    assert died > 15
    assert small.twenty_went()
    assert small.site.sql("SELECT state, COUNT(*) FROM wp_livelist_plan GROUP BY state") == [["done", "20"]]
    assert small.site.sql("SELECT did, prior, COUNT(*) FROM wp_livelist_posts WHERE did <> '' GROUP BY did, prior") == [
        ["drafted", "publish", "20"]
    ]

    more = small.next_list("sell", {"n": 3})
    killed_over_and_over(small, small.sold + more, every_statement())
    assert small.down("trash") == small.sold
    assert small.down("draft") == more

    small.next_list("relist", {"keys": small.sold + more})
    killed_over_and_over(small, small.sold + more, every_statement())
    assert small.all_stay()
    assert small.site.sql("SELECT COUNT(*) FROM wp_livelist_posts WHERE did <> ''") == [["0"]]


@pytest.mark.parametrize("times", [1, 1000])
def test_a_database_that_refuses_a_statement(small, times):
    """An answer without rows is never taken for one."""
    small.reset()
    refused = 0
    for number in range(1, 400 if times == 1 else 60):
        small.site.sql("UPDATE wp_livelist_feeds SET due_at = 1, attempts = 0")
        small.site.switch(break_query=number, break_times=times)
        told = small.slice()
        assert only_sold_are_down(small, small.sold)
        small.expire_lock()
        complaints = (small.site.folder / "debug.log").read_text().count("THIS IS BROKEN")
        if complaints == refused:
            break
        refused = complaints
        assert "Fatal" not in told
    assert refused > 15
    small.site.switch(break_query=None)
    small.site.sql("UPDATE wp_livelist_feeds SET due_at = 1")
    while small.slice() != "done":
        pass
    assert small.twenty_went(), small.story()
    # What was done is known, so that it can be brought back.
    small.next_list("relist", {"keys": small.sold})
    small.apply()
    assert small.all_stay()
    (small.site.folder / "debug.log").unlink()


@pytest.mark.parametrize("at", [1, 2, 11, 20])
@pytest.mark.parametrize("hook", ["transition_post_status", "save_post", "wp_insert_post", "clean_post_cache"])
def test_a_site_that_is_killed_while_a_post_changes(small, hook, at):
    small.reset()
    died = killed_over_and_over(small, small.sold, [{"kill_hook": hook, "kill_at": at}])
    assert died == 1
    assert small.twenty_went()


def test_slices_of_no_length_come_to_the_same_end(small):
    small.reset()
    small.site.switch(slice_seconds=0.0)
    small.site.sql("UPDATE wp_livelist_feeds SET due_at = 1")
    slices = 1
    while small.slice() != "done":
        slices += 1
        assert slices < 100
        assert only_sold_are_down(small, small.sold)
    assert slices > 20
    assert small.twenty_went()
    assert len(small.site.runs()) == 1


def test_three_crons_at_once(small):
    small.reset()
    small.site.switch(slow=50_000)
    small.site.sql("UPDATE wp_livelist_feeds SET due_at = 1")
    started = [small.site.start(HERE / "slice.php") for _ in range(3)]
    told = [process.communicate(timeout=120)[0] for process in started]
    assert sorted(told) == ["done", "more", "more"]
    assert small.twenty_went()
    assert [run["drafted"] for run in small.site.runs()] == ["20"]


def test_a_process_that_slept_finds_that_another_went_on(small):
    small.reset()
    small.site.switch(slow=300_000)
    small.site.sql("UPDATE wp_livelist_feeds SET due_at = 1")
    first = small.site.start(HERE / "slice.php")
    deadline = time.monotonic() + 60
    while not small.down("draft"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    small.expire_lock()
    small.site.switch(slow=None)
    assert small.slice() == "done"
    assert first.communicate(timeout=120)[0] == "more"
    assert small.twenty_went()
    assert [run["drafted"] for run in small.site.runs()] == ["20"]


def test_what_nobody_went_on_with_is_asked_for_again(small):
    small.reset()
    small.site.switch(kill_hook="transition_post_status", kill_at=5)
    small.site.sql("UPDATE wp_livelist_feeds SET due_at = 1")
    assert small.slice() == ""
    small.site.switch(kill_hook=None, kill_at=None)
    small.expire_lock()
    assert len(small.down("draft")) == 5
    # An hour without visitors; meanwhile all are listed again.
    small.site.sql("UPDATE wp_livelist_runs SET updated_at = updated_at - 3600")
    small.next_list("relist", {"keys": small.sold})
    assert small.slice() == "done"
    assert small.all_stay()
    assert [run["state"] for run in small.site.runs()] == ["applied", "superseded"]


def test_the_list_that_was_removed_meanwhile_is_had_again(small):
    small.reset()
    small.site.switch(slice_seconds=0.0)
    small.site.sql("UPDATE wp_livelist_feeds SET due_at = 1")
    assert small.slice() == "more"
    for file in (small.site.folder / "tmp").glob("livelist-sync-*"):
        file.unlink()
    small.site.switch(slice_seconds=None)
    small.slice()
    assert small.all_stay()
    assert small.error() == "file"
    small.apply()
    assert small.twenty_went()


def test_no_temporary_file_is_left(small):
    assert list((small.site.folder / "tmp").glob("livelist-sync-*")) == []


def test_visitors_carry_it_on_after_a_kill(small):
    small.reset()
    small.site.switch(kill_hook="transition_post_status", kill_at=5)
    small.site.sql("UPDATE wp_livelist_feeds SET due_at = 1")
    small.slice()
    small.site.switch(kill_hook=None, kill_at=None)
    # What the dead process had asked for before it began: a continuation. A minute passes.
    small.expire_lock()
    small.site.eval(
        "$at = wp_next_scheduled('livelist_sync_continue'); echo $at - time();"
        "wp_clear_scheduled_hook('livelist_sync_continue'); if ($at) wp_schedule_single_event(time() - 1, 'livelist_sync_continue');"
    )
    small.site.serve()
    try:
        small.site.cron(small.twenty_went)
    finally:
        small.site.stop()


def test_no_complaints(small):
    assert small.site.complaints() == []
