"""The links in the head of the page: what its address needs first."""

from services.coordinator.api.first_requests import FirstRequests, head_links

ID, PARENT = "0123456789abcdef" * 2, "f" * 32
TABLE = (
    FirstRequests(address="/", scripts=(), styles=(), data=("/jobs?q=a&size=50",)),
    FirstRequests(
        address="/ui/jobs/{id}?parent={parent}",
        scripts=("/ui/assets/job.js",),
        styles=("/ui/assets/job.css",),
        data=("/jobs/{id}/tasks?parent={parent}",),
    ),
    FirstRequests(address="/ui/jobs/{id}?*", scripts=("/job.js",), styles=(), data=()),
)


def test_an_address_gets_the_links_of_the_first_entry_that_fits() -> None:
    assert head_links(TABLE, "/", may_read=True) == (
        '<link rel="preload" as="fetch" crossorigin href="/jobs?q=a&amp;size=50">\n'
    )
    assert head_links(TABLE, f"/ui/jobs/{ID}?parent={PARENT}", may_read=True) == (
        '<link rel="modulepreload" crossorigin href="/ui/assets/job.js">\n'
        '<link rel="stylesheet" crossorigin href="/ui/assets/job.css">\n'
        '<link rel="preload" as="fetch" crossorigin '
        f'href="/jobs/{ID}/tasks?parent={PARENT}">\n'
    )
    assert "/job.js" in head_links(TABLE, f'/ui/jobs/{ID}?q="><script>', may_read=True)


def test_nothing_of_an_address_but_whole_ids_gets_into_the_head() -> None:
    for address in (
        "/?q=x",
        "/ui/jobs/name",
        f"/ui/jobs/{ID}",
        f"/ui/jobs/{ID.upper()}?a",
        f"/ui/jobs/{ID}/?a\n",
        f'/ui/jobs/{ID}"><script>?parent={PARENT}',
    ):
        assert head_links(TABLE, address, may_read=True) == "", address


def test_the_data_are_not_asked_for_when_nobody_is_signed_in() -> None:
    links = head_links(TABLE, f"/ui/jobs/{ID}?parent={PARENT}", may_read=False)
    assert "modulepreload" in links
    assert "/jobs/" not in links
