# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Why pods do not run, in words, and which pods a selector means."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.kube.readiness import (
    condition,
    waits_for,
)

Body = Mapping[str, Any]

#: Waiting for these is how every pod begins.
_BEGINNING = frozenset(("ContainerCreating", "PodInitializing"))
#: Different reasons that are told of one workload's pods.
TOLD = 3
#: Characters of a runtime's or scheduler's own words.
LONGEST = 300


def matches(selector: Mapping[str, Any], labels: Mapping[str, str] | None) -> bool:
    """Whether labels are those of a selector (``matchLabels`` and ``matchExpressions``)."""
    labels = labels or {}
    wanted = selector.get("matchLabels") or {}
    return all(labels.get(key) == value for key, value in wanted.items()) and all(
        _holds(rule, labels) for rule in selector.get("matchExpressions") or ()
    )


def _holds(rule: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, values = rule["key"], rule.get("values") or ()
    if rule["operator"] == "In":
        return labels.get(key) in values
    if rule["operator"] == "NotIn":
        return labels.get(key) not in values
    return (key in labels) == (rule["operator"] == "Exists")


def why(pods: Iterable[Body]) -> str:
    """Why some of the pods do not run, each reason once, the most frequent first."""
    counted = Counter(text for text in map(trouble, pods) if text)
    told = [
        text if number == 1 else f"{number} pods: {text}"
        for text, number in counted.most_common(TOLD)
    ]
    return "; ".join(told)


def trouble(pod: Body) -> str:
    """Why a pod does not run or is not ready, empty where it is or has done its work."""
    status = pod.get("status") or {}
    if not waits_for(pod):
        return ""
    if pod["metadata"].get("deletionTimestamp"):
        return "it is being deleted"
    scheduled = condition(pod, "PodScheduled") or {}
    if status.get("phase") == "Failed" and status.get("reason"):
        return _joined(status["reason"], status.get("message"))
    if scheduled.get("status") == "False":
        return _joined(scheduled.get("reason"), scheduled.get("message"))
    return next(_containers(pod), "") or waits_for(pod)


def _containers(pod: Body) -> Iterator[str]:
    """What is wrong with the containers, what needs a person first."""
    status = pod.get("status") or {}
    first, then = status.get("initContainerStatuses") or (), status.get("containerStatuses") or ()
    yield from filter(None, map(_broken, (*first, *then)))
    for entry in first:
        if "running" in (entry.get("state") or {}) and not entry.get("ready"):
            yield f"init container {entry['name']} still runs"
    yield from filter(None, map(_unready, then))


def _broken(entry: Mapping[str, Any]) -> str:
    """Why a container does not run: it may not start, or it does not stay."""
    state = entry.get("state") or {}
    waiting, ended = state.get("waiting") or {}, state.get("terminated") or {}
    reason = waiting.get("reason")
    if ended.get("exitCode"):
        return f"container {entry['name']}: {_ending(ended)}{_times(entry)}"
    if not reason or reason in _BEGINNING:
        return ""
    before = (entry.get("lastState") or {}).get("terminated")
    if before:
        return f"container {entry['name']}: {reason}, {_ending(before)}{_times(entry)}"
    return f"container {entry['name']}: {_joined(reason, waiting.get('message'))}"


def _unready(entry: Mapping[str, Any]) -> str:
    """Why a container that is not broken is not ready."""
    state = entry.get("state") or {}
    if "waiting" in state:
        return f"container {entry['name']}: {state['waiting'].get('reason', 'waiting')}"
    if "running" in state and not entry.get("ready"):
        probe = "readiness" if entry.get("started", True) else "startup"
        return f"container {entry['name']}: it runs, and its {probe} probe fails"
    return ""


def _ending(ended: Mapping[str, Any]) -> str:
    reason = ended.get("reason")
    shown = f" ({reason})" if reason and reason != "Error" else ""
    return f"exit code {ended.get('exitCode', '?')}{shown}"


def _times(entry: Mapping[str, Any]) -> str:
    restarts = entry.get("restartCount", 0)
    if not restarts:
        return ""
    return ", 1 restart" if restarts == 1 else f", {restarts} restarts"


def _joined(reason: Any, message: Any) -> str:
    """One line of bounded length: what a registry answered may be a page."""
    line = " ".join(": ".join(str(text) for text in (reason, message) if text).split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"
