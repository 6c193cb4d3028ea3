# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Services that Argo CD has: their version is committed where it stands in Git, or their sync is held meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from functools import partial

from ansible_collections.groundwork.platform.plugins.module_utils.app_release.model import (
    Service,
    Target,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gitops import git
from ansible_collections.groundwork.platform.plugins.module_utils.gitops.argocd import (
    examine,
    hold,
    release,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gitops.argocd_state import (
    Application,
    revisions,
    sync_status,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gitops.argocd_sync import synced
from ansible_collections.groundwork.platform.plugins.module_utils.gitops.argocd_watch import get
from ansible_collections.groundwork.platform.plugins.module_utils.gitops.git import GitSource
from ansible_collections.groundwork.platform.plugins.module_utils.kube.client import Client
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.progress import Tell


class Gitops:
    """Argo CD's part of a release. ``notes`` say which syncs stay held when it is over, and what to do."""

    def __init__(self, client: Client, namespace: str, check: bool, by: str, tell: Tell) -> None:
        self._client = client
        self._namespace = namespace
        self._check = check
        self._by = by
        self._tell = tell
        self._commits: dict[str, git.Commit] = {}
        self.notes: list[str] = []

    async def read(self, service: Service) -> str:
        """The version that Git has of a service. Raises ``KubeError`` where it cannot be read."""
        return await git.read(_source(service))

    async def there(self, service: Service) -> bool:
        """Whether Argo CD has the cluster at a commit with the service's version. Raises ``KubeError`` as ``read``."""
        found = await get(self._client, self._application(service))
        return sync_status(found) == "Synced" and await git.at(
            _source(service), service.target.version, revisions(found)
        )

    async def bring(self, service: Service, target: Target) -> tuple[str, ...]:
        """Commit a version and wait until Argo CD has brought it. Raises ``KubeError`` in git's and Argo CD's words."""
        source = _source(service)
        if self._check:
            return (
                f"{source.key} in {source.where}: {await self.read(service)} → {target.version}",
            )
        who = f" by {self._by}" if self._by else ""
        message = (
            f"{service.name}: {target.version}\n\nReleased{who} by groundwork.platform.app_release."
        )
        earlier = self._commits.get(service.name)
        if earlier and earlier.changed and earlier.previous == target.version:
            # The way back: refused where somebody has changed the value since.
            done = await git.undo(source, earlier, message)
        else:
            done = await git.commit(source, target.version, message)
        self._commits[service.name] = done
        told = f"{done.previous} → {done.value}" if done.changed else f"{done.value}, as it was"
        self._tell(service.name, f"commit {done.after[:8]} of {source.where}: {told}")
        await synced(
            self._client,
            self._application(service),
            done.after,
            service.timeout,
            lambda _name, text: self._tell(service.name, f"Argo CD: {text}"),
            contains=partial(git.contains, source, done.after),
            # A sync that waits for pods that never come up would not let go.
            instead_of=earlier.after if earlier else "",
        )
        return (f"commit {done.after[:8]}: {told}",) if done.changed else ()

    async def refused(self, services: Iterable[Service]) -> list[KubeError]:
        """Why Applications could not be held, or are not there."""
        found = []
        for application, by_git in self._applications(services).items():
            try:
                await (get if by_git else examine)(self._client, application)
            except KubeError as error:
                found.append(error)
        return found

    @asynccontextmanager
    async def held(
        self, moving: Iterable[Service], every: Iterable[Service]
    ) -> AsyncIterator[None]:
        """Hold the sync of all Applications whose services are applied from here; give it back where Git agrees.

        Those of ``every`` service that an earlier run held are given back as well, where Git has caught up. Raises
        ``KubeError`` where one cannot be held; none is then.
        """
        try:
            for application, by_git in self._applications(moving).items():
                if (
                    not by_git
                    and (await hold(self._client, application, "app_release")).policy is not None
                ):
                    self._tell("", f"the sync of {application} is held")
            yield
        finally:
            for application, by_git in self._applications(every).items():
                if not by_git:
                    await self._give_back(application)

    async def _give_back(self, application: Application) -> None:
        try:
            why = await release(self._client, application)
        except KubeError as error:
            why = f"The sync of {application} stays held: {error}"
        if why:
            self.notes.append(why)
            self._tell("", why)

    def _applications(self, services: Iterable[Service]) -> dict[Application, bool]:
        """The Applications of services, and whether what they bring is committed."""
        return {
            self._application(service): service.git is not None
            for service in services
            if service.application
        }

    def _application(self, service: Service) -> Application:
        return Application(service.application, self._namespace)


def _source(service: Service) -> GitSource:
    if service.git is None:
        raise AssertionError(f"{service.name} is in no repository")
    return service.git
