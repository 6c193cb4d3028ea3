# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Why a Job's pods fail: from what the API says of them to words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.kube.readiness import condition

Body = Mapping[str, Any]

#: Lines of a log that are told.
LINES = 20
#: What a container waits for that does not come by itself within a Job's deadline. ErrImagePull is tried again by the
#: kubelet at once; ImagePullBackOff says that it failed again.
#: (kubernetes, pkg/kubelet/images/types.go and pkg/kubelet/kuberuntime/kuberuntime_container.go)
HOPELESS = frozenset(
    (
        "CreateContainerConfigError",
        "CreateContainerError",
        "ErrImageNeverPull",
        "ImageInspectError",
        "ImagePullBackOff",
        "InvalidImageName",
    )
)


@dataclass(frozen=True)
class Ended:
    """A container that ended badly. ``previous`` says that the kubelet has begun it anew since."""

    pod: str
    container: str
    reason: str
    exit_code: int
    previous: bool = False
    log: tuple[str, ...] = ()

    def with_log(self, text: str) -> Ended:
        """The same with its last words."""
        return replace(self, log=tuple(text.splitlines()[-LINES:]))

    def __str__(self) -> str:
        last = f": {self.log[-1]}" if self.log else ""
        return f"{self.container} ended with exit code {self.exit_code} ({self.reason}){last}"


def ended(pod: Body) -> Iterator[tuple[str, Ended]]:
    """Containers of a pod that ended badly, now or before their last start; each with its own id."""
    for status in _statuses(pod):
        for place, previous in (("state", False), ("lastState", True)):
            found = (status.get(place) or {}).get("terminated")
            if found and found.get("exitCode", 0) != 0:
                key = found.get("containerID") or f"{status['name']}-{status.get('restartCount')}"
                yield (
                    key,
                    Ended(
                        pod["metadata"]["name"],
                        status["name"],
                        found.get("reason", "Error"),
                        int(found["exitCode"]),
                        previous,
                    ),
                )


def hopeless(pod: Body) -> str:
    """What a pod waits for in vain, or an empty text."""
    for status in _statuses(pod):
        waiting = (status.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") in HOPELESS:
            message = " ".join(str(waiting.get("message", "")).split())
            return f"{status['name']} ({status.get('image', '')}): {waiting['reason']} {message}".strip()
    return ""


def verdict(job: Body) -> tuple[bool, str] | None:
    """Whether a Job went well and, if not, why; ``None`` where it has not ended.

    A Job has ended as soon as it says so (SuccessCriteriaMet, FailureTarget); that it is Complete or has Failed is
    written when the controller has let go of its pods, up to seconds later. One that leaves pods at work when it has
    what it wanted (successPolicy) has ended with them.
    (kubernetes.io/docs/concepts/workloads/controllers/job, "Terminal Job conditions")
    """
    if _holds(job, "Complete"):
        return True, ""
    for name in ("Failed", "FailureTarget"):
        found = _holds(job, name)
        if found:
            return False, f"{found.get('reason', '')}: {found.get('message', '')}".strip(": ")
    status = job.get("status") or {}
    left = status.get("active") or status.get("terminating")
    return (True, "") if _holds(job, "SuccessCriteriaMet") and not left else None


def completed(job: Body) -> str:
    """When a Job ended well, as the cluster writes it, or an empty text."""
    written = (job.get("status") or {}).get("completionTime")
    met = _holds(job, "SuccessCriteriaMet") or {}
    return str(written or met.get("lastTransitionTime", ""))


def _holds(job: Body, name: str) -> Body | None:
    found = condition(job, name)
    return found if found and found.get("status") == "True" else None


def _statuses(pod: Body) -> Sequence[Body]:
    status = pod.get("status") or {}
    return [
        *(status.get("initContainerStatuses") or ()),
        *(status.get("containerStatuses") or ()),
    ]
