"""What counts as holding a GPU, and what stands in the way of an eviction."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esnode.errors import BadValue
from esnode.kubernetes.budgets import Budget, selects
from esnode.kubernetes.pods import gpu_requests
from esnode.kubernetes.quantities import parse_quantity, show_quantity

GPU = "nvidia.com/gpu"


def container(count, name=GPU, **more):
    return {"resources": {"limits": {name: count}}, **more}


@pytest.mark.parametrize(
    ("text", "value"),
    [("8", "8"), ("0", "0"), ("2k", "2000"), ("1Ki", "1024"), ("500m", "0.5"), ("1e3", "1000"), ("1.5", "1.5")],
)
def test_a_quantity_is_read_as_kubernetes_means_it(text, value):
    assert show_quantity(parse_quantity(text)) == value


@pytest.mark.parametrize("text", ["", "many", "8 GPUs", "1kk", "1e", "--1", "0x8"])
def test_what_is_no_quantity_is_never_taken_for_zero(text):
    with pytest.raises(BadValue):
        parse_quantity(text)


@given(st.integers(0, 10**9))
def test_whole_numbers_come_back_as_they_were(number):
    assert show_quantity(parse_quantity(str(number))) == str(number)


@pytest.mark.parametrize(
    ("spec", "count"),
    [
        ({"containers": [container("2"), container("1")]}, 3),
        ({"containers": [container("1")], "initContainers": [container("4"), container("2")]}, 4),
        ({"containers": [container("3")], "initContainers": [container("1")]}, 3),
        ({"containers": [container("1")], "initContainers": [container("2", restartPolicy="Always")]}, 3),
        (
            {
                "containers": [container("1")],
                "initContainers": [container("2", restartPolicy="Always"), container("5")],
            },
            7,
        ),
        ({"containers": [{"resources": {"requests": {GPU: "2"}}}]}, 2),
    ],
)
def test_gpus_are_counted_as_the_scheduler_counts_them(spec, count):
    assert gpu_requests(spec) == {GPU: Decimal(count)}


@pytest.mark.parametrize(
    "spec",
    [
        {"containers": [{}]},
        {"containers": [container("0")]},
        {"containers": [container("1", "cpu")]},
        {"containers": [container("1", "amd.com/gpu")]},
        {"containers": [container("1", "nvidia.com/gpu.product")]},
    ],
)
def test_what_holds_no_gpu_of_nvidia_is_left_alone(spec):
    assert gpu_requests(spec) == {}


def test_slices_and_shared_gpus_are_gpus():
    spec = {"containers": [container("1", "nvidia.com/mig-1g.10gb"), container("2", "nvidia.com/gpu.shared")]}
    assert set(gpu_requests(spec)) == {"nvidia.com/mig-1g.10gb", "nvidia.com/gpu.shared"}


@pytest.mark.parametrize(
    ("selector", "is_selected"),
    [
        ({}, True),
        ({"matchLabels": {"app": "train"}}, True),
        ({"matchLabels": {"app": "train", "tier": "x"}}, False),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["serve", "train"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["train"]}]}, False),
        ({"matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["x"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}, False),
        ({"matchLabels": {"app": "train"}, "matchExpressions": [{"key": "tier", "operator": "Exists"}]}, False),
    ],
)
def test_a_selector_selects_as_the_api_says(selector, is_selected):
    assert selects(selector, {"app": "train"}) is is_selected


def test_a_budget_covers_its_own_namespace_only():
    budget = Budget(namespace="ml", name="all", selector={}, is_used_up=True)
    assert budget.covers("ml", {})
    assert not budget.covers("web", {})
    assert not Budget(namespace="ml", name="none", selector=None, is_used_up=True).covers("ml", {})
