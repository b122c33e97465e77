"""Apply's hands in a story: everything is done to the story's own processes, node and channels, and nothing outside."""

from __future__ import annotations

from collections.abc import Sequence

from esnode.errors import DeliveryFailed
from esnode.model.alerts import Notification
from esnode.model.cluster import ClusterNode, NodeOrder
from esnode.model.settings import SettingValue
from esnode.model.story import Story
from esnode.model.writes import Done, Termination
from esnode.records import replace
from esnode.simulator.world import World


class StoryHands:
    """`node` is the machine as a node of a cluster that only the story knows."""

    def __init__(self, story: Story, world: World) -> None:
        self._story = story
        self._world = world
        self.node = ClusterNode(name=world.hostname, is_cordoned=False, pods=story.stage.pods)

    def end_processes(self, orders: Sequence[Termination]) -> Sequence[Done]:
        """They are gone from their GPUs, and so is their part of the work."""
        with self._world.registers.changing() as state:
            for order in orders:
                gone = {process.key for process in state.processes_of(state.machine.spec(order.uuid))}
                gone = {key for key in gone if key.partition(":")[0] == str(order.pid)}
                state.gpus[order.uuid].ended += sorted(gone)
        return [Done(error=None, note="ended") for _ in orders]

    def change_node(self, order: NodeOrder) -> Done:
        """Every pod lets itself be evicted at once."""
        conditions = {**self.node.conditions, **{name: str(wanted) for name, wanted in order.conditions.items()}}
        cordoned = self.node.is_cordoned if order.cordon is None else order.cordon
        evicted = len(self.node.pods) if order.evict else 0
        pods = () if order.evict else self.node.pods
        self.node = replace(self.node, conditions=conditions, is_cordoned=cordoned, pods=pods)
        is_true = sorted(name for name in order.conditions if conditions[name] == "True")
        found: dict[str, SettingValue] = {
            "evicted": float(evicted),
            "cordoned": cordoned,
            "conditions": ",".join(is_true),
            "left": "",
        }
        return Done(error=None, note=f"{evicted} pods evicted", read_back=found)

    def send(self, notifications: Sequence[Notification]) -> Sequence[Done]:
        """Nothing is sent. With a node file, a channel that it does not define fails, as it would."""
        return [self._sent(notification) for notification in notifications]

    def _sent(self, notification: Notification) -> Done:
        node_file = self._story.node_file
        if node_file.path and notification.channel not in node_file.channels:
            return Done(error=DeliveryFailed(f"The channel {notification.channel} is not defined in {node_file.path}"))
        return Done(error=None, note="sent")
