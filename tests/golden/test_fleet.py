"""The summary of many plans, word for word."""

from pathlib import Path

import pytest

from esnode.errors import CaptureInvalid
from esnode.model.profile import Selector
from esnode.views.fleet import fleet_view, names_in_words
from tests.builders import a_gpu, a_policy, a_profile, an_observation, plan_of
from tests.golden.test_golden import agree

CAP = a_profile(a_policy(), settings={"power_limit_watts": 560.0}, name="cap")
PICKY = a_profile(name="picky", selector=Selector(tags={"cluster_zone": ("us-east-1",)}))


def node(*limits, hot=False):
    gpus = [
        a_gpu(index, settings={"power_limit_watts": limit}, metrics={"gpu_temp_celsius": 85.0 if hot else 60.0})
        for index, limit in enumerate(limits)
    ]
    return plan_of([CAP, PICKY], an_observation(*gpus))


def test_the_summary_of_a_fleet(request, capsys):
    view = fleet_view(as_json=False, no_color=True)
    view.begin(15)
    for number in range(1, 10):
        view.planned(
            f"node{number}", Path(f"node{number}.xml"), view.brief(node(*[700.0] * 8)), digest="", saved_to=None
        )
    view.planned("hot", Path("hot.xml"), view.brief(node(700.0, 600.0, hot=True)), digest="", saved_to=None)
    for number in (98, 99, 100, 7):
        view.planned(f"spare{number}", Path("x.xml"), view.brief(node(560.0)), digest="", saved_to=None)
    view.failed(Path("torn.xml"), CaptureInvalid("torn.xml:3: not XML: no element found"))
    view.unexpected("node2", Path("approved/node2.plan.json"), "its decision is not that of approved/node2.plan.json")
    view.end(Path("plans"))
    said = capsys.readouterr()
    agree("plan_fleet.txt", f"{said.out}\n{said.err}", request)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["a"], "a"),
        (["node2", "node10", "node1", "node9"], "node1, node2, node9, node10"),
        (["n1", "n2", "n3", "n5"], "n1 to n3, n5"),
        (["n08", "n09", "n10", "n11"], "n08 to n11"),
        (["r1-gpu", "r2-gpu", "r3-gpu"], "r1-gpu to r3-gpu"),
        (["x", "y", "10", "11", "12"], "10 to 12, x, y"),
        ([f"n{number}" for number in range(0, 40, 2)], "n0, n2, n4, n6, n8, n10, n12, n14 and 12 more"),
    ],
)
def test_many_names_in_few_words(names, said):
    assert names_in_words(names) == said
