"""Templates in a browser: written, run from a form, kept by versions."""

from playwright.sync_api import Page, expect

from tests.support.browser.axe import check_accessible
from tests.support.browser.guard import Guard
from tests.support.browser.stack import Stack

GREETING = """
template:
  name: {name}
  version: "1.0"
  description: Greets somebody.
  inputs:
    who: {{title: Whom, description: Whom to greet., default: world}}
    times: {{type: integer, default: 1, minimum: 1, maximum: 3}}
    loud: {{type: boolean, default: false}}
    words: {{type: array, items: {{type: string}}, default: [hello]}}
    style: {{enum: [plain, fancy]}}
    letter: {{type: file, required: false}}
    token: {{type: secret, required: false}}
name: {name}
tasks:
  - name: a
    var: a
    env: {{WHO: "{{{{ inputs.who }}}}"}}
    run: printf %s $WHO > $TORK_OUTPUT
output: "{{{{ tasks.a }}}}"
"""


def test_a_template_is_run_from_its_form_with_errors_at_the_fields(
    page: Page, guard: Guard, stack: Stack
) -> None:
    guard.expect("400")
    headers = {"Content-Type": "text/yaml"}
    stack.call("POST", "/templates", content=GREETING.format(name="form"), headers=headers)
    page.goto("/ui/templates?q=form")
    check_accessible(page)
    page.get_by_role("link", name="form", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("form@1.0")
    expect(page.get_by_label("Whom")).to_have_value("world")

    page.get_by_label("times").fill("9")
    page.get_by_label("Whom").fill("Ann")
    page.get_by_label("letter").set_input_files(
        {"name": "a.txt", "mimeType": "text/plain", "buffer": b"hello"}
    )
    page.get_by_label("token").fill("t0ken-1")
    page.get_by_role("button", name="Run the template").click()
    expect(page.get_by_text("9: must be at most 3")).to_be_visible()
    expect(page.get_by_label("style (required)")).to_have_accessible_description("is required")
    check_accessible(page)

    page.get_by_label("times").fill("2")
    page.get_by_label("style (required)").select_option("fancy")
    page.get_by_label("loud").select_option("true")
    page.get_by_role("button", name="Run the template").click()
    page.wait_for_url("**/ui/jobs/*")
    job = stack.until(page.url.rpartition("/")[2], "COMPLETED")
    assert job["template"] == {"name": "form", "version": "1.0"}
    assert job["inputs"] == {
        "who": "Ann",
        "times": "2",
        "loud": "true",
        "words": ["hello"],
        "style": "fancy",
    }
    assert list(job["uploads"]) == ["letter"]
    assert job["result"] == "Ann"


def test_a_job_is_saved_as_a_template_edited_deactivated_and_deleted(
    page: Page, stack: Stack
) -> None:
    job = stack.submit("name: from job\ninputs: {who: Ann}\ntasks: [{name: a, run: 'true'}]\n")
    page.goto(f"/ui/submit?from={job}")
    page.get_by_role("button", name="Save as template").click()
    page.get_by_role("button", name="Save the template").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("from-job@1.0")
    expect(page.get_by_label("who")).to_have_value("Ann")

    page.get_by_role("link", name="Edit").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Edit a template")
    page.get_by_role("button", name="Save the template").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("from-job@1.0")
    assert stack.call("GET", "/templates/from-job")["versions"][0]["revision"] == 2
    page.get_by_role("button", name="Deactivate").click()
    expect(page.get_by_text("This version is inactive")).to_be_visible()
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("button", name="Delete the version").click()
    page.wait_for_url("**/ui/templates")
    names = [one["name"] for one in stack.call("GET", "/templates")["items"]]
    assert "from-job" not in names


def test_the_inputs_of_a_schedule_of_a_template_are_edited_in_the_form_of_the_template(
    page: Page, guard: Guard, stack: Stack
) -> None:
    guard.expect("400")
    headers = {"Content-Type": "text/yaml"}
    stack.call("POST", "/templates", content=GREETING.format(name="timed"), headers=headers)
    inputs = {"who": "Ann", "style": "plain"}
    schedule = {"template": "timed@1", "inputs": inputs, "schedule": {"cron": "@yearly"}}
    schedule_id = stack.call("POST", "/scheduled-jobs", json=schedule)["id"]
    page.goto(f"/ui/schedules/{schedule_id}?tab=edit")
    form = page.get_by_role("form", name="Inputs")
    save = form.get_by_role("button", name="Save inputs")
    expect(form.get_by_label("Whom")).to_have_value("Ann")
    expect(form.get_by_label("token")).to_have_count(0)  # it stays as it was submitted
    expect(save).to_be_disabled()

    form.get_by_label("times").fill("9")
    save.click()
    expect(form.get_by_text("9: must be at most 3")).to_be_visible()
    form.get_by_label("times").fill("2")
    form.get_by_label("Whom").fill("")
    save.click()
    expect(form.get_by_label("Whom")).to_have_value("world")
    expect(save).to_be_disabled()
    check_accessible(page)
    now = stack.call("GET", f"/scheduled-jobs/{schedule_id}")
    assert now["template"]["inputs"] == {"style": "plain", "times": "2"}
