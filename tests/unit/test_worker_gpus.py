"""`gpus` is spelled as for docker's `--gpus`."""

import pytest

from conveyor.extensions.runtimes import RuntimeRejected
from services.worker.runtimes.containers.gpus import device_requests


@pytest.mark.parametrize(
    ("text", "request_"),
    [
        ("all", {"Count": -1, "Capabilities": [["gpu"]]}),
        ("2", {"Count": 2, "Capabilities": [["gpu"]]}),
        ("device=0,1", {"DeviceIDs": ["0", "1"], "Capabilities": [["gpu"]]}),
        ('"device=0,1"', {"DeviceIDs": ["0", "1"], "Capabilities": [["gpu"]]}),
        (
            'count=1,"capabilities=utility,compute"',
            {"Count": 1, "Capabilities": [["utility", "compute", "gpu"]]},
        ),
        ("driver=nvidia,count=all", {"Count": -1, "Driver": "nvidia", "Capabilities": [["gpu"]]}),
    ],
)
def test_the_usual_forms_are_read(text: str, request_: dict[str, object]) -> None:
    assert device_requests(text) == [request_]


@pytest.mark.parametrize("text", ["some", "0", "-1", "device=", "count=1,device=0", "x=1", "1,2"])
def test_other_forms_are_rejected_with_the_value(text: str) -> None:
    with pytest.raises(RuntimeRejected, match="gpus"):
        device_requests(text)


@pytest.mark.parametrize("text", ["driver=cdi,device=vendor.com/class=all", "device=x,driver=cdi"])
def test_a_driver_that_hands_out_any_device_is_refused(text: str) -> None:
    with pytest.raises(RuntimeRejected, match="any device"):
        device_requests(text)
