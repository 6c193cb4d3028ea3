# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""All that is found out before the first change: what is there, what the values are, what stands in the way."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.kube.client import Client
from ansible_collections.groundwork.platform.plugins.module_utils.kube.discovery import (
    Catalogue,
    Resource,
    discover,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.kube.manifest import Manifest
from ansible_collections.groundwork.platform.plugins.module_utils.kube.observe import Found, World
from ansible_collections.groundwork.platform.plugins.module_utils.kube.plan import plan
from ansible_collections.groundwork.platform.plugins.module_utils.kube.preflight import check
from ansible_collections.groundwork.platform.plugins.module_utils.kube_secrets import (
    files,
    keep,
    live,
    manifests,
    secret_manager,
    values,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube_secrets.generated import (
    Generation,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube_secrets.live import (
    Live,
    Target,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube_secrets.model import (
    CSI,
    KINDS,
    SEALED,
    SECRET,
    Described,
    Generated,
    MissingError,
    Stored,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube_secrets.sealing import (
    Certificate,
    read_certificate,
    throwaway,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube_secrets.settings import (
    RefusedError,
    Report,
    Settings,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube_secrets.wanted import Tools
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.problem import Problem

_WAYS_OUT = {
    "unknown_kind": "Install what brings the kind, or choose another form",
    "no_namespace": "Make the namespace first, or correct its name",
    "namespace_terminating": "Start again when it is gone",
}
_PLURALS = {SEALED: "sealedsecrets", CSI: "secretproviderclasses"}
_VERBS = frozenset(("create", "delete", "get", "list", "patch", "watch"))


@dataclass(frozen=True)
class Prepared:
    """What a run goes on with. ``no_namespace`` and ``no_kind`` are missing, which only check mode does without."""

    catalogue: Catalogue
    there: Mapping[Target, Live]
    contents: Mapping[Target, Mapping[str, bytes]] = field(repr=False)
    tools: Tools
    no_namespace: frozenset[str]
    no_kind: frozenset[str]


class Preparation:
    """Looks everywhere, notes each problem, and refuses with all of them."""

    def __init__(
        self,
        client: Client,
        described: list[Described],
        problems: list[Problem],
        settings: Settings,
        report: Report,
    ) -> None:
        self._client = client
        self._described = described
        self._problems = problems
        self._settings = settings
        self._report = report
        self._keep = keep.Keep(settings.state_dir, settings.options.check)
        self._targets = [
            Target(secret, namespace) for secret in described for namespace in secret.namespaces
        ]

    async def run(self) -> Prepared:
        """Raises ``RefusedError``, and ``KubeError`` where the cluster cannot be asked."""
        catalogue, phases = await asyncio.gather(
            discover(self._client),
            live.phases(self._client, {target.namespace for target in self._targets}),
        )
        no_kind = frozenset(
            target.described.form
            for target in self._targets
            if not self._git_only(target) and not catalogue.get(KINDS[target.described.form])
        )
        no_namespace = frozenset(
            target.namespace
            for target in self._targets
            if phases is not None and target.namespace not in phases
        )
        there = await self._look(catalogue)
        self._check_places(catalogue, World({}, phases), there, no_kind)
        generation = Generation(self._keep, there)
        certificate, known = await asyncio.gather(
            self._certificate(no_kind), self._values(generation)
        )
        self._contents(known)
        contents = self._contents(replace(known, generated=generation.save(known.generated)))
        if self._settings.options.check:
            catalogue = _with_coming(catalogue, no_kind)
        tools = Tools(
            certificate,
            self._digest_key(),
            self._settings.csi_provider,
            self._settings.standby,
            self._settings.git_only,
        )
        self._report.generated = self._keep.written
        return Prepared(catalogue, there, contents, tools, no_namespace, no_kind)

    def _contents(self, known: values.Known) -> dict[Target, Mapping[str, bytes]]:
        """The values of all secrets; refuses where anything at all stands in the way."""
        by_secret = {secret: values.contents(secret, known) for secret in self._described}
        for _contents, problems in by_secret.values():
            self._problems += problems
        if self._problems:
            raise RefusedError(self._problems)
        return {target: by_secret[target.described][0] for target in self._targets}

    def _note(self, where: str, error: MissingError) -> None:
        self._problems.append(
            Problem(error.reason, where, error.what, "Nothing is written in part", error.way_out)
        )

    def _git_only(self, target: Target) -> bool:
        """Whether somebody else applies an object, out of its file."""
        return self._settings.git_only and target.described.form != SECRET

    def _check_places(
        self,
        catalogue: Catalogue,
        world: World,
        there: Mapping[Target, Live],
        no_kind: frozenset[str],
    ) -> None:
        """Kinds, namespaces and owners; check mode does without what an earlier task would have made."""
        wanted = [target for target in self._targets if not self._git_only(target)]
        if self._settings.options.check:
            self._report.warnings += [catalogue.unknown(KINDS[form]) for form in sorted(no_kind)]
            wanted = [target for target in wanted if target.described.form not in no_kind]
            world = world.with_namespaces(self._settings.expected_namespaces)
        # One of each: what is there twice has been told with the description.
        bare = {
            target.key: Manifest(
                manifests.bare(target.described, target.namespace), target.described.where()
            )
            for target in wanted
        }
        found = {
            target.key: Found(False, (), live.own)
            for target, live in there.items()
            if live.own is not None
        }
        try:
            check(plan(bare.values(), catalogue, "default", None), replace(world, found=found))
        except KubeError as error:
            what = str(error).replace(" Nothing was changed.", "").removesuffix(".")
            way_out = _WAYS_OUT.get(error.reason, "Leave it to who owns it")
            self._note("the cluster", MissingError(error.reason, what, way_out))

    async def _look(self, catalogue: Catalogue) -> dict[Target, Live]:
        found = await asyncio.gather(
            *(live.look(self._client, catalogue, target) for target in self._targets)
        )
        there = {
            target: replace(one, filed=self._filed(target))
            for target, one in zip(self._targets, found)
        }
        self._problems += live.belongs_to_others(
            [(target, one) for target, one in there.items() if not self._git_only(target)],
            self._settings.inventory,
            self._settings.options.force_conflicts,
        )
        return there

    def _filed(self, target: Target) -> Mapping[str, Any] | None:
        folder = self._settings.files_dir
        if not folder or target.described.form != SEALED:
            return None
        body = manifests.skeleton(target.described, target.namespace)
        return files.read(files.path_of(folder, body))

    async def _certificate(self, no_kind: frozenset[str]) -> Certificate | None:
        settings = self._settings
        if not any(secret.form == SEALED for secret in self._described):
            return None
        try:
            if settings.certificate:
                return read_certificate(_content(settings.certificate), settings.certificate)
            if SEALED in no_kind and not settings.options.check:
                return None  # that its definition is missing is told already
            return await live.fetch_certificate(
                self._client, settings.controller_namespace, settings.controller_name
            )
        except MissingError as error:
            if settings.options.check:
                self._report.warnings.append(
                    f"Sealing is tried with a key of no use, as there is no certificate: {error}."
                )
                return throwaway()
            if not settings.standby:
                self._note("the certificate to seal against", error)
        return None

    async def _values(self, generation: Generation) -> values.Known:
        """All values that can be had; generated ones may still have to be made."""
        wanted = list(values.sources(self._described))
        stored: secret_manager.Fetched = {}
        names = {source.resource for source in wanted if isinstance(source, Stored)}
        try:
            stored = await asyncio.to_thread(secret_manager.fetch, names, self._settings.google)
        except MissingError as error:
            stored = dict.fromkeys(names, error)
        made = generation.values(dict.fromkeys(s for s in wanted if isinstance(s, Generated)))
        return values.Known(self._settings.environment, stored, made)

    def _digest_key(self) -> bytes:
        if not any(secret.form == SEALED for secret in self._described):
            return b""
        return self._settings.digest_key or self._keep.digest_key()


def _content(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise MissingError(
            "no_certificate",
            f"{path}: {error.strerror}",
            "Write it with kubeseal --fetch-cert, or leave it out to have the controller asked",
        ) from error


def _with_coming(catalogue: Catalogue, forms: frozenset[str]) -> Catalogue:
    """The catalogue as it will be when the definitions are there, for check mode."""
    coming = {KINDS[form]: Resource(KINDS[form], _PLURALS[form], True, _VERBS) for form in forms}
    return replace(catalogue, resources={**catalogue.resources, **coming})
